# shellcheck shell=bash disable=SC2154 # see check
# What outlives the daemon: it is found again, and a damaged file is no reason not to start.

known_from_before() { log_has 'what [0-9]+ VMs usually need is known'; }

test_state_file()
{
	local state=$test_dir/state
	rm -rf "$state"
	mkdir "$state"
	configure </dev/null
	start_daemon --state "$state"
	eventually "vm-a is judged" vm_known vm-a
	expect_not "something is known from before" known_from_before
	stop_daemon
	expect "it is written at the end" test -s "$state/state"

	start_daemon --state "$state"
	expect "it is read again" known_from_before
	eventually "vm-a is judged" vm_known vm-a
	stop_daemon KILL
	expect "the file is still there" test -s "$state/state"

	printf 'x' | dd of="$state/state" bs=1 seek=100 conv=notrunc status=none
	start_daemon --state "$state"
	expect "the damage is said, with the file's name" \
		log_has "$state/state: its checksum does not fit; it is set aside"
	expect "it is set aside" test -s "$state/state.damaged"
	eventually "vm-a is judged" vm_known vm-a
	stop_daemon
	expect "a new one is written" test -s "$state/state"
}

# There is a state file, and it is not the one of before.
order_kept()
{
	local now
	now=$(stat -c %Y.%i "$test_dir/state/state" 2>/dev/null) && [ "$now" != "$1" ]
}

# An operator's orders outlive the daemon, also one that is killed, and end as they were to.
test_state_keeps_orders()
{
	local before left
	rm -rf "$test_dir/state"
	mkdir "$test_dir/state"
	configure </dev/null
	start_daemon --state "$test_dir/state"
	eventually "the VMs are judged" vm_known vm-stock
	"$aerostatctl" pause vm-a
	"$aerostatctl" boost vm-b "${guest_mib}M" --for 1h
	before=none
	eventually "the orders are written soon" order_kept none
	while order_kept "$before"; do # the last of several writings
		before=$(stat -c %Y.%i "$test_dir/state/state")
		ticks_pass 2
	done
	stop_daemon KILL

	start_daemon --state "$test_dir/state"
	eventually "the pause goes on" vm_reason_is vm-a mode-observe
	log_has 'vm-a: still paused by order' || fail "nothing is said of the pause"
	left=$(vm_status vm-b boost_left_ms)
	expect "and the boost" at_least "$left" 1000
	expect "for what is left of its time" at_most "$left" 3599999
	equal "with its size" "$(vm_status vm-b boost_kib)" "$guest_kib"
	equal "others have none" "$(vm_status vm-stock boost_kib)$(vm_status vm-stock paused)" ""
	"$aerostatctl" resume vm-a
	"$aerostatctl" boost vm-b --end
	"$aerostatctl" pause
	stop_daemon

	start_daemon --state "$test_dir/state"
	eventually "a pause of all goes on, too" paused_is true
	eventually "the VMs are judged" vm_known vm-b
	equal "what was ended has ended" "$(vm_status vm-a paused)$(vm_status vm-b boost_kib)" ""
	"$aerostatctl" resume
	stop_daemon
	start_daemon --state "$test_dir/state"
	eventually "the VMs are judged" vm_known vm-b
	expect "and so has the pause of all" paused_is false
	stop_daemon
}

# How memory went is still shown after a restart. The file is made older, because a minute is long.
test_history_outlives_the_daemon()
{
	rm -rf "$test_dir/state"
	mkdir "$test_dir/state"
	configure </dev/null
	start_daemon --state "$test_dir/state"
	eventually "the VM is judged" vm_known vm-a
	stop_daemon
	expect "it is written" test -s "$test_dir/state/history"
	start_daemon --state "$test_dir/state" --wall-clock $(($(date +%s) + 150))
	eventually "what was before is there" has_history vm-a
	stop_daemon
	printf 'x' | dd of="$test_dir/state/history" bs=1 seek=90 conv=notrunc status=none
	start_daemon --state "$test_dir/state"
	expect "a damaged one is said" log_has 'state/history: its checksum does not fit; it is set aside'
	expect "and set aside" test -s "$test_dir/state/history.damaged"
	eventually "the VM is judged all the same" vm_known vm-a
	stop_daemon
}

# A point with numbers, older than the daemon.
has_history()
{
	"$aerostatctl" history --json "$1" 2>/dev/null |
		jq -e 'any(.[]; .actual_kib and .age_ms > 60000)' >/dev/null
}

# Where it cannot be written, that is said once, and nothing else suffers.
test_state_directory_missing()
{
	configure </dev/null
	start_daemon --state "$test_dir/nowhere"
	eventually "vm-a is judged" vm_known vm-a
	stop_daemon
	equal "its exit status" "$daemon_status" 0
	equal "lines about it" "$(log_count 'nowhere/state: not written')" 1
}
