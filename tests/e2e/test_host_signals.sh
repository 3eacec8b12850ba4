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
