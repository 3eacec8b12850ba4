# shellcheck shell=bash disable=SC2154 # see check
# The daemon on D-Bus, asked with busctl: objects, properties, signals, orders, and who may give
# them.

manager=(org.aerostat1 /org/aerostat1 org.aerostat1.Manager)

bus_call() { timeout 20 busctl --system call "${manager[@]}" "$@"; }

uuid_of() { virsh -q domuuid "$1"; }

vm_object() { printf '/org/aerostat1/vm/%s\n' "$(uuid_of "$1" | tr - _)"; }

# A property of a VM's object, without its type.
vm_property()
{
	busctl --system get-property org.aerostat1 "$(vm_object "$1")" org.aerostat1.VM "$2" |
		sed -e 's/^[a-z] //' -e 's/^"\(.*\)"$/\1/'
}

vm_property_is() { [ "$(vm_property "$1" "$2")" = "$3" ]; }

test_bus_has_an_object_per_vm()
{
	configure <<-CONF
		[vm]
		limit = 192M
	CONF
	start_daemon
	eventually "the limit is reached" actual_at_most vm-a $((192 * 1024))
	busctl --system tree --list org.aerostat1 >"$test_dir/tree.txt"
	expect "each VM has one" grep -qx "$(vm_object vm-a)" "$test_dir/tree.txt"
	equal "VMs" "$(grep -c /vm/ "$test_dir/tree.txt")" 6
	equal "name" "$(vm_property vm-a Name)" vm-a
	eventually "actual, as libvirt says" vm_property_is vm-a ActualKiB "$(actual_kib vm-a)"
	equal "limit" "$(vm_property vm-a LimitKiB)" $((192 * 1024))
	equal "what is not known" "$(vm_property vm-mute GuestUsableKiB)" 18446744073709551615
	expect_not "there is no other" busctl --system introspect org.aerostat1 \
		/org/aerostat1/vm/00000000_0000_0000_0000_000000000000 org.aerostat1.VM
	stop_daemon
}

# What we ship is what the daemon says about itself.
test_bus_introspection_is_documented()
{
	local interface
	configure </dev/null
	start_daemon
	eventually "the VM is known" vm_known vm-a
	{
		introspect /org/aerostat1 Manager
		introspect "$(vm_object vm-a)" VM
	} >"$test_dir/is.xml"
	for interface in Manager VM; do
		shipped "$interface" <"$top/hostd/data/org.aerostat1.xml"
	done >"$test_dir/shipped.xml"
	diff -u "$test_dir/shipped.xml" "$test_dir/is.xml" ||
		fail "data/org.aerostat1.xml is not what the daemon offers"
	stop_daemon
}

introspect()
{
	busctl --system --xml-interface introspect org.aerostat1 "$1" | shipped "$2"
}

# One interface of introspection data, without comments and with indentation of no account.
shipped()
{
	sed -e '/<!--.*-->/d' -e '/<!--/,/-->/d' -e 's/^[[:space:]]*//' |
		sed -n "/<interface name=\"org.aerostat1.$1\">/,/<\/interface>/p"
}

test_bus_signals_changes()
{
	configure </dev/null
	start_daemon
	eventually "the VM is known" vm_known vm-a
	busctl --system --json=short monitor org.aerostat1 >"$test_dir/monitor.json" \
		2>"$test_dir/monitor.err" 9>&- &
	monitor_pid=$!
	trap 'kill "$monitor_pid"; end_test' EXIT
	eventually "it listens" grep -q Monitoring "$test_dir/monitor.err"
	bus_call Set 'sa{ss}b' vm-a 1 limit 192M false
	eventually "a new target is signalled" changed "$(vm_object vm-a)" TargetKiB
	eventually "and a new size" changed "$(vm_object vm-a)" ActualKiB
	virsh -q suspend vm-b >/dev/null
	eventually "and a new state" changed "$(vm_object vm-b)" State
	virsh -q resume vm-b >/dev/null
	stop_daemon
}

changed()
{
	jq -es --arg path "$1" --arg name "$2" 'any(.[];
		.member == "PropertiesChanged" and .path == $path and
		(.payload.data[1] | has($name)))' <"$test_dir/monitor.json" >/dev/null 2>&1
}

test_alarm_is_told_everywhere()
{
	local hook=$test_dir/hook
	printf '#!/bin/sh\nprintf "%%s|" "$@" >>%s.out\necho >>%s.out\n' "$hook" "$hook" >"$hook"
	chmod +x "$hook"
	configure <<-CONF
		[host]
		budget = ${short_budget_mib}M
		[alarms]
		hold = 0
		ballooned = 5%
		hook = $hook
	CONF
	busctl --system --json=short monitor --match "type='signal',member='Alarm'" \
		>"$test_dir/monitor.json" \
		2>"$test_dir/monitor.err" 9>&- &
	monitor_pid=$!
	trap 'kill "$monitor_pid"; end_test' EXIT
	eventually "it listens" grep -q Monitoring "$test_dir/monitor.err"
	start_daemon
	eventually "the log has it" log_has 'vm-b: alarm ballooned'
	eventually "the hook was run" grep -q '^ballooned|raised|vm-b|' "$hook.out"
	eventually "the bus has it" grep -q '"Alarm".*"ballooned",true,"vm-b"' "$test_dir/monitor.json"
	expect "the status has it" grep -qw ballooned <<<"$(vm_status vm-b alarms)"
	stop_daemon
}

