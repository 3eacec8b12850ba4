# shellcheck shell=bash disable=SC2154 # build, out, run_dir, ...: set by run
# aerostatd in the modes that have it. Sourced by run.
#
# It is there before the guests, as on a host that boots. Peaks come about a minute apart where they
# would be a quarter of an hour apart, so all that the daemon does over time is twelve times as
# quick as by default; libvirt's statistics come each second at best.

daemon_pid=''

write_configuration()
{
	cat >"$run_dir/aerostatd.conf" <<-CONF
		[daemon]
		connect = $LIBVIRT_DEFAULT_URI
		interval = 500ms
		stats_period = 1s

		[host]
		budget = ${budget_mib}M

		[policy]
		boot_grace = 5s
		demand_decay = 40%
		earned_half_life = 25s
		reclaim_rate = 12%
		turn_hold = 8s
		turn_hold_urgent = 2500ms
		retry = 2500ms
	CONF
}

start_daemon()
{
	local bus
	bus=$("$top/scripts/private-bus" start "$out/bus" 9>&-)
	write_configuration
	DBUS_SYSTEM_BUS_ADDRESS=$bus DBUS_SESSION_BUS_ADDRESS=$bus "$build/hostd/aerostatd" \
		--config "$run_dir/aerostatd.conf" >"$run_dir/aerostatd.log" 2>&1 9>&- &
	daemon_pid=$!
	printf '%s %s\n' "$daemon_pid" "$run_dir/aerostatd.conf" >"$out/aerostatd.pid"
}

daemon_alive() { [ -n "$daemon_pid" ] && kill -0 "$daemon_pid" 2>/dev/null; }

stop_daemon()
{
	if daemon_alive; then
		kill "$daemon_pid" 2>/dev/null || true
		wait "$daemon_pid" 2>/dev/null || true
	fi
	daemon_pid=''
	rm -f "$out/aerostatd.pid"
}

# A daemon that a killed run has left is known by the configuration it was given.
end_left_daemon()
{
	local pid conf
	read -r pid conf 2>/dev/null <"$out/aerostatd.pid" || return 0
	if grep -qzxF "$conf" "/proc/$pid/cmdline" 2>/dev/null; then
		say "ending the daemon that an earlier run left"
		kill "$pid"
	fi
}
