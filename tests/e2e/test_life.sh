# shellcheck shell=bash disable=SC2154 # see check
# The daemon's own life: libvirt missing or restarted, its death, its stop, its bus, its status.

libvirt_down() { "$top/scripts/private-libvirt" stop --keep-domains "$out/libvirt"; }

libvirt_up() { "$top/scripts/private-libvirt" start "$out/libvirt" >/dev/null 9>&-; }

# Whatever the test does: the other tests need libvirtd.
with_libvirt_restored() { trap 'end_test; libvirt_up' EXIT; }

test_libvirt_missing_at_start()
{
	local status=0
	configure <<-CONF
		[vm]
		limit = 192M
	CONF
	with_libvirt_restored
	libvirt_down
	timeout 60 "$aerostatd" --config "$test_dir/aerostatd.conf" --connect \
		"$LIBVIRT_DEFAULT_URI" --once >"$test_dir/once.log" 2>&1 || status=$?
	expect "--once fails ($status)" [ "$status" -ne 0 ]
	expect_not "by itself, not by the time-out" [ "$status" -ge 124 ]
	expect "and says why" grep -qi libvirt "$test_dir/once.log"

	start_daemon
	eventually "the daemon says that libvirt is missing" log_has '[Ll]ibvirt'
	expect "and lives" daemon_answers
	libvirt_up
	eventually "it controls the VMs when libvirt comes" actual_at_most vm-a $((192 * 1024))
	stop_daemon
}

test_libvirt_restarted_while_running()
{
	configure </dev/null
	with_libvirt_restored
	start_daemon
	eventually "the VM is known" vm_known vm-a
	libvirt_down
	eventually "the daemon notices" log_has '[Ll]ibvirt'
	expect "and lives" daemon_answers
	libvirt_up
	configure <<-CONF
		[vm]
		limit = 192M
	CONF
	kill -HUP "$daemon_pid"
	eventually "it controls the VMs again" actual_at_most vm-a $((192 * 1024))
	stop_daemon
}

# A dead daemon changes nothing; a new one starts from what it finds.
test_killed_daemon_leaves_targets()
{
	local before
	configure <<-CONF
		[vm]
		limit = 192M
	CONF
	start_daemon
	eventually "the limit is reached" actual_at_most vm-a $((192 * 1024))
	eventually "by both" actual_at_most vm-b $((192 * 1024))
	stop_daemon KILL
	before=$(total_actual_kib vm-a vm-b)
	sleep 3
	equal "memory of the VMs after the daemon's death" "$(total_actual_kib vm-a vm-b)" "$before"

	start_daemon
	eventually "a new daemon finds the VM" vm_known vm-a
	ticks_pass 4
	equal "memory of the VMs under the new daemon" "$(total_actual_kib vm-a vm-b)" "$before"
	stop_daemon
}

test_stop_is_clean()
{
	configure <<-CONF
		[vm]
		limit = 192M
	CONF
	start_daemon
	eventually "the limit is reached" actual_at_most vm-a $((192 * 1024))
	stop_daemon TERM
	equal "exit status after SIGTERM" "$daemon_status" 0
	expect "the target stays" actual_at_most vm-a $((192 * 1024))
	start_daemon
	stop_daemon INT
	equal "exit status after SIGINT" "$daemon_status" 0
}

test_second_daemon_is_refused()
{
	local status=0
	configure </dev/null
	start_daemon
	timeout 20 "$aerostatd" --config "$test_dir/aerostatd.conf" >"$test_dir/second.log" 2>&1 ||
		status=$?
	expect "a second daemon ends with a failure ($status)" [ "$status" -ne 0 ]
	expect_not "by itself, not by the time-out" [ "$status" -ge 124 ]
	expect "it says which name is taken" grep -q org.aerostat1 "$test_dir/second.log"
	status=0
	timeout 20 "$aerostatd" --config "$test_dir/aerostatd.conf" --bus none \
		>"$test_dir/third.log" 2>&1 || status=$?
	equal "exit status of one that is on no bus" "$status" 3
	expect "it says which process has the VMs" grep -q "process $daemon_pid manages" "$test_dir/third.log"
	expect "the first goes on" daemon_answers
	stop_daemon
}

# The status says what libvirt says, in the units it says it in.
test_status_matches_libvirt()
{
	configure <<-CONF
		[vm]
		limit = 192M
	CONF
	start_daemon
	eventually "the limit is reached" actual_at_most vm-a $((192 * 1024))
	eventually "the status shows the same actual" status_agrees vm-a actual_kib
	equal "maximum" "$(vm_status vm-a max_kib)" "$guest_kib"
	equal "target" "$(vm_status vm-a target_kib)" $((192 * 1024))
	equal "VMs in the status" "$(status_json | jq -r '[.vms[].name] | sort | join(" ")')" \
		"vm-a vm-b vm-bare vm-mute vm-nodev vm-stock"
	equal "usable memory of a VM that never reported" "$(vm_status vm-mute usable_kib)" ""
	"$aerostatctl" status >"$test_dir/status.txt"
	expect "the table names the VM" grep -q vm-a "$test_dir/status.txt"
	stop_daemon
}

status_agrees() { [ "$(vm_status "$1" "$2")" = "$(actual_kib "$1")" ]; }

test_status_without_daemon_says_so()
{
	local status=0
	"$aerostatctl" status >"$test_dir/status.txt" 2>&1 || status=$?
	equal "exit status" "$status" 3
	expect "and a reason: $(cat "$test_dir/status.txt")" \
		grep -qi 'not running' "$test_dir/status.txt"
}

test_statistics_are_turned_on()
{
	virsh -q dommemstat vm-a --period 0 --live
	configure </dev/null
	start_daemon
	eventually "the period is set" period_is vm-a 1
	eventually "its statistics are fresh" reports vm-a
	stop_daemon
}

test_statistics_of_others_stay_off()
{
	virsh -q dommemstat vm-a --period 0 --live
	configure <<-CONF
		[class not-ours]
		match = vm-a
		mode = off
	CONF
	start_daemon
	eventually "it is left alone" vm_reason_is vm-a mode-off
	ticks_pass 3
	expect_not "the statistics of a VM with mode off stay off" period_is vm-a 1
	stop_daemon
}

period_is() { virsh -q dumpxml "$1" | grep -q "<stats period='$2'/>"; }

test_domains_come_and_go()
{
	configure </dev/null
	start_daemon
	eventually "the VM is known" vm_known vm-mute
	virsh -q destroy vm-mute >/dev/null
	trap 'end_test; create_guest vm-mute none none >/dev/null 2>&1 || true' EXIT
	eventually "a VM that is gone leaves the status" vm_unknown vm-mute
	create_guest vm-mute none none
	eventually "a VM that comes enters it" vm_known vm-mute
	stop_daemon
}

vm_unknown() { status_json >/dev/null && [ -z "$(vm_status "$1" reason)" ]; }