# Whom to move is signalled when it is known, and again when nobody need leave any more.
test_bus_signals_migration_advice()
{
	configure <<-CONF
		[host]
		budget = $((3 * guest_mib + 160))M
	CONF
	busctl --system --json=short monitor --match "type='signal',member='MigrationAdvice'" \
		>"$test_dir/monitor.json" 2>"$test_dir/monitor.err" 9>&- &
	monitor_pid=$!
	trap 'kill "$monitor_pid"; end_test' EXIT
	eventually "it listens" grep -q Monitoring "$test_dir/monitor.err"
	start_daemon
	eventually "somebody is advised to leave" advised '.[0] | startswith("vm-")'
	eventually "the status says the same" advice_is_shown
	configure </dev/null
	kill -HUP "$daemon_pid"
	eventually "and nobody any more" advised '. == ["", "", 0]'
	stop_daemon
}

advice_is_shown() { status_json | jq -e '[.vms[] | select(.advised_to_move)] | length == 1' >/dev/null; }

# The last advice that was signalled is so.
advised() { jq -es ".[-1].payload.data | $1" "$test_dir/monitor.json" >/dev/null 2>&1; }

test_bus_orders_by_root()
{
	configure <<-CONF
		[policy]
		turn_hold = 3s
	CONF
	start_daemon
	eventually "the VM is known" vm_known vm-a
	bus_call Set 'sa{ss}b' vm-a 2 limit 192M shares 500 false
	eventually "the limit is reached" actual_at_most vm-a $((192 * 1024))
	equal "shares" "$(vm_status vm-a shares)" 500
	bus_call Set 'sa{ss}b' vm-a 1 limit '' false
	eventually "without it, it grows again" actual_at_least vm-a "$guest_kib"
	equal "the other stays" "$(vm_status vm-a shares)" 500
	expect_not "nonsense is refused" bus_call Set 'sa{ss}b' vm-a 1 limit nonsense false
	expect_not "a VM that is not there is refused" bus_call Pause s nosuch
	busctl --system call org.aerostat1 "$(vm_object vm-a)" org.aerostat1.VM Pause
	eventually "a paused VM is observed" vm_reason_is vm-a mode-observe
	expect "others are not" [ "$(vm_status vm-b paused)" = "" ]
	busctl --system call org.aerostat1 "$(vm_object vm-a)" org.aerostat1.VM Resume
	eventually "until it is resumed" vm_reason_is_not vm-a mode-observe
	stop_daemon
}

vm_reason_is_not() { ! vm_reason_is "$@"; }

# As somebody else: reading is free, changing is polkit's decision, and without polkit refused.
test_bus_orders_by_others()
{
	[ "$(id -u)" -eq 0 ] || skip "needs root, to become somebody else"
	[ -x /usr/lib/polkit-1/polkitd ] || skip "polkitd is not installed"
	configure </dev/null
	start_daemon
	eventually "the VM is known" vm_known vm-a
	chmod 711 "$(readlink -f "$out/bus/bus")"
	expect "anybody may look" as_nobody Status
	expect_not "without polkit nobody but root may change" as_nobody Pause s ''
	expect "access is denied" grep -q 'Access denied' "$test_dir/nobody.log"

	unshare -m "$top/tests/e2e/polkitd" "$top/hostd/data/org.aerostat1.policy" \
		org.aerostat1.pause nobody >"$test_dir/polkitd.log" 2>&1 9>&- &
	polkit_pid=$!
	trap 'kill "$polkit_pid"; end_test' EXIT
	eventually "polkit allows what its rule says" as_nobody Pause s ''
	eventually "and it is done" vm_reason_is vm-a mode-observe
	expect_not "and refuses the rest" as_nobody Boost stt vm-a 1024 1000
	expect "with the reason" grep -q 'polkit wants a password' "$test_dir/nobody.log"
	expect "who is root need not ask" bus_call Resume s ''
	stop_daemon
}

# Who fills the queue for polkit's answers does so for himself alone.
test_bus_orders_that_wait()
{
	local i
	[ "$(id -u)" -eq 0 ] || skip "needs root, to become somebody else"
	[ -x /usr/lib/polkit-1/polkitd ] || skip "polkitd is not installed"
	configure </dev/null
	start_daemon
	chmod 711 "$(readlink -f "$out/bus/bus")"
	unshare -m "$top/tests/e2e/polkitd" "$top/hostd/data/org.aerostat1.policy" \
		org.aerostat1.pause nobody >"$test_dir/polkitd.log" 2>&1 9>&- &
	polkit_pid=$!
	trap 'kill -KILL "$polkit_pid"; end_test' EXIT
	eventually "polkit answers" as_nobody Pause s ''
	kill -STOP "$polkit_pid"
	for ((i = 0; i < 70; i++)); do
		setpriv --reuid=nobody --clear-groups timeout 60 busctl --system call \
			"${manager[@]}" Pause s '' >"$test_dir/waits.$i" 2>&1 9>&- &
	done
	eventually "all but eight are refused" refused_are 62
	expect "root goes on" bus_call Resume s ''
	setpriv --reuid=daemon --clear-groups timeout 60 busctl --system call \
		"${manager[@]}" Pause s '' >"$test_dir/daemon.log" 2>&1 9>&- &
	kill -CONT "$polkit_pid"
	wait "$!" || true
	expect "another waits for his turn" grep -q 'polkit wants a password' "$test_dir/daemon.log"
	eventually "the eight are done" paused_is true
	kill -KILL "$polkit_pid"
	trap end_test EXIT
	stop_daemon
}

refused_are()
{
	[ "$(grep -l 'too many orders of this user' "$test_dir"/waits.* | wc -l)" = "$1" ]
}

as_nobody()
{
	setpriv --reuid=nobody --clear-groups timeout 20 busctl --system call "${manager[@]}" "$@" \
		>"$test_dir/nobody.log" 2>&1
}
