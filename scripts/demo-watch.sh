# shellcheck shell=bash disable=SC2154,SC2034 # shared with scripts/demo and its parts
# Looking at the demo while it runs: once a second a sample of every guest, a line of
# memory.csv, and a live table. Sourced by scripts/demo.
#
# A sample comes from three places: libvirt (actual balloon size, usable memory in the guest), the
# daemon's status (target, demand, reason), and /proc/PID/smaps of each QEMU. Of a QEMU's
# resident memory, `ram` is what lies in the mapping that is the guest's RAM; the rest is QEMU's
# own (its code, its heap, translated guest code), its overhead.
# The sample is in `now`, keyed NAME.FIELD, sizes in KiB; what is not known is absent.

declare -A now=() lowest=() highest=() before=() after=() pids=()
declare -A event_s=() # when something happened, in seconds since the guests were created
table_lines=0 table_shown='' last_plain_s=-100 watch_start_us=0
highest_total_ram=0 over_budget_kib=0

elapsed_ms() { echo $(((${EPOCHREALTIME/./} - watch_start_us) / 1000)); }

guest_pid_file()
{
	local file
	for file in "$out/libvirt/run/libvirt/qemu/$1.pid" \
		"$out/libvirt/run/libvirt/qemu/run/$1.pid" "/run/libvirt/qemu/$1.pid"; do
		if [ -r "$file" ]; then
			printf '%s\n' "$file"
			return 0
		fi
	done
	return 1
}

sample_libvirt()
{
	local line name='' value
	while read -r line; do
		case $line in
		Domain:*) name=${line#*\'} name=${name%\'*} ;;
		balloon.current=*) now[$name.actual]=${line#*=} ;;
		balloon.usable=*) now[$name.usable]=${line#*=} ;;
		esac
	done < <(virsh -q domstats --balloon --nowait "${guests[@]}" 2>/dev/null)
	for name in "${guests[@]}"; do
		value=${now[$name.actual]:-}
		[ -n "$value" ] || continue
		if [ "$value" -lt "${lowest[$name]:-$value}" ] || [ -z "${lowest[$name]:-}" ]; then
			lowest[$name]=$value
		fi
		if [ "$value" -gt "${highest[$name]:-0}" ]; then
			highest[$name]=$value
		fi
	done
}

sample_daemon()
{
	local name target demand reason
	daemon_alive || return 0
	while IFS="|" read -r name target demand reason; do
		[ -z "$target" ] || now[$name.target]=$target
		[ -z "$demand" ] || now[$name.demand]=$demand
		now[$name.reason]=$reason
	done < <("${on_bus[@]}" "$build/hostd/aerostatctl" status --json 2>>"$out/aerostatctl.log" |
		jq -r '.vms[] | "\(.name)|\(.target_kib // "")|\(.demand_kib // "")|\(.reason)"')
}

