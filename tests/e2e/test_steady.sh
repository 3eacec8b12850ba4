# shellcheck shell=bash disable=SC2154 # see check
# Nothing stalls the daemon: QEMUs that hang, a libvirtd that says nothing; and the service manager
# knows how it does.

host_status() { status_json | jq -r ".host.$1 // empty"; }

qemu_pid()
{
	cat "$sockets/libvirt/qemu/$1.pid" 2>/dev/null || cat "$sockets/libvirt/qemu/run/$1.pid"
}

# late_no_more_than_the_machine SINCE_MS INTERVAL_MS: a tick that is late is an interval late; for each
# the machine itself must have been, at least by half of that.
late_no_more_than_the_machine()
{
	local conceded=$(($(machine_late_ms "$1") * 2 / $2))
	expect "late ticks, $conceded of them the machine's" \
		at_most "$(host_status late_ticks)" "$conceded"
}

# Two at once, so that each call that gets past one hangs at the other.
test_hung_qemus_delay_no_tick()
{
	local ticks pids hung began_ms
	began_ms=$(now_ms)
	configure <<-CONF
		[daemon]
		interval = 2s
		call_deadline = 1s
		[host]
		budget = ${short_budget_mib}M
	CONF
	start_daemon
	eventually "the VMs are known" vm_known vm-stock
	ticks_pass 1
	pids=("$(qemu_pid vm-a)" "$(qemu_pid vm-mute)")
	hung_pids=("${pids[@]}")
	trap 'kill -CONT "${hung_pids[@]}"; end_test' EXIT
	kill -STOP "${pids[@]}"
	ticks=$(host_status ticks)
	eventually "one that hangs is known to" vm_reason_is vm-a hung
	eventually "and so is the other" vm_reason_is vm-mute hung
	virsh_timeout_s=10 eventually "the others are squeezed meanwhile" \
		others_squeezed vm-a
	eventually "ticks go on" ticks_reached $((ticks + 5))
	late_no_more_than_the_machine "$began_ms" 2000
	expect "few calls hang" at_most "$(host_status hung_calls)" 8
	kill -CONT "${pids[@]}"
	set_tune vm-a "limit='192M'"
	eventually "one that answers again is controlled again" actual_at_most vm-a $((192 * 1024))
	eventually "and no call hangs any more" hung_calls_are 0
	hung=$(log_count 'vm-a: its QEMU does not answer')
	# At the end of the round, which may be after the call that hung has come back.
	eventually "it is said that it answers again" said_to_answer_again vm-a "$hung"
	# A guest of a machine that is late may seem to hang once more.
	expect "it is said once" at_most "$hung" $((1 + $(machine_late_ms "$began_ms") / 1000))
	stop_daemon
	equal "exit status of the daemon" "$daemon_status" 0
}

ticks_reached() { at_least "$(host_status ticks)" "$1"; }
said_to_answer_again() { [ "$(log_count "$1: its QEMU answers again")" = "$2" ]; }
hung_calls_are() { [ "$(host_status hung_calls)" = "$1" ]; }

# Connections to a libvirtd that is stopped open, and then nothing comes.
test_silent_libvirtd_is_waited_for()
{
	configure <<-CONF
		[daemon]
		call_deadline = 1s
		[vm]
		limit = 192M
	CONF
	libvirtd_pid=$(cat "$out/libvirt/libvirtd.pid")
	trap 'kill -CONT "$libvirtd_pid"; end_test' EXIT
	kill -STOP "$libvirtd_pid"
	start_daemon
	eventually "it says that libvirt does not answer" log_has 'cannot use libvirt.*not answer'
	sleep 3
	expect "and lives" daemon_answers
	kill -CONT "$libvirtd_pid"
	eventually "it controls the VMs when libvirt answers" actual_at_most vm-a $((192 * 1024))

	kill -STOP "$libvirtd_pid"
	eventually "it says that there are no statistics" log_has 'no statistics'
	expect "and lives on" daemon_answers
	kill -CONT "$libvirtd_pid"
	eventually "statistics come again" log_has 'libvirt answers again|connected to libvirt.*'
	ticks_pass 2
	expect "no VM was touched meanwhile" actual_at_most vm-a $((192 * 1024))
	stop_daemon
	equal "exit status of the daemon" "$daemon_status" 0
}

