# shellcheck shell=bash disable=SC2154 # out, guests, before, after, ...: set by its siblings
# What the demo has shown: table, summary.json, memory.png, and the verdict. Sourced by
# scripts/demo.
#
#   before   the guests have settled at their start, the daemon is about to be started
#   after    demo-db has grown and holds what it needs
#   moved    memory that left one VM and was given to another from then on: the smaller one of
#            all that was taken and all that was given
#   slowest relief   the longest that a guest's load waited for one step (4 MiB) of a growth

console_alarms='WARNING:|BUG:|Oops|Call Trace|Kernel panic|page allocation failure|Out of memory'

min() { echo $(($1 < $2 ? $1 : $2)); }

# Sum of all falls and of all rises of the actual sizes since the start of the story.
moved_kib()
{
	local taken given
	read -r taken given < <(awk -F , -v from_s="${event_s[before]}" '
		NR == 1 {
			for (i = 1; i <= NF; i++)
				if ($i ~ /^demo-.*_actual_kib$/)
					columns[i]
			next
		}
		$1 >= from_s {
			for (i in columns) {
				if ($i == "")
					continue
				if (i in last && $i < last[i])
					taken += last[i] - $i
				if (i in last && $i > last[i])
					given += $i - last[i]
				last[i] = $i + 0
			}
		}
		END { printf "%d %d\n", taken, given }' "$out/memory.csv")
	min "$taken" "$given"
}

# In milliseconds; nothing when the load never grew after its start.
slowest_relief_ms()
{
	local start_mib
	start_mib=$(sed -n 's/.*start_mib=\([0-9]*\).*/\1/p' <<<",${loads[$1]}")
	tr -d '\r' <"$out/$1.load" | awk -v start_mib="$start_mib" '
		/^load / {
			for (i = 1; i <= NF; i++) {
				split($i, field, "=")
				value[field[1]] = field[2]
			}
			if (value["want_mib"] + 0 > start_mib + 0) {
				seen = 1
				if (value["slowest_ms"] + 0 > most)
					most = value["slowest_ms"] + 0
				# A wait that is not over counts with what it has lasted.
				if (value["phase"] == "starved" && value["took_ms"] + 0 > most)
					most = value["took_ms"] + 0
			}
		}
		END { if (seen) printf "%d\n", most }'
}

# Pages whose content a guest's load has lost; nothing when it never reported.
bad_pages() { last_report "$1" | report_field bad_pages; }

json_vm()
{
	jq -n --arg name "$1" --arg relief "$(slowest_relief_ms "$1")" \
		--argjson start "${before[$1.actual]:-null}" \
		--argjson low "${lowest[$1]:-null}" --argjson high "${highest[$1]:-null}" \
		--argjson rss_before "${before[$1.rss]:-null}" \
		--argjson rss_after "${after[$1.rss]:-null}" \
		--argjson ram_before "${before[$1.ram]:-null}" \
		--argjson ram_after "${after[$1.ram]:-null}" \
		--arg bad_pages "$(bad_pages "$1")" '{
			name: $name, start_actual_kib: $start,
			min_actual_kib: $low, max_actual_kib: $high,
			rss_before_kib: $rss_before, rss_after_kib: $rss_after,
			ram_before_kib: $ram_before, ram_after_kib: $ram_after,
			slowest_relief_ms: (if $relief == "" then null else ($relief | tonumber) end),
			bad_pages: (if $bad_pages == "" then null else ($bad_pages | tonumber) end)
		}'
}

write_summary()
{
	local name
	for name in "${guests[@]}"; do
		json_vm "$name"
	done | jq -s --argjson moved "$(moved_kib)" --argjson budget $((budget_mib * 1024)) \
		--argjson peak "$highest_total_ram" --arg accel "$accel" --arg kernel "$series" \
		--arg driver "$module" --argjson duration "${now[time_s]}" \
		--argjson daemon_at "${event_s[daemon]}" --argjson grown_at "${event_s[after]}" \
		--args '{
			vms: ., moved_kib: $moved, budget_kib: $budget, peak_ram_kib: $peak,
			accel: $accel, kernel: $kernel, driver: $driver, duration_s: $duration,
			daemon_started_s: $daemon_at, database_grown_s: $grown_at,
			verdict: (if ($ARGS.positional | length) == 0 then "moved" else "failed" end),
			failures: $ARGS.positional
		}' -- "$@" >"$out/summary.json"
}

