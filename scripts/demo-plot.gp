# The demo's picture, from memory.csv. Run by scripts/demo (demo-report.sh), which sets
#   csv, png             file names
#   max_mib, budget_mib  each guest's memory, what all may use together
#   t_daemon, t_grown    when aerostatd started and when demo-db had what it needed, in seconds
#
# Above: each VM's balloon size (thick), and what the daemon thought it needs (thin). Below: the
# guests' memory that was resident on the host, stacked, against the budget.

set terminal pngcairo size 1280,960 font "DejaVu Sans,11" background rgb "white"
set output png
set datafile separator ","
set datafile missing ""

web = "#2a78b5"
db = "#c8442d"
batch = "#4c9a52"
ink = "#3a3a3a"
faint = "#d8d8d8"

set multiplot layout 2,1 margins 0.075,0.86,0.075,0.91 spacing 0.09
set border 3 linecolor rgb ink
set tics nomirror textcolor rgb ink
set grid ytics linecolor rgb faint linewidth 1
set key at graph 1.012,1 left top Left reverse samplen 1.6 spacing 1.25 textcolor rgb ink
stats csv using 1 name "T" nooutput
set xrange [0:T_max]

set arrow 1 from t_daemon, graph 0 to t_daemon, graph 1 nohead dashtype 2 linecolor rgb ink
set arrow 2 from t_grown, graph 0 to t_grown, graph 1 nohead dashtype 2 linecolor rgb ink

set label 10 sprintf("Aerostat: three VMs of %d MiB each, %d MiB for all of them", max_mib, \
	budget_mib) at screen 0.075,0.965 font "DejaVu Sans Bold,15" textcolor rgb ink
set label 1 "daemon starts" at t_daemon, graph 1.03 center textcolor rgb ink
set label 2 "demo-db has all it needs" at t_grown, graph 1.03 center textcolor rgb ink

mib(name) = column(name) / 1024.0

set ylabel "memory the VM has, MiB" textcolor rgb ink
set yrange [0:max_mib * 1.04]
set ytics 128
plot csv using "time_s":(mib("demo-web_actual_kib")) with lines lw 3 lc rgb web \
	title "demo-web", \
     "" using "time_s":(mib("demo-db_actual_kib")) with lines lw 3 lc rgb db \
	title "demo-db", \
     "" using "time_s":(mib("demo-batch_actual_kib")) with lines lw 3 lc rgb batch \
	title "demo-batch", \
     "" using "time_s":(mib("demo-web_demand_kib")) with lines lw 1 lc rgb web notitle, \
     "" using "time_s":(mib("demo-db_demand_kib")) with lines lw 1 lc rgb db notitle, \
     "" using "time_s":(mib("demo-batch_demand_kib")) with lines lw 1 lc rgb batch notitle, \
     NaN with lines lw 3 lc rgb ink title "has", \
     NaN with lines lw 1 lc rgb ink title "needs"

unset label 10
unset label 1
unset label 2
set xlabel "seconds since the VMs were created" textcolor rgb ink
set ylabel "guest memory resident on the host, MiB" textcolor rgb ink
set yrange [0:budget_mib * 1.12]
set ytics 256
set style fill solid 0.75 noborder
plot csv using "time_s":(mib("demo-db_ram_kib") + mib("demo-batch_ram_kib") + \
	mib("demo-web_ram_kib")) with filledcurves x1 lc rgb web title "demo-web", \
     "" using "time_s":(mib("demo-db_ram_kib") + mib("demo-batch_ram_kib")) \
	with filledcurves x1 lc rgb batch title "demo-batch", \
     "" using "time_s":(mib("demo-db_ram_kib")) with filledcurves x1 lc rgb db \
	title "demo-db", \
     budget_mib with lines lw 2 lc rgb ink title "budget"
unset multiplot