# libvirt keeps a domain locked while its hook script runs, and whoever lists domains waits for it.
test_slow_hook_delays_no_tick()
{
	local hook=$out/libvirt/etc/libvirt/hooks/qemu ticks began_ms
	began_ms=$(now_ms)
	[ "$(id -u)" -eq 0 ] || skip "another user's libvirtd has its hooks in a place of the system's"
	trap 'rm -f "$out/libvirt/etc/libvirt/hooks/qemu"; end_test; libvirt_down; libvirt_up' EXIT
	mkdir -p "$(dirname "$hook")"
	cat >"$hook" <<-HOOK
		#!/bin/sh
		[ "\$1 \$2" != "vm-hooked prepare" ] || sleep 12
	HOOK
	chmod +x "$hook"
	libvirt_down
	libvirt_up
	configure <<-CONF
		[daemon]
		interval = 2s
	CONF
	start_daemon
	eventually "the VMs are known" vm_known vm-b
	ticks_pass 1
	ticks=$(host_status ticks)
	create_guest vm-hooked none none &
	sleep 2
	configure <<-CONF
		[daemon]
		interval = 2s
		[vm]
		limit = 192M
	CONF
	kill -HUP "$daemon_pid"
	sleep 5
	expect "ticks go on meanwhile" ticks_reached $((ticks + 2))
	expect "targets are set meanwhile" [ "$(vm_status vm-b target_kib)" = $((192 * 1024)) ]
	expect_not "while the domain is still being started" vm_known vm-hooked
	wait $!
	eventually "then it is known" vm_known vm-hooked
	virsh -q destroy vm-hooked >/dev/null
	late_no_more_than_the_machine "$began_ms" 2000
	stop_daemon
}

# What a service manager would be told, in a file.
listen_notifications()
{
	notify_socket=$sockets/notify
	rm -f "$notify_socket"
	socat -u "UNIX-RECV:$notify_socket" "CREATE:$test_dir/notified" 9>&- &
	notify_pid=$!
	trap 'kill "$notify_pid"; end_test; libvirt_up' EXIT
	eventually "the notification socket is there" [ -S "$notify_socket" ]
}

notified() { grep -aq "$1" "$test_dir/notified"; }
notified_times() { at_least "$(grep -ao "$1" "$test_dir/notified" | wc -l)" "$2"; }

test_ready_only_when_it_controls()
{
	configure </dev/null
	listen_notifications
	libvirt_down
	NOTIFY_SOCKET=$notify_socket start_daemon
	eventually "it tells what it waits for" notified 'STATUS=Waiting for libvirt'
	sleep 2
	expect_not "it is not ready without libvirt" notified READY=1
	libvirt_up
	eventually "it is ready when it controls" notified READY=1
	expect "it has judged the VMs" ticks_reached 1
	kill -HUP "$daemon_pid"
	eventually "reloading is told" notified RELOADING=1
	eventually "and its end" notified_times READY=1 2
	stop_daemon
	eventually "the stop is told" notified STOPPING=1
}

test_watchdog_is_fed_while_ticks_proceed()
{
	local fed
	configure </dev/null
	listen_notifications
	NOTIFY_SOCKET=$notify_socket WATCHDOG_USEC=2000000 start_daemon
	eventually "the watchdog is fed again and again" notified_times WATCHDOG=1 5
	# What a loop that is stuck looks like from outside; then what the service manager does.
	kill -STOP "$daemon_pid"
	sleep 1
	fed=$(grep -ao WATCHDOG=1 "$test_dir/notified" | wc -l)
	sleep 3
	equal "meals of a daemon that is stuck" "$(grep -ao WATCHDOG=1 "$test_dir/notified" | wc -l)" "$fed"
	daemon_status=0
	kill -ABRT "$daemon_pid"
	kill -CONT "$daemon_pid"
	wait "$daemon_pid" || daemon_status=$?
	daemon_pid=''
	equal "exit status" "$daemon_status" 134
	expect "it says what it was at" log_has 'ended by the watchdog, stuck while [a-z]+'
}