print_summary()
{
	jq -r 'def mib: if . == null then "-" else . / 1024 | round end;
		["VM (MiB)", "start", "lowest", "highest", "resident before", "after",
			"slowest relief"],
		(.vms[] | [.name, (.start_actual_kib | mib), (.min_actual_kib | mib),
			(.max_actual_kib | mib), (.rss_before_kib | mib), (.rss_after_kib | mib),
			if .slowest_relief_ms == null then "-" else "\(.slowest_relief_ms) ms" end])
		| @tsv' "$out/summary.json" |
		awk -F '\t' '{ printf "%-11s %7s %7s %8s %16s %7s %15s\n", $1, $2, $3, $4, $5, $6, $7 }'
	jq -r '"moved \(.moved_kib / 1024 | round) MiB between the VMs; " +
		"guest memory resident at once: at most \(.peak_ram_kib / 1024 | round) " +
		"of \(.budget_kib / 1024 | round) MiB"' "$out/summary.json"
}

plot()
{
	gnuplot -e "csv='$out/memory.csv'; png='$out/memory.png'" \
		-e "t_daemon=${event_s[daemon]}; t_grown=${event_s[after]}" \
		-e "max_mib=$max_mib; budget_mib=$budget_mib" \
		"$top/scripts/demo-plot.gp" 2>"$out/gnuplot.log" ||
		say "gnuplot failed; see $out/gnuplot.log"
}

# One line for each thing that should have happened and did not.
failures()
{
	local name want have phase needed_kib gave_kib=0 got_kib
	read -r want have phase < <(last_report demo-db |
		sed 's/.* phase=\([^ ]*\) want_mib=\([^ ]*\) have_mib=\([^ ]*\).*/\2 \3 \1/')
	if [ "${phase:-}" != hold ]; then
		echo "demo-db did not get what it needed: it has ${have:-0} of ${want:-?} MiB"
	fi
	needed_kib=$((${want:-0} * 1024))
	got_kib=$((${highest[demo-db]:-0} - ${before[demo-db.actual]:-0}))
	[ "${highest[demo-db]:-0}" -ge "$needed_kib" ] ||
		echo "demo-db's balloon was never deflated to its need: $(mib "${highest[demo-db]:-0}") MiB"
	for name in demo-web demo-batch; do
		gave_kib=$((gave_kib + ${before[$name.actual]:-0} - ${lowest[$name]:-0}))
		[ "${lowest[$name]:-0}" -lt "${before[$name.actual]:-0}" ] ||
			echo "$name gave nothing up"
	done
	[ "$gave_kib" -ge $((got_kib / 2)) ] ||
		echo "the others gave up $(mib $gave_kib) MiB, demo-db got $(mib $got_kib)"
	[ "${after[demo-web.ram]:-0}" -lt "${before[demo-web.ram]:-0}" ] ||
		echo "demo-web's resident memory did not shrink on the host"
	[ "$highest_total_ram" -gt 0 ] || echo "the guests' resident memory could not be read"
	[ "$over_budget_kib" -le 0 ] ||
		echo "the guests' resident memory exceeded the budget by $(mib "$over_budget_kib") MiB"
	for name in "${guests[@]}"; do
		[ "$(bad_pages "$name")" = 0 ] ||
			echo "$name lost the content of $(bad_pages "$name") pages"
		! grep -aqE "$console_alarms" "$out/$name.console" ||
			echo "$name's kernel complained: see $out/$name.console"
	done
}

# Everything at the end; 1 when memory did not move as it should.
report()
{
	local failed failure
	mapfile -t failed < <(failures)
	write_summary "${failed[@]}"
	plot
	echo
	print_summary
	echo "summary, samples and picture: build/demo/{summary.json,memory.csv,memory.png}"
	if [ ${#failed[@]} -eq 0 ]; then
		say "memory moved: demo-db got what it needed, within the budget"
		return 0
	fi
	for failure in "${failed[@]}"; do
		say "FAILED: $failure"
	done
	return 1
}
