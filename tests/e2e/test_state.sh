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
