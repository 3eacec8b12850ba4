# shellcheck shell=bash disable=SC2154 # out, bench, guests, ...: set by run
# From samples and reports to figures, verdicts, table, JSON and plot. Sourced by run.
#
# All figures are of the time from when all jobs' clocks ran until the last job's end.
#
#   resident GiB min   the three QEMUs' resident memory, summed over that time
#   mean, peak         the same memory, on average and at its most
#   work s             the sum over a guest's cycles of the time from when each was due to its end
#   completion s       from the first job's begin to the last one's end
#   guest swap         read from and written to the guests' own disks, all guests together
#   host swap          the most that the host had swapped out of the QEMUs at once
#   host faults        the QEMUs' major faults: what the host had to fetch back
#   moved              of the balloons' sizes, the smaller of all falls and all rises

# Sums over the samples of a run; sizes in KiB. The columns of samples.csv: see begin_watch.
sample_figures()
{
	awk -F , -v begin_ms="${begin_ms:-0}" '
		NR == 1 {
			for (i = 1; i <= NF; i++)
				name[i] = $i
			next
		}
		$1 < begin_ms { next }
		{
			rss = swap = 0
			for (i = 2; i <= NF; i++) {
				if ($i == "")
					continue
				if (name[i] ~ /_rss_kib$/)
					rss += $i
				else if (name[i] ~ /_swap_kib$/)
					swap += $i
				else if (i in last && name[i] ~ /_major_faults$/)
					faults += $i - last[i]
				else if (i in last && $i > last[i])
					given += $i - last[i]
				else if (i in last)
					taken += last[i] - $i
				last[i] = $i
			}
			if (n++)
				kib_ms += (rss + last_rss) / 2 * ($1 - last_ms)
			else
				first_ms = $1
			last_rss = rss
			last_ms = $1
			if (rss > peak)
				peak = rss
			if (swap > peak_swap)
				peak_swap = swap
			# What the host has got back; not what it only has swapped out.
			if (rss + swap > most)
				most = rss + swap
			if (most - rss - swap > fall)
				fall = most - rss - swap
		}
		END {
			printf "{\"seconds\": %.1f, \"resident_gib_min\": %.4f,", \
				(last_ms - first_ms) / 1e3, kib_ms / 1048576 / 6e4
			printf "\"mean_kib\": %d, \"peak_kib\": %d, \"fall_kib\": %d,", \
				(last_ms > first_ms ? kib_ms / (last_ms - first_ms) : 0), peak, fall
			printf "\"host_swap_peak_kib\": %d, \"host_major_faults\": %d,", \
				peak_swap, faults
			printf "\"taken_kib\": %d, \"given_kib\": %d}\n", taken, given
		}' "$run_dir/samples.csv"
}

# What a guest's job says of itself. It is over with the last "shrunk"; "done" may come later.
guest_figures()
{
	tr -d '\r' <"$run_dir/$1.load" 2>/dev/null | awk -v name="$1" '
		/^load .* major_faults=[0-9]+$/ {
			for (i = 3; i <= NF; i++) {
				split($i, field, "=")
				value[field[1]] = field[2]
			}
			if (!begin_ms && value["phase"] == "idle")
				begin_ms = value["t_ms"]
			if (value["phase"] == "shrunk")
				end_ms = value["t_ms"]
		}
		END {
			printf "{\"name\": \"%s\", \"cycles\": %d, \"work_s\": %.1f,", name, \
				value["cycles"], value["worked_ms"] / 1e3
			printf "\"completion_s\": %.1f, \"bad_pages\": %d,", \
				(end_ms > begin_ms ? (end_ms - begin_ms) / 1e3 : 0), value["bad_pages"]
			printf "\"swap_in_kib\": %d, \"swap_out_kib\": %d, \"major_faults\": %d}\n", \
				value["swap_in_kib"], value["swap_out_kib"], value["major_faults"]
		}'
}

# A run's result: figures, and one line for each thing that was not as it should be.
write_result()
{
	local name
	for name in "${guests[@]}"; do
		guest_figures "$name"
	done | jq -s --arg mode "$1" --argjson round "$2" --arg failure "$3" \
		--argjson samples "$(sample_figures)" --argjson cycles "$cycles" \
		--argjson max "$((max_mib * 1024))" --arg budget_by "$budget_by" '
		{mode: $mode, round: $round} + $samples + {vms: .} |
		.completion_s = ([.vms[].completion_s] | max) |
		.moved_kib = ([.taken_kib, .given_kib] | min) |
		.failures = [
			(select($failure != "") | $failure),
			(.vms[] | select($failure == "" and .cycles != $cycles) |
				"\(.name) did \(.cycles) of \($cycles) cycles"),
			(.vms[] | select(.bad_pages > 0) |
				"\(.name) lost the content of \(.bad_pages) pages"),
			(select($failure == "") | (
				(select($mode == "static" and .host_swap_peak_kib == 0) |
					"the host never swapped: the budget was not enforced"),
				(select($mode == "reporting" and .fall_kib < $max / 4) |
					"resident memory never fell: no free pages were reported"),
				(select(($mode | startswith("daemon")) and .moved_kib < $max / 4) |
					"the daemon took \(.taken_kib / 1024 | floor) MiB and gave " +
					"\(.given_kib / 1024 | floor): it moved next to nothing")))
		]' >"$run_dir/result.json"
	jq -r '.failures[]' "$run_dir/result.json" | while read -r line; do
		say "FAILED: $1, round $2: $line"
	done
}