sample_resident()
{
	local name file rss ram
	for name in "${guests[@]}"; do
		if [ -z "${pids[$name]:-}" ]; then
			file=$(guest_pid_file "$name") || continue
			pids[$name]=$(cat "$file")
		fi
		read -r rss ram < <(awk -v ram_kib=$((max_mib * 1024)) '
			/^Size:/ { is_ram = $2 == ram_kib }
			/^Rss:/ { rss += $2; if (is_ram) ram += $2 }
			END { print rss + 0, ram + 0 }' "/proc/${pids[$name]}/smaps" 2>/dev/null) ||
			continue
		if [ "$rss" -gt 0 ]; then
			now[$name.rss]=$rss now[$name.ram]=$ram
		fi
	done
}

# Sum of a field over the guests; nothing when one is not known.
total()
{
	local name sum=0
	for name in "${guests[@]}"; do
		[ -n "${now[$name.$1]:-}" ] || return 0
		sum=$((sum + now[$name.$1]))
	done
	printf '%s\n' "$sum"
}

sample()
{
	local ram
	now=()
	sample_libvirt
	sample_daemon
	sample_resident
	now[time_s]=$(awk -v ms="$(elapsed_ms)" 'BEGIN { printf "%.1f", ms / 1000 }')
	ram=$(total ram)
	if [ -n "$ram" ] && [ "$ram" -gt "$highest_total_ram" ]; then
		highest_total_ram=$ram
		over_budget_kib=$((ram - budget_mib * 1024))
	fi
}

csv_header()
{
	local name field
	printf 'time_s'
	for name in "${guests[@]}"; do
		for field in actual target demand rss ram; do
			printf ',%s_%s_kib' "$name" "$field"
		done
	done
	printf ',total_actual_kib,total_rss_kib,total_ram_kib,budget_kib\n'
}

csv_line()
{
	local name field
	printf '%s' "${now[time_s]}"
	for name in "${guests[@]}"; do
		for field in actual target demand rss ram; do
			printf ',%s' "${now[$name.$field]:-}"
		done
	done
	printf ',%s,%s,%s,%s\n' "$(total actual)" "$(total rss)" "$(total ram)" \
		$((budget_mib * 1024))
}

mib() { [ -z "${1:-}" ] && printf -- '-' || printf '%d' $(($1 / 1024)); }

# A bar of 32 characters for max_mib: what is held, then what the balloon has taken.
bar()
{
	local held=$((${1:-0} * 32 / (max_mib * 1024))) text
	printf -v text '%*s' "$held" ''
	printf '%s' "${text// /#}"
	printf -v text '%*s' $((32 - held)) ''
	printf '%s' "${text// /.}"
}

table()
{
	local name
	printf '%5.0f s   held %s, resident %s of %s MiB\n' "${now[time_s]}" \
		"$(mib "$(total actual)")" "$(mib "$(total ram)")" "$budget_mib"
	printf '%-11s %6s %6s %6s %8s  %-32s %-9s %s\n' VM actual target demand resident \
		"0 .. $max_mib MiB" load 'last decision'
	for name in "${guests[@]}"; do
		printf '%-11s %6s %6s %6s %8s  %s %-9s %s\n' "$name" \
			"$(mib "${now[$name.actual]:-}")" "$(mib "${now[$name.target]:-}")" \
			"$(mib "${now[$name.demand]:-}")" "$(mib "${now[$name.ram]:-}")" \
			"$(bar "${now[$name.actual]:-}")" "$(load_phase "$name")" \
			"${now[$name.reason]:-}"
	done
}

# On a terminal the table is drawn over itself; elsewhere a short line now and then.
show()
{
	local text
	if [ -t 1 ]; then
		text=$(table)
		[ "$table_lines" -eq 0 ] || printf '\e[%dA' "$table_lines"
		printf '%s\n' "$text" | sed 's/$/\x1b[K/'
		table_lines=$(wc -l <<<"$text") table_shown=1
	elif [ $((${now[time_s]%.*} - last_plain_s)) -ge 5 ]; then
		last_plain_s=${now[time_s]%.*}
		table | awk 'NR == 1 { printf "%s", $0 }
			NR > 2 { printf "; %s %s (wants %s)", $1, $2, $4 }
			END { print "" }'
	fi
}

# What is printed next stands below the table, which then starts anew.
table_end() { table_lines=0 table_shown=''; }

begin_watch()
{
	watch_start_us=${EPOCHREALTIME/./}
	csv_header >"$out/memory.csv"
}

# Remember when this was, and how things were then.
mark()
{
	local key
	event_s[$1]=$(awk -v ms="$(elapsed_ms)" 'BEGIN { printf "%.1f", ms / 1000 }')
	case $1 in
	before)
		# The demo's story starts here: how the guests booted is no part of it.
		lowest=() highest=() highest_total_ram=0
		for key in "${!now[@]}"; do before[$key]=${now[$key]}; done
		;;
	after) for key in "${!now[@]}"; do after[$key]=${now[$key]}; done ;;
	esac
}

# Watch until a command succeeds; 1 when it has not within so many seconds.
watch_until()
{
	local timeout_s=$1 end_ms next_ms left_ms
	shift
	next_ms=$(elapsed_ms)
	end_ms=$((next_ms + timeout_s * 1000))
	while :; do
		sample
		csv_line >>"$out/memory.csv"
		show
		if "$@"; then
			return 0
		fi
		if [ "$(elapsed_ms)" -ge "$end_ms" ]; then
			return 1
		fi
		if [ -n "$daemon_pid" ] && ! daemon_alive; then
			tail -n 5 "$out/aerostatd.log" >&2
			die "aerostatd ended; its log is $out/aerostatd.log"
		fi
		next_ms=$((next_ms + 1000))
		left_ms=$((next_ms - $(elapsed_ms)))
		if [ "$left_ms" -gt 0 ]; then
			sleep "$((left_ms / 1000)).$(printf %03d $((left_ms % 1000)))"
		else
			next_ms=$(elapsed_ms)
		fi
	done
}
