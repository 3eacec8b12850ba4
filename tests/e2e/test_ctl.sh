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
	local command
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
	runs 2 explain
	runs 2 history
	runs 2 set vm-a
	runs 2 set vm-a limit
	runs 2 boost vm-a 1G
	runs 2 boost vm-a lots --for 1min
	runs 2 top --sort nosuch
	runs 2 top --delay 1ms
	runs 3 diagnose
	errs 'not running'
	runs 3 pause
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

test_ctl_top()
{
	configure </dev/null
	start_daemon
	eventually "the VM is known" vm_known vm-a
	runs 0 top --batch --count 2 --delay 200ms
	equal "looks" "$(grep -c '^host ' "$test_dir/ctl.txt")" 2
	says '^vm-a .*\[[#+|-]+\]'
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
	stop_daemon
}

test_ctl_changes()
{
	configure </dev/null
	start_daemon
	eventually "the VM is known" vm_known vm-a
	runs 0 set vm-a limit=192M
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
	runs 0 set vm-a limit=
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
	runs 0 status
	says 'paused'
	runs 0 resume
	eventually "then memory moves" actual_at_most vm-b $((192 * 1024))
	stop_daemon
}

paused_is() { [ "$(status_json | jq -r '.host.paused // false')" = "$1" ]; }

# The completion knows subcommands, options and VMs.
test_ctl_completion()
{
	configure </dev/null
	start_daemon
	eventually "the VM is known" vm_known vm-a
	equal "a subcommand" "$(completes aerostatctl diag)" diagnose
	equal "an option" "$(completes aerostatctl boost --fo)" --for
	equal "VMs" "$(completes aerostatctl explain vm-b)" "vm-b vm-bare"
	equal "settings" "$(completes aerostatctl set vm-a resv res)" "reservation="
	stop_daemon
}

# What Tab offers after these words.
completes()
{
	PATH=$(dirname "$aerostatctl"):$PATH bash -c '
		. "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_aerostatctl
		echo "${COMPREPLY[*]}"' - "$top/hostd/data/completion.bash" "$@"
}
