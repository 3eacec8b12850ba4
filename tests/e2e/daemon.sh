# shellcheck shell=bash disable=SC2154,SC2034 # variables shared with check and the tests
# Starting, asking and ending the daemon of one test. Sourced by check.

aerostatd=$build/hostd/aerostatd
aerostatctl=$build/hostd/aerostatctl
daemon_pid=''

# Write the test's configuration: quick, and what standard input adds. Sections may repeat.
configure()
{
	{
		cat <<-CONF
			[daemon]
			connect = $LIBVIRT_DEFAULT_URI
			interval = 500ms
			stats_period = 1s
			[policy]
			boot_grace = 0s
			stale = 5s
			reclaim_rate = 20%
			demand_decay = 20%
			dead_band = 4M
			buffer_min = 16M
		CONF
		cat
	} >"$test_dir/aerostatd.conf"
}

# Start it in the background with the test's configuration and wait until it answers.
start_daemon()
{
	launch_daemon "$@"
	eventually "the daemon answers on the bus" daemon_answers
}

launch_daemon()
{
	"$aerostatd" --config "$test_dir/aerostatd.conf" "$@" >>"$test_dir/aerostatd.log" 2>&1 \
		9>&- &
	daemon_pid=$!
}

daemon_alive() { [ -n "$daemon_pid" ] && kill -0 "$daemon_pid" 2>/dev/null; }

daemon_answers()
{
	daemon_alive || fail "the daemon ended: $(tail -n 3 "$test_dir/aerostatd.log")"
	status_json >/dev/null 2>&1
}

# Stop it and keep its exit status in daemon_status.
stop_daemon()
{
	daemon_status=0
	kill "-${1:-TERM}" "$daemon_pid"
	wait "$daemon_pid" || daemon_status=$?
	daemon_pid=''
}

# Whatever became of the test: no daemon of its stays.
end_test()
{
	if daemon_alive; then
		kill -KILL "$daemon_pid"
		wait "$daemon_pid" 2>/dev/null || true
	fi
}

status_json() { timeout 20 "$aerostatctl" status --json; }

# A field of one VM in the status; nothing when it is not there.
vm_status()
{
	status_json | jq -r --arg name "$1" --arg field "$2" \
		'.vms[] | select(.name == $name) | .[$field] // empty'
}

vm_reason_is() { [ "$(vm_status "$1" reason)" = "$2" ]; }

vm_known() { [ -n "$(vm_status "$1" reason)" ]; }

log_has() { grep -qE -- "$1" "$test_dir/aerostatd.log"; }

log_count() { grep -cE -- "$1" "$test_dir/aerostatd.log" || true; }

# Let the daemon take at least so many more samples, and so decide anew.
ticks_pass()
{
	local left=$1 age=0 before=0 end=$((SECONDS + deadline_s))
	while [ "$left" -gt 0 ]; do
		[ "$SECONDS" -lt "$end" ] || fail "the daemon does not tick"
		age=$(status_json | jq -r ".host.sample_age_ms // 0")
		[ "$age" -ge "$before" ] || left=$((left - 1))
		before=$age
		sleep 0.1
	done
}
