# shellcheck shell=bash disable=SC2154,SC2034 # variables shared with run
# What must hold all along. A watcher asks the daemon twice a second what it sees and has decided;
# what it must never see it writes to `broken`, one line each.

fds_max=96 # 24 workers with a socket and a wake-up each, libvirt's loop, the bus, files
threads_max=32
private_kib_max=16384

# One line for each promise that the status shows to be broken.
broken_promises()
{
	jq -r '
		(.vms[] | select(.mode == "auto") |
			(select(.target_kib and .reservation_kib and .target_kib < .reservation_kib) |
				"\(.name): asked for \(.target_kib) KiB, below its reservation"),
			(select(.actual_kib and .reservation_kib and .actual_kib < .reservation_kib) |
				"\(.name): holds \(.actual_kib) KiB, less than its reservation"),
			(select(.target_kib and .limit_kib and .target_kib > .limit_kib) |
				"\(.name): asked for \(.target_kib) KiB, above its limit")),
		(.host | select(.available_kib and .reserve_kib and .available_kib < .reserve_kib) |
			"host: \(.available_kib) KiB available, less than its reserve"),
		(.host | select(.late_ticks > 0) | "host: \(.late_ticks) ticks late")' "$1"
}

# What the daemon's process takes: descriptors, threads, private memory in KiB.
daemon_takes()
{
	local pid=$1
	printf '%s %s %s\n' "$(find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l)" \
		"$(awk '$1 == "Threads:" { print $2 }' "/proc/$pid/status" 2>/dev/null)" \
		"$(awk '$1 == "RssAnon:" { print $2 }' "/proc/$pid/status" 2>/dev/null)"
}

# Runs until it is killed; the daemon's process number is in a file because it changes.
watch_daemon()
{
	local snapshot=$test_dir/watch.json
	while :; do
		sleep 0.5
		timeout 20 "$aerostatctl" status --json >"$snapshot" 2>/dev/null || continue
		broken_promises "$snapshot" | sed "s/^/$SECONDS s: /" >>"$test_dir/broken"
		daemon_takes "$(cat "$test_dir/pid")" >>"$test_dir/takes"
		echo . >>"$test_dir/looks"
	done
}

# Of one column of what it took, the greatest value.
most() { awk -v c="$1" '$c + 0 > m { m = $c + 0 } END { print m + 0 }' "$test_dir/takes"; }

check_leaks()
{
	[ "$(most 1)" -le "$fds_max" ] || echo "leak: $(most 1) descriptors" >>"$test_dir/broken"
	[ "$(most 2)" -le "$threads_max" ] || echo "leak: $(most 2) threads" >>"$test_dir/broken"
	[ "$(most 3)" -le "$private_kib_max" ] ||
		echo "leak: $(most 3) KiB private memory" >>"$test_dir/broken"
}
