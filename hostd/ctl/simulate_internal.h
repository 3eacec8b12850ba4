/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files of `aerostatctl simulate`. */
#ifndef AEROSTAT_CTL_SIMULATE_INTERNAL_H
#define AEROSTAT_CTL_SIMULATE_INTERNAL_H

#include <stdbool.h>

#include "sim/experiment.h"
#include "sim/scenario.h"

#define SIMULATE_SETS_MAX 64

struct simulate_options {
	const char *trace; /* "-": standard input; NULL: none */
	const char *scenario;
	const char *config;
	const char *set[SIMULATE_SETS_MAX]; /* "section.key=value" */
	size_t n_sets;
	const char *plot;
	double days; /* 0: all of the trace */
	bool json;
	bool timing;
	bool safe_overcommit;
	bool quiet;
};

/* A policy's safe overcommit factor; 0: even the smallest is not safe. */
struct safe_factor {
	double factor;
	bool at_end; /* larger factors fill no host with this trace */
	struct metrics metrics; /* at that factor */
};

/* What this project's policy did in a scenario, to be held against what is expected of it. */
struct scenario_outcome {
	const struct scenario *scenario;
	struct metrics metrics;
	struct run_vm_result *vms;
};

/*
 * Read the command line, and fill in what it says and the defaults of what it does not. Returns
 * CTL_OK, or another exit code after a message; *ret_done: there is nothing left to do.
 */
int simulate_parse(int argc, char **argv, struct simulate_options *options,
		   struct experiment *experiment, bool *ret_done);

/* What was found, for people; `metrics` as experiment_run() has them. */
void simulate_print_table(const struct experiment *experiment,
			  const struct simulate_options *options, const struct metrics *metrics);
void simulate_print_safe(const struct experiment *experiment, const struct safe_factor *found);
void simulate_print_outcome(const struct scenario_outcome *outcome);

/* The same for programs; `outcome` may be NULL. Return 0 or a negative errno. */
int simulate_print_json(const struct experiment *experiment, const struct simulate_options *options,
			const struct metrics *metrics, const struct scenario_outcome *outcome);
int simulate_print_safe_json(const struct experiment *experiment, const struct safe_factor *found);

/* Draw the table with gnuplot into a PNG. Returns 0 after success, or a negative errno. */
int simulate_plot(const struct experiment *experiment, const struct metrics *metrics,
		  const char *path);

#endif
