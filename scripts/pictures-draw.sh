# shellcheck shell=bash disable=SC2154 # out, start_s: set by scripts/pictures
# From text to pictures: a terminal's screen with its colours, and panels of a dashboard. Sourced by
# scripts/pictures.

# draw_screen ANSI SVG: a screen of 80 columns, whose text is as `tmux capture-pane -e` gives it, down to
# its last line. Each run of one colour is placed by its column, whatever font a viewer has.
draw_screen()
{
	awk -v cell=8.4 -v line=17 -v columns=80 '
		BEGIN {
			paper = "#16181d"; ink = "#d7dae0"
			colours[31] = "#e0605a"; colours[32] = "#7fb86a"; colours[33] = "#d9b04c"
			fore = ink
		}
		function escaped(text) {
			gsub(/&/, "\\&amp;", text); gsub(/</, "\\&lt;", text); gsub(/>/, "\\&gt;", text)
			return text
		}
		function put(text,   x, y, n) {
			n = length(text)
			x = 10 + column * cell; y = 10 + (NR - 1) * line
			column += n
			if (reverse)
				body = body sprintf("<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"%s\"/>\n",
					x, y, n * cell, line, fore)
			if (text ~ /^ *$/)
				return
			body = body sprintf("<text x=\"%g\" y=\"%g\" textLength=\"%g\" fill=\"%s\"%s xml:space=\"preserve\">%s</text>\n",
				x, y + 13, n * cell, reverse ? paper : fore,
				bold ? " font-weight=\"bold\"" : "", escaped(text))
			rows = NR
		}
		function style(codes,   n, i, list) {
			n = split(codes, list, ";")
			if (codes == "")
				list[n = 1] = 0
			for (i = 1; i <= n; i++) {
				if (list[i] == 0) { fore = ink; reverse = bold = 0 }
				else if (list[i] == 1) bold = 1
				else if (list[i] == 22) bold = 0
				else if (list[i] == 7) reverse = 1
				else if (list[i] == 27) reverse = 0
				else if (list[i] == 39) fore = ink
				else if (list[i] in colours) fore = colours[list[i]]
			}
		}
		{
			column = 0
			rest = $0
			while (match(rest, /\033\[[0-9;]*m/)) {
				if (RSTART > 1)
					put(substr(rest, 1, RSTART - 1))
				style(substr(rest, RSTART + 2, RLENGTH - 3))
				rest = substr(rest, RSTART + RLENGTH)
			}
			if (rest != "")
				put(rest)
		}
		END {
			printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" ",
				columns * cell + 20, rows * line + 20
			printf "font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\">\n"
			printf "<rect width=\"100%%\" height=\"100%%\" rx=\"6\" fill=\"%s\"/>\n%s</svg>\n",
				paper, body
		}' "$1" >"$2"
}

# The series of the panels, numbers for gnuplot: a block a series, headed by
# panel, title, type, unit, x, y, w, h, legend, separated by tabs.
panel_series()
{
	jq -r '
		# Labels into the legend, as Grafana does it. There is one host: it needs no name.
		def named($metric): gsub(" ?\\{\\{instance\\}\\}"; "") |
			reduce ($metric | to_entries[]) as $pair (.;
				gsub("\\{\\{" + $pair.key + "\\}\\}"; $pair.value));
		def scale($unit): if $unit == "bytes" then . / 1048576
			elif $unit == "percentunit" then . * 100 else . end;
		input_line_number as $number | . as $panel | .answers[] | .legend as $legend | .result[] |
		([$number, $panel.title, $panel.type, $panel.unit, ($panel.at | .x, .y, .w, .h),
			(.metric as $metric | $legend | named($metric))] | @tsv),
		(.values[] | "\(.[0])\t\(.[1] | tonumber | scale($panel.unit))"), ""' "$1"
}

# draw_dashboard PANELS SVG: each panel where the dashboard has it; rows that are left out close up.
draw_dashboard()
{
	panel_series "$1" | awk -F '\t' -v svg="$2" -v start="$start_s" '
		function quoted(text) { gsub(/\047/, "\047\047", text); return "\047" text "\047" }
		# A position in the dashboard, in units of its grid, as part of the picture.
		function across(x) { return x / 24 }
		# Headings of rows are left out, and single figures need half of their height.
		function down(y) {
			y = y <= 9 ? (y - 1) / 2 : y <= 17 ? y - 5 : y - 22
			return 1 - y / rows
		}
		function unit_of(unit) { return unit == "bytes" ? "MiB" : unit == "percentunit" ? "%" : "" }
		BEGIN { rows = 28 }
		NF >= 9 {
			if ($1 != panel) { panel = $1; order[++panels] = panel }
			title[panel] = $2; type[panel] = $3; unit[panel] = $4
			x[panel] = $5; y[panel] = $6; w[panel] = $7; h[panel] = $8
			series = panel "_" ++count[panel]
			legend[series] = $9
			next
		}
		NF == 2 {
			data[series] = data[series] sprintf("%d %.10g\n", $1 - start, $2)
			last[series] = $2; last_s[series] = $1
		}
		END {
			split("#2a78b5 #c8442d #4c9a52 #d9922e #7a5aa6 #5d6570", colours, " ")
			print "set terminal svg size 1200,860 dynamic noenhanced font \"DejaVu Sans,11\" background \"#ffffff\""
			print "set output " quoted(svg)
			print "set multiplot"
			print "set border 3 linecolor rgb \"#8a8f98\""
			print "set tics nomirror textcolor rgb \"#3a3a3a\" scale 0.5"
			print "set grid linecolor rgb \"#e4e6ea\""
			for (p = 1; p <= panels; p++) {
				panel = order[p]
				left = across(x[panel]); right = across(x[panel] + w[panel])
				above = down(y[panel]); below = down(y[panel] + h[panel])
				printf "set object 1 rectangle from screen %g,%g to screen %g,%g behind fillcolor rgb \"#f6f7f9\" fillstyle solid noborder\n",
					left + 0.004, below + 0.005, right - 0.004, above - 0.005
				printf "set title %s offset 0,-0.4 font \"DejaVu Sans Bold,11\"\n", quoted(title[panel])
				if (type[panel] == "stat") {
					# Of several series, such as states, the one that is there now.
					series = panel "_1"
					for (s = 2; s <= count[panel]; s++)
						if (last_s[panel "_" s] > last_s[series])
							series = panel "_" s
					value = sprintf(last[series] == int(last[series]) ? "%d" : "%.1f", last[series])
					text = title[panel] == "State" ? legend[series] : value " " unit_of(unit[panel])
					printf "set lmargin at screen %g\nset rmargin at screen %g\nset tmargin at screen %g\nset bmargin at screen %g\n",
						left + 0.01, right - 0.01, above - 0.035, below + 0.005
					print "unset tics; unset border; unset grid; unset key"
					printf "set label 1 \"%s\" at graph 0.5,0.5 center font \"DejaVu Sans Bold,20\" textcolor rgb \"#2a78b5\"\n", text
					print "set xrange [0:1]; set yrange [0:1]"
					print "plot -1 notitle"
					print "unset label 1"
					print "set tics nomirror textcolor rgb \"#3a3a3a\" scale 0.5; set border 3 linecolor rgb \"#8a8f98\"; set grid linecolor rgb \"#e4e6ea\""
					continue
				}
				printf "set lmargin at screen %g\nset rmargin at screen %g\nset tmargin at screen %g\nset bmargin at screen %g\n",
					left + 0.05, right - 0.02, above - 0.04, below + 0.065
				printf "set ylabel %s offset 1.6,0\nset key at graph 0.5,graph -0.17 center top horizontal maxrows 1 samplen 1.5 font \",9\"\n", quoted(unit_of(unit[panel]))
				print "set xrange [0:*]; set yrange [0:*]; set xtics format \"%g s\""
				for (s = 1; s <= count[panel]; s++)
					printf "$data%d << END\n%sEND\n", s, data[panel "_" s]
				printf "plot "
				for (s = 1; s <= count[panel]; s++)
					printf "%s$data%d using 1:2 with lines lw 1.8 lc rgb \"%s\" title %s", (s > 1 ? ", " : ""), s,
						colours[(s - 1) % 6 + 1], quoted(legend[panel "_" s])
				print ""
			}
			print "unset multiplot"
		}' >"$out/dashboard.gp"
	gnuplot "$out/dashboard.gp"
}
