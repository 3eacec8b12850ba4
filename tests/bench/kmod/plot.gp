# Times of inflation and deflation by driver, kernel and command line.
# usage: gnuplot -e "data='kmod.dat'; output='kmod.png'" plot.gp
# A noenhanced terminal: names such as init_on_alloc have underscores. Logarithmic: the drivers
# are orders of magnitude apart.
set terminal pngcairo size 1400,700 noenhanced
set output output
set title "1.5 GiB of a 2-GiB guest: time to inflate and deflate (median)"
set ylabel "ms"
set logscale y
set yrange [1:*]
set grid ytics
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.8 border -1
set boxwidth 0.9
set key top right
set bmargin 4
plot data using 2:xtic(1) title "inflate untouched", '' using 3 title "inflate touched", \
	'' using 4 title "deflate (was untouched)", '' using 5 title "deflate (was touched)"
