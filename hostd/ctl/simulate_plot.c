// SPDX-License-Identifier: GPL-2.0
/*
 * Draws what a simulation found: violated minutes and host swap by policy, a group of bars for
 * each overcommit factor. gnuplot does the drawing.
 */
#include <stdio.h>

#include "ctl/gnuplot.h"
#include "ctl/simulate_internal.h"
#include "sim/model.h"

static double harmed_percent(const struct metrics *metrics)
{
	return 100 * metrics_harm(metrics);
}

static double host_swap_gib(const struct metrics *metrics)
{
	return metrics->seconds > 0
		       ? metrics->host_swap_mib_s / metrics->seconds / MODEL_MIB_PER_GIB
		       : 0;
}

static double slowdown_percent(const struct metrics *metrics)
{
	return 100 * (metrics_mean_relative(metrics) - 1);
}

static double footprint_gib(const struct metrics *metrics)
{
	return metrics->seconds > 0 ? metrics->resident_mib_s / metrics->seconds / MODEL_MIB_PER_GIB
				    : 0;
}

static const struct {
	const char *title;
	double (*value)(const struct metrics *metrics);
	bool logarithmic;
	double least; /* shown for less, where a logarithm has no zero */
} panels[] = {
	{ "VM-minutes slower by more than 5 % than alone, %", harmed_percent, true, 0.001 },
	{ "host swap, GiB a host", host_swap_gib, true, 0.001 },
	{ "mean slowdown against alone, %", slowdown_percent, true, 0.01 },
	{ "resident memory, GiB a host", footprint_gib, false, 0 },
};

#define N_PANELS (sizeof(panels) / sizeof(panels[0]))

static void write_panel(FILE *to, const struct experiment *experiment,
			const struct metrics *metrics, size_t panel)
{
	fprintf(to, "$panel%zu << EOD\nfactor", panel);
	for (size_t p = 0; p < experiment->n_policies; p++)
		fprintf(to, " %s", experiment->policies[p]->name);
	putc('\n', to);
	for (size_t f = 0; f < experiment->n_factors; f++) {
		if (!metrics[f * experiment->n_policies].hosts)
			continue;
		fprintf(to, "%.2f", experiment->factors[f]);
		for (size_t p = 0; p < experiment->n_policies; p++) {
			double value =
				panels[panel].value(&metrics[f * experiment->n_policies + p]);

			fprintf(to, " %.6g",
				value > panels[panel].least ? value : panels[panel].least);
		}
		putc('\n', to);
	}
	fputs("EOD\n", to);
}

static void write_script(struct gnuplot *gnuplot, const struct experiment *experiment,
			 const struct metrics *metrics, const char *path)
{
	FILE *to = gnuplot->to;

	for (size_t i = 0; i < N_PANELS; i++)
		write_panel(to, experiment, metrics, i);
	fputs("set terminal pngcairo size 1400,1000 font 'sans,11'\nset output ", to);
	gnuplot_quote(gnuplot, path);
	fputs("\nset style data histogram\nset style histogram clustered gap 1.5\n"
	      "set style fill solid 0.85\nset grid ytics\nset xlabel 'overcommit'\n"
	      "set key outside right\nset multiplot layout 2,2\n",
	      to);
	for (size_t i = 0; i < N_PANELS; i++) {
		fputs(panels[i].logarithmic ? "set logscale y\n" : "unset logscale y\n", to);
		fprintf(to, "set title '%s'\n", panels[i].title);
		fputs(panels[i].logarithmic ? "set yrange [*:*]\n" : "set yrange [0:*]\n", to);
		fprintf(to, "plot for [i=2:%zu] $panel%zu using i:xtic(1) title columnheader(i)\n",
			experiment->n_policies + 1, i);
	}
	fputs("unset multiplot\n", to);
}

int simulate_plot(const struct experiment *experiment, const struct metrics *metrics,
		  const char *path)
{
	struct gnuplot gnuplot;
	int ret = gnuplot_start(&gnuplot);

	if (ret)
		return ret;
	write_script(&gnuplot, experiment, metrics, path);
	return gnuplot_end(&gnuplot);
}
