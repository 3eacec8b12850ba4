// SPDX-License-Identifier: GPL-2.0
/*
 * Draws what a simulation found: violated minutes and host swap by policy, a group of bars for
 * each overcommit factor. gnuplot does the drawing, as a program of its own fed through a pipe, so
 * that no file name has to pass through a shell.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/simulate_internal.h"
#include "sim/model.h"

/* In gnuplot's single quotes, a quote is written twice. */
static void put_quoted(FILE *to, const char *text)
{
	putc('\'', to);
	for (; *text; text++) {
		if (*text == '\'')
			putc('\'', to);
		putc(*text, to);
	}
	putc('\'', to);
}

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

static void write_script(FILE *to, const struct experiment *experiment,
			 const struct metrics *metrics, const char *path)
{
	for (size_t i = 0; i < N_PANELS; i++)
		write_panel(to, experiment, metrics, i);
	fputs("set terminal pngcairo size 1400,1000 font 'sans,11'\nset output ", to);
	put_quoted(to, path);
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

static int start_gnuplot(pid_t *ret_pid, FILE **ret_to)
{
	static const char *const arguments[] = { "gnuplot", NULL };
	posix_spawn_file_actions_t actions;
	int ends[2], error;
	FILE *to;

	if (pipe(ends))
		return -errno;
	to = fdopen(ends[1], "w");
	error = to ? posix_spawn_file_actions_init(&actions) : errno;
	if (!error) {
		posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
		posix_spawn_file_actions_addclose(&actions, ends[1]);
		error = posix_spawnp(ret_pid, "gnuplot", &actions, NULL, (char *const *)arguments,
				     environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(ends[0]);
	if (!error) {
		*ret_to = to;
		return 0;
	}
	if (to)
		fclose(to);
	else
		close(ends[1]);
	return -error;
}

int simulate_plot(const struct experiment *experiment, const struct metrics *metrics,
		  const char *path)
{
	void (*before)(int);
	int status = -1, ret;
	bool written;
	pid_t pid;
	FILE *to = NULL;

	ret = start_gnuplot(&pid, &to);
	if (ret)
		return ret;
	/* A gnuplot that ends early shows in its status. */
	before = signal(SIGPIPE, SIG_IGN);
	write_script(to, experiment, metrics, path);
	written = !ferror(to);
	written = !fclose(to) && written;
	signal(SIGPIPE, before);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return written && WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}
