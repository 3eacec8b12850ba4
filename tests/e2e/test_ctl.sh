# shellcheck shell=bash disable=SC2154 # see check
# aerostatctl as people use it, against the real daemon.

# runs EXIT_STATUS ARGUMENT...: it ends with this status; what it says is in ctl.txt and ctl.err.
runs()
{
	local expected=$1 status=0
	shift
	timeout 30 "$aerostatctl" "$@" >"$test_dir/ctl.txt" 2>"$test_dir/ctl.err" </dev/null ||
		status=$?
	[ "$status" = "$expected" ] || fail "aerostatctl $* ended with $status, not $expected:" \
		"$(cat "$test_dir/ctl.txt" "$test_dir/ctl.err")"
}

says() { grep -qE -- "$1" "$test_dir/ctl.txt" || fail "no '$1' in: $(cat "$test_dir/ctl.txt")"; }

errs() { grep -qE -- "$1" "$test_dir/ctl.err" || fail "no '$1' in: $(cat "$test_dir/ctl.err")"; }

commands() { "$aerostatctl" --help | awk '/^  [a-z]/ { print $1 }'; }

# A table of command lines and how they end. No daemon is needed to be refused.
test_ctl_usage()
{
	local command status arguments words
	runs 2
	runs 0 --help
	runs 0 --version
	runs 2 nosuch
	while read -r command; do
		runs 0 "$command" --help
		says '^usage: aerostatctl'
		runs 2 "$command" --nosuch
		grep -qF -- "${command//-/\\-}" "$top/hostd/data/aerostatctl.1" ||
			fail "$command is not in the manual"
	done < <(commands)
	while read -r status arguments; do
		read -ra words <<<"$arguments"
		runs "$status" "${words[@]/#<empty>/}"
		[ "$status" != 3 ] || errs 'not running'
		[[ $arguments != *"<empty>"* ]] || errs 'is empty'
	done <<-TABLE
		2 status --bus nosuch
		2 --bus
		2 --json
		2 --bus nosuch status
		3 --bus system status
		3 --bus=system --json explain vm-a
		2 explain
		2 history
		2 history vm-a vm-b
		2 history vm-a --since ever
		2 history vm-a --since 0
		2 history vm-a --since 7
		3 history vm-a --since 7d
		3 history vm-a --since 1w
		2 set vm-a
		2 set vm-a limit
		2 set vm-a =1G
		2 boost vm-a 1G
		2 boost vm-a lots --for 1min
		2 boost vm-a 1G --for ever
		2 boost vm-a 1G --for 1min --end
		2 reserve
		2 reserve lots
		2 reserve 1G --timeout ever
		2 top --sort nosuch
		2 top --delay 1ms
		2 top --count 0
		2 diagnose vm-a
		2 explain <empty>
		2 status vm-a <empty>
		2 status --names --json
		2 history <empty>
		2 history vm-a --since <empty>
		2 set <empty> limit=1G
		2 set vm-a <empty>
		2 boost <empty> 1G --for 1min
		2 boost vm-a <empty> --for 1min
		2 reserve <empty>
		2 pause <empty>
		2 resume vm-a <empty>
		2 check-config <empty>
		2 check-config one two
		2 simulate
		2 simulate --overcommit lots
		3 status
		3 explain vm-a
		3 top
		3 top --batch
		3 history vm-a
		3 diagnose
		3 capacity
		3 set vm-a limit=1G
		3 boost vm-a 1G --for 1min
		3 boost vm-a --end
		3 reserve 1G
		3 pause
		3 resume vm-a
		3 dump
		1 simulate --scenario $test_dir/nosuch
		1 check-config $test_dir/nosuch
	TABLE
	printf '[host]\nreserve = much\n' >"$test_dir/bad.conf"
	runs 1 check-config "$test_dir/bad.conf"
	errs 'bad.conf:2: host.reserve'
	printf '[host]\nreserve = 1G\n' >"$test_dir/good.conf"
	runs 0 check-config "$test_dir/good.conf"
	runs 0 check-config --json "$test_dir/good.conf"
	expect "JSON" jq -e .good "$test_dir/ctl.txt"
}

