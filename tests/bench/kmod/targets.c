// SPDX-License-Identifier: GPL-2.0
/*
 * The targets the module is held to, and how a run stands against them.
 */
#include "targets.h"

#include <math.h>

/* The limits are those the project has set itself. */
const struct target targets[] = {
	{ "inflate untouched, range", TIMES_FASTER, ZEROING_OFF, DRIVER_RANGE, INFLATE_UNTOUCHED_MS,
	  0, true, 40 },
	{ "inflate touched, range", TIMES_FASTER, ZEROING_OFF, DRIVER_RANGE, INFLATE_TOUCHED_MS, 0,
	  true, 40 },
	{ "inflate untouched, pfn", TIMES_FASTER, ZEROING_OFF, DRIVER_PFN, INFLATE_UNTOUCHED_MS, 0,
	  true, 4 },
	{ "inflate touched, pfn", TIMES_FASTER, ZEROING_OFF, DRIVER_PFN, INFLATE_TOUCHED_MS, 0,
	  true, 2.5 },
	{ "deflate, range", TIMES_FASTER, ZEROING_OFF, DRIVER_RANGE, DEFLATE_TOUCHED_MS, 0, true,
	  50 },
	{ "deflate, pfn", TIMES_FASTER, ZEROING_OFF, DRIVER_PFN, DEFLATE_TOUCHED_MS, 0, true, 2 },
	{ "inflate untouched, range", TIMES_FASTER, ZEROING_DEFAULT, DRIVER_RANGE,
	  INFLATE_UNTOUCHED_MS, 0, true, 1.6 },
	{ "inflate touched, range", TIMES_FASTER, ZEROING_DEFAULT, DRIVER_RANGE, INFLATE_TOUCHED_MS,
	  0, true, 1.6 },
	{ "inflate untouched, of allocation", PART_OF, ZEROING_DEFAULT, DRIVER_RANGE,
	  INFLATE_UNTOUCHED_MS, ALLOCATE_UNTOUCHED_MS, false, 1.15 },
	{ "inflate touched, of allocation", PART_OF, ZEROING_DEFAULT, DRIVER_RANGE,
	  INFLATE_TOUCHED_MS, ALLOCATE_TOUCHED_MS, false, 1.15 },
	{ "deflate, range", TIMES_FASTER, ZEROING_DEFAULT, DRIVER_RANGE, DEFLATE_TOUCHED_MS, 0,
	  true, 50 },
	{ "deflate, pfn", TIMES_FASTER, ZEROING_DEFAULT, DRIVER_PFN, DEFLATE_TOUCHED_MS, 0, true,
	  2 },
	{ "discards/GiB, range", FIGURE, ZEROING_OFF, DRIVER_RANGE, INFLATE_DISCARDS_PER_GIB, 0,
	  false, 520 },
	{ "discards/GiB, range", FIGURE, ZEROING_DEFAULT, DRIVER_RANGE, INFLATE_DISCARDS_PER_GIB, 0,
	  false, 520 },
	{ "peak extra resident MiB, range", FIGURE, ZEROING_DEFAULT, DRIVER_RANGE, PEAK_EXTRA_MIB,
	  0, false, 32 },
	{ "peak extra resident MiB, pfn", FIGURE, ZEROING_DEFAULT, DRIVER_PFN, PEAK_EXTRA_MIB, 0,
	  false, 32 },
	{ "hugetlb freed %, pfn", FIGURE, ZEROING_OFF, DRIVER_PFN, HUGETLB_FREED_PERCENT, 0, true,
	  95 },
	{ "monitor p99 ms, range", FIGURE, ZEROING_OFF, DRIVER_RANGE, MONITOR_P99_MS, 0, false, 5 },
	{ "monitor p99 ms, range", FIGURE, ZEROING_DEFAULT, DRIVER_RANGE, MONITOR_P99_MS, 0, false,
	  5 },
	{ "monitor p99 ms, pfn", FIGURE, ZEROING_OFF, DRIVER_PFN, MONITOR_P99_MS, 0, false, 5 },
	{ "monitor p99 ms, pfn", FIGURE, ZEROING_DEFAULT, DRIVER_PFN, MONITOR_P99_MS, 0, false, 5 },
};

const size_t target_count = sizeof(targets) / sizeof(*targets);

double target_value(const struct target *target, const struct results *results, size_t kernel)
{
	const double(*ours)[ROUNDS_MAX] = results->values[kernel][target->zeroing][target->driver];
	const double(*stock)[ROUNDS_MAX] = results->values[kernel][target->zeroing][DRIVER_STOCK];
	double values[ROUNDS_MAX];

	for (size_t i = 0; i < ROUNDS_MAX; i++) {
		values[i] = ours[target->measure][i];
		switch (target->kind) {
		case TIMES_FASTER:
			values[i] = stock[target->measure][i] / values[i];
			break;
		case PART_OF:
			values[i] /= ours[target->other][i];
			break;
		case FIGURE:
			break;
		}
	}
	return median(values, ROUNDS_MAX);
}

bool target_met(const struct target *target, double value)
{
	return target->at_least ? value >= target->limit : value <= target->limit;
}
