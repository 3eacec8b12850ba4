# shellcheck shell=bash disable=SC2154 # see check
# Guests the daemon must not touch, however short the host is, and says why.

# A budget below what all hold: those that can give must.
short_of_memory()
{
	configure <<-CONF
		[host]
		budget = ${short_budget_mib}M
	CONF
}

# stays NAME REASON: it is left alone for this reason while others are squeezed.
stays()
{
	eventually "$1 is left alone: $2" vm_reason_is "$1" "$2"
	eventually "others are squeezed meanwhile" others_squeezed "$1"
	ticks_pass 4
	expect "$1 is still left alone: $2" vm_reason_is "$1" "$2"
	expect "$1 has all its memory" actual_at_least "$1" "$guest_kib"
}

test_guest_without_driver_is_left_alone()
{
	short_of_memory
	start_daemon
	stays vm-bare no-stats
	stop_daemon
}

test_guest_without_balloon_is_left_alone()
{
	short_of_memory
	start_daemon
	stays vm-nodev no-balloon
	stop_daemon
}

test_guest_that_never_reports_is_left_alone()
{
	short_of_memory
	start_daemon
	stays vm-mute no-stats
	stop_daemon
}

test_paused_guest_is_left_alone()
{
	virsh -q suspend vm-a >/dev/null
	short_of_memory
	start_daemon
	stays vm-a paused
	virsh -q resume vm-a >/dev/null
	guest_request vm-b hog big 160 >/dev/null
	eventually "once it runs again it makes room for who needs it" \
		actual_at_most vm-a $((guest_kib - 32 * 1024))
	stop_daemon
}

# Its numbers are there, but they age.
test_guest_that_stops_reporting_is_left_alone()
{
	trap 'end_test; guest_request vm-a insmod "$module" >/dev/null 2>&1 || true' EXIT
	guest_request vm-a rmmod "$module"
	short_of_memory
	start_daemon
	stays vm-a stale-stats
	guest_request vm-a insmod "$module"
	eventually "it reports again" reports vm-a
	# The others have made room for what was short until now.
	guest_request vm-b hog big 100 >/dev/null
	eventually "and shares the next shortage" actual_at_most vm-a $((guest_kib - 32 * 1024))
	stop_daemon
}

# One QEMU that does not answer costs the others nothing, and the daemon still answers.
test_hung_qemu_harms_nobody_else()
{
	hung_pid=$(cat "$sockets"/libvirt/qemu/vm-a.pid 2>/dev/null ||
		cat "$sockets"/libvirt/qemu/run/vm-a.pid)
	short_of_memory
	start_daemon
	eventually "the VM is known" vm_known vm-a
	kill -STOP "$hung_pid"
	trap 'kill -CONT "$hung_pid"; end_test' EXIT
	virsh_timeout_s=10 eventually "the others are squeezed meanwhile" \
		others_squeezed vm-a
	expect "the daemon answers" daemon_answers
	kill -CONT "$hung_pid"
	set_tune vm-a "limit='192M'"
	eventually "once it answers it is controlled again" actual_at_most vm-a $((192 * 1024))
	stop_daemon
	equal "exit status of the daemon" "$daemon_status" 0
}