test_ctl_status_falls_back_to_libvirt()
{
	runs 3 status
	errs 'not running'
	errs 'all VMs keep their last targets'
	says '^vm-a .*256 MiB'
	runs 3 status --json vm-b
	equal "maximum by libvirt" "$(jq '.vms[0].max_kib' "$test_dir/ctl.txt")" "$guest_kib"
}

# A bus that is not there is no better than a daemon that is not.
test_ctl_without_a_bus()
{
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$test_dir/nowhere
	export DBUS_SESSION_BUS_ADDRESS=$DBUS_SYSTEM_BUS_ADDRESS
	runs 3 status
	errs 'cannot reach the system bus'
	errs 'all VMs keep their last targets'
	says '^vm-a .*256 MiB'
	runs 3 explain vm-a
	runs 3 resume
	LIBVIRT_DEFAULT_URI=test:///nowhere.xml runs 3 status
	errs 'nor can libvirt be reached'
}

# One that hangs, too: nobody waits for it longer than a moment.
test_ctl_with_a_daemon_that_hangs()
{
	configure </dev/null
	start_daemon
	eventually "the VM is known" vm_known vm-a
	kill -STOP "$daemon_pid"
	runs 3 status
	errs 'does not answer'
	says '^vm-a .*256 MiB'
	runs 3 diagnose
	kill -CONT "$daemon_pid"
	eventually "then it answers again" daemon_answers
	stop_daemon
}

# Hosts of a libvirt of their own, with names that tenants might choose.
start_daemon_with_names()
{
	local name number=0
	{
		printf '<node><memory>33554432</memory>\n'
		for name; do
			number=$((number + 1))
			printf "<domain type='test'><name>%s</name><memory>4194304</memory>" "$name"
			printf '<uuid>%08d-0000-4000-8000-000000000000</uuid>' "$number"
			printf "<os><type>hvm</type></os><devices><memballoon model='virtio'/>"
			printf '</devices></domain>\n'
		done
		printf '</node>\n'
	} >"$test_dir/node.xml"
	configure </dev/null
	start_daemon --connect "test://$test_dir/node.xml" --wall-clock 627319920
	eventually "the last is known" vm_known "${!#}"
}

# Neither a name nor what is said of it acts on a terminal, wherever it is shown.
test_ctl_hostile_names()
{
	local command
	start_daemon_with_names 'evil&#x9b;31m&#x202e;&#9;x' vm-z
	LC_ALL=C.UTF-8
	for command in status 'status --json' 'top --batch' 'explain evil*' capacity diagnose dump; do
		# shellcheck disable=SC2086 # words are meant
		runs 0 $command
		expect_not "$command shows no control characters" \
			grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae' "$test_dir/ctl.txt"
	done
	runs 0 status 'evil?31m*'
	says '^evil\?31m\?\?x '
	runs 0 dump
	expect "nor do metrics" grep -qF 'domain=\"evil?31m??x\"' "$test_dir/ctl.txt"
	expect "nor does the log" log_has 'evil\?31m\?\?x: running'
	stop_daemon
}

# An answer that did not arrive is not a short one.
test_ctl_output_that_fails()
{
	local command
	start_daemon_with_names vm-a vm-z
	for command in status 'status --json' 'status --names' 'top --batch --count 100' 'explain vm-a' \
		capacity diagnose dump 'history vm-a' --help --version check-config; do
		# shellcheck disable=SC2086 # words are meant
		cannot_write "$command" 1 $command >/dev/full
		# shellcheck disable=SC2086
		cannot_write "$command" 1 $command >&-
	done
	runs 0 status 2>&- <&-
	stop_daemon
	cannot_write "without a daemon" 3 status >/dev/full
	# gnuplot is started without a shell, and that it is not there or fails is said.
	cannot_plot 'gnuplot is not installed' "$(dirname "$aerostatctl")" x.png
	! have gnuplot || cannot_plot 'gnuplot could not draw' "$PATH" nowhere/x.png
}

# cannot_write WHAT EXIT_STATUS ARGUMENT...: with a standard output that takes nothing.
cannot_write()
{
	local what=$1 expected=$2 status=0
	shift 2
	timeout 30 "$aerostatctl" "$@" 2>"$test_dir/ctl.err" || status=$?
	[ "$status" = "$expected" ] || fail "$what: aerostatctl ended with $status, not $expected" >&2
	errs 'cannot write to standard output' >&2
}

