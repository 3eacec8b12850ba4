# What was resident in each mode, from the samples of one run each. Run by report.sh, which sets
#   panels                   pairs of a mode and a round
#   dir                      where the samples are: DIR/round-ROUND/MODE/samples.csv
#   png                      the picture
#   budget_mib, overhead_mib what the guests may use together; what their QEMUs need beside
#
# One panel a mode: the QEMUs' resident memory, stacked by guest; above it, hatched, what the host
# has swapped out of them; the dashed line is the budget with the QEMUs' own need.

n = words(panels) / 2
set terminal pngcairo size 1280,100 + 260 * n font "DejaVu Sans,11" background rgb "white" noenhanced
set output png
set datafile separator ","
set datafile missing ""

web = "#2a78b5"
db = "#c8442d"
batch = "#4c9a52"
ink = "#3a3a3a"
faint = "#d8d8d8"

samples(i) = sprintf("%s/round-%s/%s/samples.csv", dir, word(panels, 2 * i), word(panels, 2 * i - 1))
mib(name) = column(name) / 1024.0
db_top(x) = mib("live-db_rss_kib")
batch_top(x) = db_top(0) + mib("live-batch_rss_kib")
web_top(x) = batch_top(0) + mib("live-web_rss_kib")
swap_top(x) = web_top(0) + mib("live-web_swap_kib") + mib("live-db_swap_kib") + \
	mib("live-batch_swap_kib")

longest_ms = 0
highest_mib = budget_mib + overhead_mib
do for [i = 1:n] {
	stats samples(i) using 1 name "T" nooutput
	longest_ms = T_max > longest_ms ? T_max : longest_ms
	stats samples(i) using (swap_top(0)) name "S" nooutput
	highest_mib = S_max > highest_mib ? S_max : highest_mib
}

set border 3 linecolor rgb ink
set tics nomirror textcolor rgb ink
set grid ytics linecolor rgb faint
set key at graph 1.012,1 left top Left reverse samplen 1.6 spacing 1.25 textcolor rgb ink
set xrange [0:longest_ms / 1000.0]
set yrange [0:highest_mib * 1.05]
set style fill solid 0.75 noborder
set multiplot layout n,1 margins 0.075,0.86,0.08,0.9 spacing 0.08 \
	title "Resident memory of three VMs with offset peaks, MiB"
do for [i = 1:n] {
	set title word(panels, 2 * i - 1) offset 0,-0.6 textcolor rgb ink
	if (i == n) { set xlabel "seconds since the VMs were created" textcolor rgb ink }
	plot samples(i) using (column("time_ms") / 1e3):(swap_top(0)) with filledcurves x1 \
		lc rgb faint title "swapped by host", \
	     "" using (column("time_ms") / 1e3):(web_top(0)) with filledcurves x1 lc rgb web \
		title "web", \
	     "" using (column("time_ms") / 1e3):(batch_top(0)) with filledcurves x1 lc rgb batch \
		title "batch", \
	     "" using (column("time_ms") / 1e3):(db_top(0)) with filledcurves x1 lc rgb db \
		title "db", \
	     budget_mib + overhead_mib with lines lw 2 dashtype 2 lc rgb ink title "budget"
}
unset multiplot
