# shellcheck shell=bash disable=SC2154,SC2034 # variables shared with run
# What must hold all along. A watcher asks the daemon twice a second what it sees and has decided,
# and libvirt what the guests hold; what it must never see it writes to `broken`, one line each.
# What one look at the daemon shows is judged by promises.jq, by the run's own limits.
#
# How quick the daemon has to be is counted in intervals. By how much this machine itself is late
# (tests/e2e/pulse.sh) is conceded.

fds_max=96 # 24 workers with a socket and a wake-up each, libvirt's loop, the bus, files
threads_max=32
private_kib_max=8192 # half of it is libvirt's client library
above_max_ms=60000 # from its start to below its limit; emulated guests are slow to follow
answer_max_ms=2000 # by the daemon, which never waits for anything

broken() { echo "$SECONDS s: $*" >>"$test_dir/broken"; }

# What the daemon's process takes: descriptors, threads, private memory in KiB.
daemon_takes()
{
	local pid=$1
	printf '%s %s %s\n' "$(find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l)" \
		"$(awk '$1 == "Threads:" { print $2 }' "/proc/$pid/status" 2>/dev/null)" \
		"$(awk '$1 == "RssAnon:" { print $2 }' "/proc/$pid/status" 2>/dev/null)"
}

# The fault that is going on and its victim, from its beginning until control is back.
fault_now() { cat "$test_dir/fault" 2>/dev/null || echo; }

# Ask the daemon; 1 when it gave no answer of its own. It may be dead only when that is the fault.
look()
{
	local began late fault took
	began=$(now_ms) late=$(machine_late_ms)
	timeout 20 "$aerostatctl" status --json >"$1" 2>/dev/null || true
	! jq -e '.host.ticks and .vms' "$1" >/dev/null 2>&1 || return 0
	took=$(($(now_ms) - began - $(machine_late_ms) + late))
	fault=$(fault_now)
	case $fault in
	kill-daemon* | corrupt-state*) ;;
	*)
		[ "$took" -le "$answer_max_ms" ] ||
			broken "the daemon has not answered for $took ms, during '$fault'"
		;;
	esac
	return 1
}

# One line for each promise that the present status shows to be broken.
judge()
{
	local fault victim
	read -r fault victim < <(fault_now) || true
	jq -s --argjson reservation_kib $((reservation_mib * 1024)) \
		--argjson limit_kib $((limit_mib * 1024)) --argjson budget_kib $((budget_mib * 1024)) \
		--argjson above_max_ms "$above_max_ms" --argjson clock_ms "$(now_ms)" \
		--argjson still_max_ms $((patience * interval_s * 1000 + answer_max_ms)) \
		--argjson late_ms "$(machine_late_ms $(($(now_ms) - 3 * interval_s * 1000)))" \
		--argjson interval_ms $((interval_s * 1000)) \
		--argjson pid "$(cat "$test_dir/pid")" \
		--arg fault "${fault:-}" --arg victim "${victim:-}" \
		-f "$top/tests/chaos/promises.jq" "$test_dir/last.json" "$test_dir/now.json" \
		"$test_dir/judged.json" >"$test_dir/judged.new"
	mv "$test_dir/judged.new" "$test_dir/judged.json"
	jq -r '.broken[]' "$test_dir/judged.json" | sed "s/^/$SECONDS s: /" >>"$test_dir/broken"
}

# What libvirt says that each guest holds, whatever the daemon says. It answers that without QEMU.
judge_by_libvirt()
{
	local i commands=''
	for ((i = 1; i <= guests; i++)); do
		commands+="dominfo chaos-$i;"
	done
	virsh_timeout_s=5 virsh -q "$commands" 2>/dev/null |
		awk -v least="$((reservation_mib * 1024))" '/^Name:/ { name = $2 }
			/^Used memory:/ && $3 < least { print name " holds " $3 " KiB, says libvirt" }' |
		sed "s/^/$SECONDS s: /" >>"$test_dir/broken"
}

# Runs until it is killed; the daemon's process number is in a file because it changes.
watch_daemon()
{
	echo null >"$test_dir/last.json"
	echo '{ "memo": {} }' >"$test_dir/judged.json"
	while sleep 0.5; do
		judge_by_libvirt || true
		if look "$test_dir/now.json"; then
			judge
			mv "$test_dir/now.json" "$test_dir/last.json"
			daemon_takes "$(cat "$test_dir/pid")" >>"$test_dir/takes"
			echo . >>"$test_dir/looks"
		fi
	done
}

# Of one column of what it took, the greatest value.
most() { awk -v c="$1" '$c + 0 > m { m = $c + 0 } END { print m + 0 }' "$test_dir/takes"; }

no_call_hangs() { [ "$(status_json | jq -r .host.hung_calls)" = 0 ]; }

# After the last fault, with the daemon still running.
check_leaks()
{
	local end=$((SECONDS + patience * interval_s)) file
	until no_call_hangs; do
		[ "$SECONDS" -lt "$end" ] || { broken "leak: calls that hang though nothing else does"; break; }
		sleep 0.5
	done
	[ "$(most 1)" -le "$fds_max" ] || broken "leak: $(most 1) descriptors"
	[ "$(most 2)" -le "$threads_max" ] || broken "leak: $(most 2) threads"
	[ "$(most 3)" -le "$private_kib_max" ] || broken "leak: $(most 3) KiB private memory"
	for file in "$test_dir"/state/*; do
		case ${file##*/} in
		state | state.damaged | state.new | '*') ;;
		*) broken "leak: $file" ;;
		esac
	done
}
