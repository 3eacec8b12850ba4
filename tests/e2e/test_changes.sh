# shellcheck shell=bash disable=SC2154 # see check
# What others do to a domain while the daemon controls it: its name, size, devices, and past.

# A guest of this file's own, defined and not only running: vm-other. What it has besides comes on
# standard input, as sed expressions for its description.
other_guest()
{
	other_xml=$out/vm-other.xml
	"$top/scripts/guest-domain" --name vm-other --max "$guest_mib" \
		--kernel "$build/kernels/6.1/vmlinuz" --initrd "$out/image-6.1" \
		--cmdline "agent.module=virtio_balloon memhp_default_state=online" \
		--console "$out/vm-other.console" --port "unix:$sockets/vm-other.port" \
		--stats-period 1 --accel "$accel" >"$other_xml"
	sed -i -f /dev/stdin "$other_xml"
	trap 'end_test; other_gone' EXIT
	virsh -q define "$other_xml" >/dev/null
	other_started vm-other
}

other_started()
{
	virsh -q start "$1" >/dev/null
	wait_booted vm-other # its port keeps the name
}

other_gone()
{
	local name
	for name in vm-other vm-renamed; do
		virsh -q destroy "$name" >/dev/null 2>&1 || true
		virsh -q undefine "$name" --snapshots-metadata >/dev/null 2>&1 || true
	done
}

# Between two runs a domain gets another name and another size. It is the same one, with settings
# by its new name.
test_renamed_and_resized_between_runs()
{
	local uuid
	configure <<-CONF
		[class renamed]
		match = vm-renamed
		limit = 240M
		[vm]
		limit = 192M
	CONF
	other_guest </dev/null
	uuid=$(virsh -q domuuid vm-other | tr -d '[:space:]')
	start_daemon
	eventually "the limit is reached" actual_at_most vm-other $((192 * 1024))
	virsh -q destroy vm-other >/dev/null
	virsh -q domrename vm-other vm-renamed >/dev/null
	virsh -q setmaxmem vm-renamed 320M --config
	virsh -q setmem vm-renamed 320M --config
	other_started vm-renamed
	eventually "it is known by its new name" vm_known vm-renamed
	expect "and no more by the old one" vm_unknown vm-other
	equal "its UUID" "$(vm_status vm-renamed uuid)" "$uuid"
	equal "its maximum" "$(vm_status vm-renamed max_kib)" $((320 * 1024))
	eventually "the limit of its new name is reached" target_is vm-renamed $((240 * 1024))
	eventually "by the guest as well" actual_at_most vm-renamed $((240 * 1024))
	ticks_pass 3
	expect "and kept" actual_at_least vm-renamed $((240 * 1024))
	stop_daemon
	equal "exit status of the daemon" "$daemon_status" 0
}

target_is() { [ "$(vm_status "$1" target_kib)" = "$2" ]; }

# Memory is plugged in while it runs: its maximum grows, and whatever is said as a part of it.
test_hot_plugged_memory()
{
	configure <<-CONF
		[vm]
		limit = 75%
	CONF
	other_guest <<-SED
		s,<vcpu>,<maxMemory slots='2' unit='MiB'>1024</maxMemory>&,
		s,</features>,&<cpu><numa><cell id='0' cpus='0' memory='$guest_mib' unit='MiB'/></numa></cpu>,
	SED
	start_daemon
	eventually "the limit is reached" actual_at_most vm-other $((192 * 1024))
	cat >"$test_dir/dimm.xml" <<-XML
		<memory model='dimm'><target><size unit='MiB'>256</size><node>0</node></target></memory>
	XML
	virsh -q attach-device vm-other "$test_dir/dimm.xml" --live >/dev/null ||
		skip "this QEMU takes no memory while it runs"
	eventually "the maximum is the new one" max_is vm-other $((512 * 1024))
	eventually "and so is the limit" limit_is vm-other $((384 * 1024))
	eventually "the target follows" target_is vm-other $((384 * 1024))
	eventually "the guest has the new memory" guest_total_at_least vm-other $((guest_kib + 64 * 1024))
	eventually "and comes to its limit" actual_is vm-other $((384 * 1024))
	stop_daemon
	equal "exit status of the daemon" "$daemon_status" 0
}

