/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Results for people, for programs and for a plot.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "results.h"

#include <stdio.h>

/* Tables of medians, each with the targets that concern it. */
void report_table(FILE *out, const struct results *results);
/* Every value and every target. 0 or a negative errno. */
int report_json(const char *path, const struct results *results);
/* Medians of the times, a line for each kernel, command line and driver, for plot.gp. */
int report_plot_data(const char *path, const struct results *results);

#endif