# A libvirt reached over TCP: the same, but for what only the host itself can see.
test_remote_libvirt_is_controlled()
{
	local port=$((20000 + $$ % 20000))
	[ "$(id -u)" -eq 0 ] || skip "another user's libvirtd is not to be had over TCP"
	configure <<-CONF
		[vm]
		limit = 192M
	CONF
	listen_tcp "$port"
	trap 'end_tcp; end_test' EXIT
	start_daemon --connect "qemu+tcp://127.0.0.1:$port/system"
	eventually "it controls the VMs" actual_at_most vm-a $((192 * 1024))
	expect "what is missing is said" log_has 'remote host.*not known'
	expect "the host's memory is known" at_least "$(host_status available_kib)" 1
	expect "and no pressure is made up" [ -z "$(host_status psi_some_permille)" ]
	end_tcp
	eventually "a connection that is cut is noticed" log_has 'lost libvirt'
	expect "the target stays" actual_at_most vm-a $((192 * 1024))
	listen_tcp "$port"
	eventually "and made again" connected_again
	stop_daemon
	equal "exit status of the daemon" "$daemon_status" 0
}

# By ssh libvirt comes with a helper that it has run on the other host, over pipes instead of a
# socket. Here the other host is where our libvirtd lives, and what ssh does a script does.
test_remote_libvirt_over_ssh()
{
	local ssh=$test_dir/ssh
	[ "$(id -u)" -eq 0 ] || skip "another user cannot enter where libvirtd lives"
	have virt-ssh-helper || skip "this libvirt has no virt-ssh-helper"
	cat >"$ssh" <<-SSH
		#!/bin/sh
		while [ "\$1" != -- ]; do shift; done
		shift 2
		export AEROSTAT_TEST_SSH='$test_dir'
		exec nsenter --mount --target '$(cat "$out/libvirt/libvirtd.pid")' sh -c "\$*"
	SSH
	chmod +x "$ssh"
	configure <<-CONF
		[vm]
		limit = 192M
	CONF
	start_daemon --connect "qemu+ssh://127.0.0.1/system?proxy=native&command=$ssh"
	eventually "it controls the VMs" actual_at_most vm-a $((192 * 1024))
	expect "through the helper" [ -n "$(ssh_helpers)" ]
	expect "what is missing is said" log_has 'remote host.*not known'
	ticks_pass 2
	ssh_helpers | xargs kill
	eventually "that the helpers have died is noticed" log_has 'lost libvirt'
	eventually "and others are started" connected_again
	expect "the target stays" actual_at_most vm-a $((192 * 1024))
	stop_daemon
	equal "exit status of the daemon" "$daemon_status" 0
}

# Those of this test, and nobody else's.
ssh_helpers()
{
	local pid
	for pid in $(pgrep -x virt-ssh-helper); do
		! grep -qzxF "AEROSTAT_TEST_SSH=$test_dir" "/proc/$pid/environ" || echo "$pid"
	done
}

connected_again() { [ "$(log_count 'connected to libvirt')" -ge 2 ] && [ "$(host_status connected)" = true ]; }

# In a process group of its own, because it has a child a connection.
listen_tcp()
{
	setsid socat "TCP-LISTEN:$1,bind=127.0.0.1,reuseaddr,fork" \
		"UNIX-CONNECT:$sockets/libvirt/libvirt-sock" 9>&- &
	tcp_pid=$!
	eventually "the port is open" port_open "$1"
}

end_tcp()
{
	kill -- "-$tcp_pid" 2>/dev/null || true
	wait "$tcp_pid" 2>/dev/null || true
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The bus is restarted on the same address: the daemon is found again, and is still the only one.
test_bus_restarted_while_running()
{
	local pid status=0
	configure </dev/null
	start_daemon
	pid=$(cat "$out/bus/bus.pid")
	kill "$pid"
	eventually "it is noticed" log_has 'message bus is gone'
	rm -f "$(readlink -f "$out/bus/bus")/bus"
	setsid dbus-daemon --config-file="$out/bus/bus.conf" --fork --print-pid \
		>"$out/bus/bus.pid" 2>>"$out/bus/bus.log" 9>&-
	eventually "the daemon answers again" daemon_answers
	expect "and says so" log_has 'on the message bus again'
	ticks_pass 2
	timeout 20 "$aerostatd" --config "$test_dir/aerostatd.conf" >"$test_dir/second.log" 2>&1 ||
		status=$?
	equal "exit status of a second daemon" "$status" 3
	stop_daemon
	equal "exit status of the daemon" "$daemon_status" 0
}