# Medians of a mode's good runs, with the runs themselves.
write_summary()
{
	local results
	mapfile -t results < <(find "$out" -name result.json | sort)
	[ ${#results[@]} -gt 0 ] || return 1
	jq -s --arg kernel "$series" --arg accel "$accel" --arg by "$budget_by" \
		--argjson budget "$budget_mib" --argjson max "$max_mib" \
		--arg modes "${modes[*]}" '
		def median: sort | if length == 0 then null
			elif length % 2 == 1 then .[length / 2 | floor]
			else (.[length / 2 - 1] + .[length / 2]) / 2 end;
		def spread(f): [.[] | f] | {median: median, min: min, max: max};
		sort_by(.round) | . as $runs |
		{
			kernel: $kernel, accel: $accel, budget_mib: $budget, guest_max_mib: $max,
			budget_by: $by,
			modes: [($modes | split(" "))[] as $mode |
				[$runs[] | select(.mode == $mode and .failures == [])] |
				select(length > 0) | {
					mode: $mode, rounds: length,
					resident_gib_min: spread(.resident_gib_min),
					mean_kib: spread(.mean_kib), peak_kib: spread(.peak_kib),
					completion_s: spread(.completion_s),
					work_s: ([.[0].vms[].name] as $names | . as $r |
						[$names[] as $n | {key: $n, value:
							($r | spread(.vms[] | select(.name == $n) | .work_s))}] |
						from_entries),
					work_total_s: spread([.vms[].work_s] | add),
					guest_swap_in_kib: spread([.vms[].swap_in_kib] | add),
					guest_swap_out_kib: spread([.vms[].swap_out_kib] | add),
					guest_major_faults: spread([.vms[].major_faults] | add),
					host_swap_peak_kib: spread(.host_swap_peak_kib),
					host_major_faults: spread(.host_major_faults),
					moved_kib: spread(.moved_kib)
				}],
			runs: $runs
		}' "${results[@]}" >"$bench/live.json"
}

print_table()
{
	local web db batch
	read -r web db batch <<<"${guests[*]#live-}"
	jq -r 'def one: if . == null then "-" else . * 10 | round / 10 end;
		def mib: if . == null then "-" else . / 1024 | round end;
		.modes[] | [.mode, .rounds, .resident_gib_min.median,
			(.mean_kib.median | mib), (.peak_kib.median | mib),
			(.work_s[] | .median | round), (.work_total_s.median | round),
			(.completion_s.median | round),
			(.guest_swap_in_kib.median | mib), (.guest_swap_out_kib.median | mib),
			.guest_major_faults.median, (.host_swap_peak_kib.median | mib),
			.host_major_faults.median, (.moved_kib.median | mib)] | @tsv' \
		"$bench/live.json" | awk -F '\t' -v web="$web" -v db="$db" -v batch="$batch" '
		function line(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) {
			printf "%-17s %6s  %8s %6s %6s  %5s %5s %5s %6s %6s  %6s %6s %7s  %6s %7s  %6s\n", \
				a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p
		}
		BEGIN {
			line("", "", "resident", "mean", "peak", "work", "", "", "", "done", \
				"guest", "swap", "major", "host", "major", "")
			line("mode", "rounds", "GiB min", "MiB", "MiB", web " s", db " s", \
				batch " s", "sum s", "in s", "in MiB", "out", "faults", \
				"swap", "faults", "moved")
		}
		{ line($1, $2, sprintf("%.2f", $3), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) }'
}

describe_budget()
{
	local of="three guests of up to $max_mib MiB, budget $budget_mib MiB"
	if [ "$budget_by" = cgroup ]; then
		echo "$of, enforced: beyond it the host swaps"
	else
		echo "$of, NOT enforced: static is an equal split; reporting is only measured"
	fi
}

# The panels show each mode's first good run.
plot()
{
	local mode run panels=()
	have gnuplot || return 0
	while read -r mode run; do
		panels+=("$mode $run")
	done < <(jq -r '.modes[].mode as $m | [.runs[] | select(.mode == $m and .failures == [])][0] |
		"\(.mode) \(.round)"' "$bench/live.json")
	[ ${#panels[@]} -gt 0 ] || return 0
	gnuplot -e "panels='${panels[*]}'; dir='$out'; png='$bench/live.png'" \
		-e "budget_mib=$budget_mib; overhead_mib=$((${#guests[@]} * overhead_mib))" \
		"$here/plot.gp" 2>"$out/gnuplot.log" || say "gnuplot failed; see $out/gnuplot.log"
}

# 1 when a run failed, or there is nothing to report.
report()
{
	write_summary || { say "there are no results"; return 1; }
	describe_budget
	print_table
	plot
	say "figures: $bench/live.json, plot: $bench/live.png"
	jq -e 'all(.runs[]; .failures == [])' "$bench/live.json" >/dev/null && return 0
	jq -r '.runs[] | .mode as $mode | .round as $round | .failures[] |
		"run: FAILED: \($mode), round \($round): \(.)"' "$bench/live.json" >&2
	return 1
}
