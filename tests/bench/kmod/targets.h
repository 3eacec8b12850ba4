/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The targets the module is held to, and how a run stands against them.
 */
#ifndef BENCH_TARGETS_H
#define BENCH_TARGETS_H

#include "results.h"

#include <stdbool.h>
#include <stddef.h>

struct target {
	const char *name;
	enum {
		TIMES_FASTER, /* the stock driver's figure, divided by ours */
		PART_OF, /* ours, divided by another of ours */
		FIGURE, /* ours as it is */
	} kind;
	enum zeroing zeroing;
	enum driver driver;
	enum measure measure;
	enum measure other; /* of PART_OF */
	bool at_least; /* limit is the least, else the most */
	double limit;
};

extern const struct target targets[];
extern const size_t target_count;

/*
 * The median over rounds, each ratio being of two figures of one round. NAN when none could be
 * had.
 */
double target_value(const struct target *target, const struct results *results, size_t kernel);
bool target_met(const struct target *target, double value);

#endif
