# shellcheck shell=bash disable=SC2154 # see check
# What only the host can see of a VM, from the kernel this runs on.

vm_field_known() { [ -n "$(vm_status "$1" "$2")" ]; }

# The process is found, and what the kernel says of it is shown; what it does not say, is not.
test_host_signals_of_a_guest()
{
	configure </dev/null
	start_daemon
	eventually "the part of vm-a in the host's swap is known" vm_field_known vm-a host_swap_kib
	eventually "how long it waits for CPUs is known, or why it is not" \
		eval 'vm_field_known vm-a cpu_wait_permille || log_has "wait for the host is not known"'
	if [ "$(cat /proc/sys/kernel/task_delayacct 2>/dev/null)" = 1 ]; then
		eventually "waiting for host swap is known" vm_field_known vm-a swap_wait_permille
	else
		expect_not "what is not accounted for is shown" vm_field_known vm-a swap_wait_permille
		equal "lines that say how to turn it on" \
			"$(log_count 'kernel.task_delayacct=1|no taskstats|CAP_NET_ADMIN|cannot be reached')" 1
	fi
	if [ -d /sys/devices/system/node/node0 ]; then
		expect "the memory of the host's first NUMA node is known" \
			at_least "$(status_json | jq .host.node0_total_kib)" 1
	fi
	ticks_pass 3
	stop_daemon
	equal "lines about it" "$(log_count 'wait for the host is not known')" \
		"$([ "$(cat /proc/sys/kernel/task_delayacct 2>/dev/null)" = 1 ] && echo 0 || echo 1)"
}

# Disks of the host that hardware or a hypervisor stands behind, as the daemon chooses them.
host_has_disks()
{
	local device
	for device in /sys/block/*/device; do
		[ -e "$device" ] && [ "$(cat "${device%/device}/removable")" = 0 ] && return 0
	done
	return 1
}

test_storage_latency_of_this_host()
{
	host_has_disks || skip "this host shows no disks"
	configure </dev/null
	start_daemon
	eventually "what an I/O takes is known" \
		eval 'status_json | jq -e ".host.storage_latency_us >= 0" >/dev/null'
	stop_daemon
}

# A disk of a made-up host: I/Os are under way on it, and none ends.
disk_hangs() { echo '8 0 sda 10 0 0 100 0 0 0 0 2 0 0 0 0 0 0 0 0' >"$1/proc/diskstats"; }

disk_is_idle() { echo '8 0 sda 12 0 0 102 0 0 0 0 0 0 0 0 0 0 0 0 0' >"$1/proc/diskstats"; }

diagnosed() { "$aerostatctl" diagnose >"$test_dir/diagnosis" 2>&1 && grep -q "$1" "$test_dir/diagnosis"; }

not_diagnosed() { ! diagnosed "$1"; }

test_slow_storage_is_told()
{
	local root=$test_dir/root
	mkdir -p "$root/proc" "$root/sys/block/sda/device"
	echo 0 >"$root/sys/block/sda/removable"
	cp /proc/meminfo "$root/proc/"
	disk_hangs "$root"
	configure <<-CONF
		[alarms]
		hold = 0
		storage_latency = 1s
	CONF
	start_daemon --root "$root"
	eventually "it is an alarm" log_has \
		'host: alarm storage-latency: has had slow storage for long \(sda: [0-9.]+ ms, limit 1000\.0 ms\)'
	eventually "the diagnosis agrees" diagnosed '^ *Storage is slow: an I/O on sda takes '
	expect "the status has it" grep -q 'alarm: .*storage-latency' <<<"$("$aerostatctl" status)"
	expect "top shows it" grep -qE '; I/O [0-9]{4,}\.[0-9] ms;' <<<"$("$aerostatctl" top --batch)"
	disk_is_idle "$root"
	eventually "and it is over" log_has 'no longer storage-latency'
	eventually "for the diagnosis, too" not_diagnosed Storage
	rm "$root/proc/diskstats"
	eventually "without disks nothing is known" \
		eval 'status_json | jq -e ".host | has(\"storage_latency_us\") | not" >/dev/null'
	stop_daemon
}
