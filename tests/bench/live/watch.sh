# shellcheck shell=bash disable=SC2154,SC2034 # shared with run and its parts
# Looking at a run once a second: a line of samples.csv. Sourced by run.
#
# Of each guest: the balloon's actual size, from libvirt; of its QEMU, from /proc, what is
# resident, what the host has swapped out, and its major faults, which are what the host has had
# to fetch back. What is not known is left empty.

watch_start_us=0
trouble='' # why watch_until gave up, unless it was the time
last_said_s=0

elapsed_ms() { echo $(((${EPOCHREALTIME/./} - watch_start_us) / 1000)); }

begin_watch()
{
	local name field
	watch_start_us=${EPOCHREALTIME/./}
	last_said_s=0
	begin_ms='' trouble=''
	{
		printf 'time_ms'
		for name in "${guests[@]}"; do
			for field in actual_kib rss_kib swap_kib major_faults; do
				printf ',%s_%s' "$name" "$field"
			done
		done
		printf '\n'
	} >"$run_dir/samples.csv"
}

# All guests' clocks run: what is before does not count.
mark_begin() { begin_ms=$(elapsed_ms); }

# Prints RSS and swap of a QEMU in KiB, and its major faults, with a comma before each. The files are
# read in one go: they change under one that reads them line by line.
process_fields()
{
	local status='' stat='' rss='' swap=''
	status=$(cat "/proc/$1/status" 2>/dev/null) || true
	[[ ! $status =~ VmRSS:[[:space:]]+([0-9]+) ]] || rss=${BASH_REMATCH[1]}
	[[ ! $status =~ VmSwap:[[:space:]]+([0-9]+) ]] || swap=${BASH_REMATCH[1]}
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || true
	# The program's name may have spaces; majflt is the tenth field behind it.
	read -ra stat <<<"${stat##*) }"
	printf ',%s,%s,%s' "$rss" "$swap" "${stat[9]:-}"
}

sample()
{
	local line name=''
	local -A actual=()
	while read -r line; do
		case $line in
		Domain:*) name=${line#*\'} name=${name%\'*} ;;
		balloon.current=*) actual[$name]=${line#*=} ;;
		esac
	done < <(virsh -q domstats --balloon --nowait "${guests[@]}" 2>/dev/null)
	{
		elapsed_ms | tr -d '\n'
		for name in "${guests[@]}"; do
			printf ',%s' "${actual[$name]:-}"
			process_fields "${pids[$name]}"
		done
		printf '\n'
	} >>"$run_dir/samples.csv"
}

# A line of progress now and then.
progress()
{
	local now_s=$(($(elapsed_ms) / 1000)) name text=''
	[ $((now_s - last_said_s)) -ge 15 ] || return 0
	last_said_s=$now_s
	for name in "${guests[@]}"; do
		text+="  $name $(last_report "$name" | sed -n \
			"s/.* phase=\([^ ]*\) .* cycles=\([^ ]*\) .*/\1 (\2 of $cycles done)/p")"
	done
	say "  $now_s s:$text"
}

find_trouble()
{
	local name
	for name in "${guests[@]}"; do
		trouble=$(guest_trouble "$name")
		[ -z "$trouble" ] || return 0
	done
	if [ -n "$daemon_pid" ] && ! daemon_alive; then
		trouble="aerostatd ended: see $run_dir/aerostatd.log"
	fi
}

# Watch until a command succeeds; 1 when it has not within so many seconds, or there is trouble.
watch_until()
{
	local timeout_s=$1 end_ms next_ms left_ms
	shift
	next_ms=$(elapsed_ms)
	end_ms=$((next_ms + timeout_s * 1000))
	while :; do
		sample
		progress
		"$@" && return 0
		find_trouble
		[ -z "$trouble" ] || return 1
		[ "$(elapsed_ms)" -lt "$end_ms" ] || return 1
		next_ms=$((next_ms + 1000))
		left_ms=$((next_ms - $(elapsed_ms)))
		if [ "$left_ms" -gt 0 ]; then
			sleep "$((left_ms / 1000)).$(printf %03d $((left_ms % 1000)))"
		else
			next_ms=$(elapsed_ms)
		fi
	done
}