max_is() { [ "$(vm_status "$1" max_kib)" = "$2" ]; }
limit_is() { [ "$(vm_status "$1" limit_kib)" = "$2" ]; }
actual_is() { [ "$(actual_kib "$1")" = "$2" ]; }
guest_total_at_least() { at_least "$(guest_meminfo_kib "$1" MemTotal)" "$2"; }

# Back to a snapshot: its memory is as it was then, also its size, which nobody here has asked for.
test_reverted_to_a_snapshot()
{
	local disk
	qemu-img create -q -f qcow2 "$test_dir/disk.qcow2" 1G
	configure <<-CONF
		[policy]
		foreign_hold = 3s
		[vm]
		limit = 192M
	CONF
	disk="<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
	disk+="<source file='$test_dir/disk.qcow2'/><target dev='vda' bus='virtio'/></disk>"
	other_guest <<<"s,<memballoon,$disk&,"
	virsh_timeout_s=120 virsh -q snapshot-create-as vm-other before >/dev/null
	start_daemon
	eventually "the limit is reached" actual_at_most vm-other $((192 * 1024))
	virsh_timeout_s=120 virsh -q snapshot-create-as vm-other at-limit >/dev/null
	eventually "it is controlled after a snapshot was taken" is_controlled vm-other
	expect "at its limit" actual_is vm-other $((192 * 1024))
	virsh_timeout_s=120 virsh -q snapshot-revert vm-other before >/dev/null
	eventually "back in its past it reports" reports vm-other
	eventually "and comes to its limit again" actual_is vm-other $((192 * 1024))
	virsh_timeout_s=120 virsh -q snapshot-revert vm-other at-limit >/dev/null
	eventually "and so from another past" is_controlled vm-other
	eventually "where it was at its limit" actual_is vm-other $((192 * 1024))
	stop_daemon
	equal "exit status of the daemon" "$daemon_status" 0
}

is_controlled()
{
	case $(vm_status "$1" reason) in
	'' | none | hung | paused | migrating | no-stats | stale-stats | foreign) return 1 ;;
	esac
}

# Somebody sets a VM's memory by hand: that stands for a while, and then the daemon has it again.
test_resized_by_hand()
{
	configure <<-CONF
		[policy]
		foreign_hold = 20s
		[vm]
		limit = 192M
	CONF
	start_daemon
	eventually "the limit is reached" actual_is vm-a $((192 * 1024))
	# So soon after it was asked for, a move could still be towards what was asked before.
	sleep 11
	virsh -q setmem vm-a 240M --live
	eventually "it is seen whose size it is" vm_reason_is vm-a foreign
	eventually "the guest follows that hand" actual_is vm-a $((240 * 1024))
	ticks_pass 4
	expect "the daemon leaves it so" vm_reason_is vm-a foreign
	expect "and at its size" actual_is vm-a $((240 * 1024))
	expect "others are where they were" actual_at_most vm-b $((192 * 1024))
	eventually "after a while the daemon has it again" actual_is vm-a $((192 * 1024))
	stop_daemon
}

# Statistics so seldom that they are stale before the next ones come are as good as none.
test_statistics_made_seldom_meanwhile()
{
	configure </dev/null
	start_daemon
	eventually "it is judged" vm_known vm-a
	virsh -q dommemstat vm-a --period 3 --live
	ticks_pass 4
	expect "a period that serves is left as it is" period_is vm-a 3
	virsh -q dommemstat vm-a --period 600 --live
	eventually "one that does not is mended" period_is vm-a 1
	expect "which is said" log_has 'vm-a: statistics every 1 s, since with every 600 s they are stale'
	eventually "and it reports again" reports vm-a
	stop_daemon
}
