# shellcheck shell=bash disable=SC2154 # see check
# Control is never lost: guests crash, are saved, lose their balloons; the daemon itself is killed.

kills=${AEROSTAT_E2E_KILLS:-20} # how often the daemon is killed; a hundred is for a quiet evening

vm_uuid() { virsh -q domuuid "$1" | tr -d '[:space:]'; }

limit_all()
{
	configure <<-CONF
		[vm]
		limit = 192M
	CONF
}

recreate_stock()
{
	virsh -q destroy vm-stock >/dev/null 2>&1 || true
	create_guest vm-stock 6.1 virtio_balloon
	wait_booted vm-stock
}

# The name comes back, but it is somebody else: nothing known of the one before may count.
test_crashed_guest_comes_back_as_another()
{
	local before
	before=$(vm_uuid vm-stock)
	limit_all
	start_daemon
	trap 'end_test; recreate_stock >/dev/null 2>&1 || true' EXIT
	eventually "the limit is reached" actual_at_most vm-stock $((192 * 1024))
	guest_request vm-stock write /proc/sysrq-trigger c >/dev/null 2>&1 || true
	eventually "a guest that has crashed leaves the status" vm_unknown vm-stock
	expect "the others stay known" vm_known vm-a
	create_guest vm-stock 6.1 virtio_balloon
	expect_not "it is another one" [ "$(vm_uuid vm-stock)" = "$before" ]
	eventually "it is known by its new UUID" vm_uuid_is "$(vm_uuid vm-stock)"
	wait_booted vm-stock
	eventually "and controlled" actual_at_most vm-stock $((192 * 1024))
	trap end_test EXIT
	stop_daemon
	equal "exit status of the daemon" "$daemon_status" 0
}

vm_uuid_is() { [ "$(vm_status vm-stock uuid)" = "$1" ]; }

test_saved_guest_is_controlled_once_restored()
{
	limit_all
	start_daemon
	trap 'end_test; recreate_stock >/dev/null 2>&1 || true' EXIT
	eventually "the limit is reached" actual_at_most vm-stock $((192 * 1024))
	virsh_timeout_s=120 virsh -q save vm-stock "$test_dir/saved" >/dev/null
	eventually "a guest that is saved leaves the status" vm_unknown vm-stock
	virsh_timeout_s=120 virsh -q restore "$test_dir/saved" >/dev/null
	eventually "restored, it is known" vm_known vm-stock
	eventually "and reports" reports vm-stock
	ticks_pass 3
	expect "and keeps its limit" actual_at_most vm-stock $((192 * 1024))
	configure <<-CONF
		[vm]
		limit = 160M
	CONF
	kill -HUP "$daemon_pid"
	eventually "and follows a new one" actual_at_most vm-stock $((160 * 1024))
	rm -f "$test_dir/saved"
	trap end_test EXIT
	stop_daemon
}

test_statistics_turned_off_meanwhile()
{
	configure </dev/null
	start_daemon
	eventually "it reports" reports vm-a
	eventually "it is judged" vm_known vm-a
	virsh -q dommemstat vm-a --period 0 --live
	eventually "its statistics are turned on again" period_is vm-a 1
	eventually "and it reports again" reports vm-a
	stop_daemon
}

# The device goes, the domain's description stays: only its silence tells.
test_unplugged_balloon_is_left_alone()
{
	short_of_memory
	start_daemon
	trap 'end_test; recreate_stock >/dev/null 2>&1 || true' EXIT
	eventually "it is judged" vm_known vm-stock
	virsh -q qemu-monitor-command vm-stock \
		'{"execute":"device_del","arguments":{"id":"balloon0"}}' >/dev/null ||
		skip "this QEMU does not let its balloon go"
	eventually "a VM that has lost its balloon is left alone" cannot_be_moved vm-stock
	guest_request vm-b hog big 100 >/dev/null
	eventually "others make room" actual_at_most vm-a $((guest_kib - 32 * 1024))
	expect "the daemon answers" daemon_answers
	stop_daemon
	equal "exit status of the daemon" "$daemon_status" 0
}

cannot_be_moved()
{
	case $(vm_status "$1" reason) in
	no-balloon | no-stats | stale-stats | stuck) ;;
	*) return 1 ;;
	esac
}

test_release_on_exit_gives_all_back()
{
	local name
	limit_all
	start_daemon --release-on-exit
	for name in "${balloon_guests[@]}"; do
		eventually "the limit is reached by $name" actual_at_most "$name" $((192 * 1024))
	done
	stop_daemon
	equal "exit status of the daemon" "$daemon_status" 0
	for name in "${balloon_guests[@]}"; do
		eventually "$name has its maximum back" actual_at_least "$name" "$guest_kib"
	done
}

# At random points of its life: while it connects, describes, decides, sets. Each successor starts
# from what it finds, so nothing moves.
test_killed_at_random_points()
{
	local i name limit_kib=$((192 * 1024))
	limit_all
	start_daemon
	for name in "${balloon_guests[@]}"; do
		eventually "the limit is reached by $name" actual_at_most "$name" "$limit_kib"
	done
	stop_daemon KILL
	RANDOM=${AEROSTAT_SEED:-1}
	for ((i = 0; i < kills; i++)); do
		launch_daemon
		sleep "0.$(printf '%03d' $((RANDOM % 1000)))"
		stop_daemon KILL
		for name in "${balloon_guests[@]}"; do
			equal "memory of $name after $((i + 1)) deaths" "$(actual_kib "$name")" \
				"$limit_kib"
		done
	done
	start_daemon
	ticks_pass 3
	for name in "${balloon_guests[@]}"; do
		equal "memory of $name in the end" "$(actual_kib "$name")" "$limit_kib"
	done
	stop_daemon
	expect_not "nothing alarming in the log" log_has 'error|ERROR'
}