cannot_plot()
{
	local status=0
	PATH=$2 "$aerostatctl" simulate --quiet --policy static --plot "$test_dir/$3" \
		--scenario "$top/tests/scenarios/idle.ini" >"$test_dir/ctl.txt" 2>"$test_dir/ctl.err" ||
		status=$?
	equal "exit status" "$status" 1
	errs "$1"
}

# Names that hide another VM, by looking like its UUID or like a pattern of its name, do not.
test_ctl_names_that_hide_others()
{
	local first=00000001-0000-4000-8000-000000000000
	start_daemon_with_names web1 "$first" 'web*' 'twin?' 'twin&#x9b;' vm-z
	runs 0 status --json "$first"
	equal "by its UUID" "$(jq -r '.vms[].name' "$test_dir/ctl.txt")" web1
	errs 'is also a name'
	runs 0 status --json 'web*'
	equal "by its name" "$(jq -r '.vms[].name' "$test_dir/ctl.txt")" 'web*'
	runs 0 status --json 'web**'
	equal "by a pattern" "$(jq -r '.vms[].name' "$test_dir/ctl.txt" | xargs)" 'web* web1'
	runs 0 pause "$first"
	eventually "the right one is paused" vm_has web1 paused true
	equal "and the other is not" "$(vm_status "$first" paused)" ''
	equal "the object of that UUID" "$(busctl --system get-property org.aerostat1 \
		"/org/aerostat1/vm/${first//-/_}" org.aerostat1.VM Name)" 's "web1"'
	runs 1 pause 'twin?'
	errs '2 VMs are called .twin\?.: give a UUID'
	runs 0 pause 00000004-0000-4000-8000-000000000000
	runs 0 status --names
	equal "what each is named by" "$(xargs -d '\n' <"$test_dir/ctl.txt")" \
		"$first 00000004-0000-4000-8000-000000000000 00000005-0000-4000-8000-000000000000 vm-z web* web1"
	stop_daemon
}

# Names of any length, in any script, on a terminal of 80 columns: no line is longer.
test_ctl_fits_80_columns()
{
	local command
	start_daemon_with_names instance-0000002a instance-0000002b '数据库-主-服务器-东区-一号-备份' \
		internal.example.org.prod.web-frontend.eu-west-1a.0012 \
		internal.example.org.prod.web-frontend.eu-west-1a.0013 vm-z
	for command in status 'top --batch' 'explain internal*' capacity diagnose; do
		# shellcheck disable=SC2086 # words are meant, and no file is called so
		COLUMNS=80 runs 0 $command
		equal "columns of $command" "$(LC_ALL=C.UTF-8 widest_line)" "at most 80"
	done
	COLUMNS=80 runs 0 status
	says '^instance-0000002a .*GiB.*GiB'
	expect_not "the rest is left out" grep -q RESIDENT "$test_dir/ctl.txt"
	equal "they are told apart" "$(awk '/^internal/ { print $1 }' "$test_dir/ctl.txt" | sort -u | wc -l)" 2
	COLUMNS=200 runs 0 status
	says 'RESIDENT.*BECAUSE'
	runs 0 status
	says 'RESIDENT.*BECAUSE'
	stop_daemon
}

# In columns as wc counts them; "at most 80", or the number.
widest_line()
{
	local widest
	widest=$(wc -L <"$test_dir/ctl.txt")
	[ "$widest" -le 80 ] && widest="at most 80"
	printf '%s\n' "$widest"
}

test_ctl_reads()
{
	configure <<-CONF
		[host]
		budget = ${short_budget_mib}M
	CONF
	start_daemon
	eventually "somebody is squeezed" others_squeezed none
	runs 0 status
	says '^vm-a '
	expect_not "no colours in a file" grep -q $'\033' "$test_dir/ctl.txt"
	runs 1 status nosuch
	runs 0 top --batch --sort name
	cp "$test_dir/ctl.txt" "$test_dir/top.txt"
	says '^vm-.*-\]' # some of it is ballooned
	runs 0 explain vm-b
	says 'Rule: '
	runs 0 capacity
	says '^overcommit now +[0-9]'
	says '^vm-a +256 MiB'
	runs 0 capacity --json
	expect "a factor" jq -e '.host.overcommit > 0' "$test_dir/ctl.txt"
	runs 0 diagnose
	says 'vm-mute reports nothing'
	runs 0 diagnose --json
	expect "symptoms" jq -e '.symptoms | length > 0' "$test_dir/ctl.txt"
	runs 0 history vm-a
	runs 0 history --json vm-a
	expect "an array" jq -e 'type == "array"' "$test_dir/ctl.txt"
	runs 0 dump
	expect "all of it" jq -e '.host and (.vms | length == 6) and (.metrics | length > 100)' \
		"$test_dir/ctl.txt"
	stop_daemon
}

# The first point is there after a minute; before that there is nothing to draw, and that is an error.
test_ctl_history_is_plotted()
{
	have gnuplot || skip "gnuplot is not installed; scripts/bootstrap installs it"
	configure </dev/null
	start_daemon
	eventually "a plot is drawn" "$aerostatctl" history vm-mute --plot "$test_dir/plot.png" 2>"$test_dir/plot.err"
	equal "what the file begins with" "$(head -c 4 "$test_dir/plot.png" | tail -c 3)" PNG
	# This guest reports nothing: there is nothing to draw of its use, nor to complain of.
	expect_not "gnuplot complains" grep -v "nothing yet" "$test_dir/plot.err"
	stop_daemon
}

test_ctl_top()
{
	configure </dev/null
	start_daemon
	eventually "the VM is known" vm_known vm-a
	runs 0 top --batch --count 2 --delay 200ms
	equal "looks" "$(grep -c '^host ' "$test_dir/ctl.txt")" 2
	says '^vm-a .*\[[#=+|-]+\]'
	expect "it fits 80 columns" [ "$(awk '{ if (length > n) n = length } END { print n }' \
		"$test_dir/ctl.txt")" -le 80 ]
	runs 0 top --batch --sort name
	equal "in order" "$(awk '/^vm-/ { print $1 }' "$test_dir/ctl.txt" | head -n 2 | xargs)" \
		"vm-a vm-b"
	# On a terminal of 80 by 24, of which script(1) makes one, until q is pressed.
	(sleep 2; printf q) | TERM=xterm timeout 30 script -qec \
		"stty rows 24 cols 80; '$aerostatctl' top" /dev/null >"$test_dir/screen.txt" ||
		fail "top on a terminal: $(cat -v "$test_dir/screen.txt")"
	expect "the VM is on the screen" grep -q vm-stock "$test_dir/screen.txt"
	# Without a terminal there are no keys, so no end.
	runs 1 top
	errs 'no terminal; try --batch'
	stop_daemon
}

test_ctl_changes()
{
	configure <<-CONF
		[policy]
		turn_hold = 3s
	CONF
	start_daemon
	eventually "the VM is known" vm_known vm-a
	runs 0 set vm-a limit=192M
	equal "what it says" "$(cat "$test_dir/ctl.txt" "$test_dir/ctl.err")" ""
	eventually "the limit is reached" actual_at_most vm-a $((192 * 1024))
	expect "it is in the running domain's metadata" live_metadata_has vm-a "limit=['\"]192M"
	runs 1 set vm-a reservation=224M
	errs reservation
	runs 1 set vm-a limit=nonsense
	errs 'limit.*not understood'
	runs 1 set vm-a --persistent limit=200M
	errs 'transient'
	runs 1 set nosuch limit=1G
	errs 'no VM'
	runs 0 set --json vm-a limit=
	expect "JSON" jq -e .done "$test_dir/ctl.txt"
	eventually "without the limit it grows again" actual_at_least vm-a "$guest_kib"
	stop_daemon
}

live_metadata_has() { virsh -q metadata "$1" urn:aerostat:libvirt:1 --live | grep -q "$2"; }

test_ctl_set_persistent()
{
	trap 'end_test; virsh -q undefine vm-mute >/dev/null 2>&1 || true' EXIT
	virsh -q dumpxml --inactive vm-mute >"$test_dir/vm-mute.xml"
	virsh -q define "$test_dir/vm-mute.xml" >/dev/null
	configure </dev/null
	start_daemon
	eventually "the VM is known" vm_known vm-mute
	runs 0 set vm-mute shares=7
	runs 0 set vm-mute --persistent reservation=64M
	virsh -q metadata vm-mute urn:aerostat:libvirt:1 --config >"$test_dir/config.xml"
	expect "its definition has it" grep -q 'reservation="64M"' "$test_dir/config.xml"
	expect_not "but not what was for this run only" grep -q shares "$test_dir/config.xml"
	expect "the running one has both" live_metadata_has vm-mute 'shares="7"'
	eventually "and the daemon goes by it" vm_has vm-mute shares 7
	stop_daemon
}

vm_has() { [ "$(vm_status "$1" "$2")" = "$3" ]; }

# A boost gives memory though others are squeezed, and ends by itself.
test_ctl_boost()
{
	local before_kib
	configure <<-CONF
		[host]
		budget = ${short_budget_mib}M
	CONF
	start_daemon
	eventually "somebody is squeezed" others_squeezed none
	before_kib=$(vm_status vm-b reservation_kib)
	runs 1 boost vm-b 1G --for 1min
	errs 'no balloon gives it more'
	runs 0 boost vm-b "${guest_mib}M" --for 1h
	eventually "vm-b gets all" actual_at_least vm-b "$guest_kib"
	runs 0 explain vm-b
	says 'By order at least 256 MiB'
	runs 0 boost vm-b --end
	eventually "and has its own reservation again" vm_has vm-b reservation_kib "$before_kib"
	runs 0 boost vm-b "${guest_mib}M" --for 1s
	eventually "a short one is over soon" log_has 'vm-b: boost is over'
	stop_daemon
}

test_ctl_pause_and_resume()
{
	configure <<-CONF
		[vm]
		limit = 192M
	CONF
	start_daemon
	runs 0 pause
	eventually "it says so" paused_is true
	ticks_pass 3
	eventually "it is judged" vm_reason_is vm-b mode-observe
	runs 0 status
	says 'relaxed, paused|soft, paused|hard, paused'
	says '^vm-b .* all VMs are paused by order'
	runs 0 pause vm-b
	runs 0 explain vm-b
	says 'Rule: All VMs are paused by order'
	says 'aerostatctl resume vm-b, and for all aerostatctl resume'
	expect_not "its mode is not to blame" grep -q 'mode = auto' "$test_dir/ctl.txt"
	runs 0 resume vm-b
	runs 0 resume
	eventually "then memory moves" actual_at_most vm-b $((192 * 1024))
	stop_daemon
}

paused_is() { [ "$(status_json | jq -r '.host.paused // false')" = "$1" ]; }

# Who is not root reads all, and is refused what changes something, with an exit status of its own.
test_ctl_for_others()
{
	local status arguments
	[ "$(id -u)" -eq 0 ] || skip "needs root, to become somebody else"
	configure </dev/null
	start_daemon
	eventually "the VM is known" vm_known vm-a
	chmod 711 "$(readlink -f "$out/bus/bus")"
	cp "$aerostatctl" "$(readlink -f "$out/bus/bus")/aerostatctl" # where others may go
	aerostatctl=$(readlink -f "$out/bus/bus")/aerostatctl
	trap 'rm -f "$(readlink -f "$out/bus/bus")/aerostatctl"; end_test' EXIT
	while read -r status arguments; do
		# shellcheck disable=SC2086 # words are meant
		as_nobody_runs "$status" $arguments
		[ "$status" != 4 ] || errs 'not allowed'
	done <<-TABLE
		0 status
		0 explain vm-a
		0 top --batch
		0 history vm-a
		0 diagnose
		0 capacity
		0 dump
		4 set vm-a limit=200M
		4 boost vm-a 200M --for 1min
		4 reserve 1G
		4 pause
		4 resume vm-a
	TABLE
	stop_daemon
}

as_nobody_runs()
{
	local expected=$1 command=$2 status=0
	shift 2
	setpriv --reuid=nobody --clear-groups timeout 30 "$aerostatctl" "$command" --bus system "$@" \
		>"$test_dir/ctl.txt" 2>"$test_dir/ctl.err" </dev/null || status=$?
	[ "$status" = "$expected" ] || fail "aerostatctl $command $* as nobody ended with $status, not" \
		"$expected: $(cat "$test_dir/ctl.txt" "$test_dir/ctl.err")"
}

# Colours on a terminal, and there only; NO_COLOR is heeded.
test_ctl_colours()
{
	# The host's state has a colour, or none when it is soft; its alarm always has one.
	configure <<-CONF
		[alarms]
		hold = 0
		host_used = 1%
	CONF
	start_daemon
	eventually "the alarm is there" status_says alarm
	expect "on a terminal" on_a_terminal TERM=xterm
	expect_not "where somebody wants none" on_a_terminal TERM=xterm NO_COLOR=1
	expect_not "where the terminal has none" on_a_terminal TERM=dumb
	stop_daemon
}

status_says() { grep -q "$1" <<<"$("$aerostatctl" status 2>/dev/null)"; }

# on_a_terminal VARIABLE=VALUE...: the status has colours there.
on_a_terminal()
{
	timeout 30 script -qec "env -u NO_COLOR $* '$aerostatctl' status" /dev/null </dev/null \
		>"$test_dir/terminal.txt" && grep -q $'\033\\[3[0-9]m' "$test_dir/terminal.txt"
}

# The completion knows subcommands, options and VMs.
test_ctl_completion()
{
	configure </dev/null
	start_daemon
	eventually "the VM is known" vm_known vm-a
	equal "a subcommand" "$(completes 'aerostatctl diag')" diagnose
	equal "an option" "$(completes 'aerostatctl boost --fo')" --for
	equal "VMs" "$(completes 'aerostatctl explain vm-b')" "vm-b vm-bare"
	equal "settings" "$(completes 'aerostatctl set vm-a res')" "reservation="
	stop_daemon
}

# What Tab offers after this line.
completes()
{
	PATH=$(dirname "$aerostatctl"):$PATH bash -c '
		. "$1"
		COMP_LINE=$2 COMP_POINT=${#2}
		read -ra COMP_WORDS <<<"$2"
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_aerostatctl aerostatctl "${2##* }"
		echo "${COMPREPLY[*]}"' - "$top/hostd/data/completion.bash" "$1"
}

# A name is completed as what it is, one argument, whatever a shell would make of it: by a real shell.
test_ctl_completion_of_hostile_names()
{
	# shellcheck disable=SC2016 # as they are
	start_daemon_with_names 'a $(touch evil)' 'b`touch evil`' 'c;touch evil' 'd "e"f' "f'g" \
		'h:i:j' 'k@l=m' 'n*' '-o' 'p\q'
	mkdir -p "$test_dir/shell"
	while IFS='|' read -r typed expected; do
		rm -f "$test_dir/shell"/*
		tab "$typed"
		equal "arguments of: explain $typed<Tab>" "$(cat "$test_dir/shell/arguments")" "<$expected>"
		expect_not "$typed: a name was run" test -e "$test_dir/shell/evil"
	done <<-'TABLE'
		a|a $(touch evil)
		a\ |a $(touch evil)
		'a |a $(touch evil)
		"a |a $(touch evil)
		b|b`touch evil`
		"b|b`touch evil`
		c|c;touch evil
		c\;t|c;touch evil
		d|d "e"f
		"d|d "e"f
		f|f'g
		'f|f'g
		h|h:i:j
		h:|h:i:j
		h:i:|h:i:j
		'h:i|h:i:j
		k|k@l=m
		k@l|k@l=m
		k@l=|k@l=m
		n|n*
		00000009|00000009-0000-4000-8000-000000000000
		p|p\q
		p\\|p\q
		"p|p\q
	TABLE
	stop_daemon
}

# Type `aerostatctl explain`, the words, Tab and Return into an interactive shell; in shell/arguments
# is what came of it.
tab()
{
	cat >"$test_dir/bashrc" <<-RC
		cd '$test_dir/shell'
		PATH='$(dirname "$aerostatctl")':\$PATH
		. '$top/hostd/data/completion.bash'
		aerostatctl() { if [ "\$1" = explain ]; then printf '<%s>\n' "\${@:2}" >arguments; else
			command aerostatctl "\$@"; fi; }
	RC
	# An open quote is closed by the completion; without one, the shell would wait for it for ever.
	printf 'aerostatctl explain %s\t\nexit\n' "$1" |
		timeout 20 script -qec "INPUTRC=/dev/null bash --noprofile --rcfile '$test_dir/bashrc' -i" \
			/dev/null >"$test_dir/tab.txt" 2>&1 || true
	[ -f "$test_dir/shell/arguments" ] || fail "explain $1<Tab> ran nothing: $(cat -v "$test_dir/tab.txt")"
}
