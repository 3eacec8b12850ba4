// SPDX-License-Identifier: GPL-2.0
/*
 * Names and medians of the figures.
 */
#include "results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const driver_names[DRIVERS] = {
	[DRIVER_STOCK] = "stock",
	[DRIVER_PFN] = "pfn",
	[DRIVER_RANGE] = "range",
};

static const char *const zeroing_names[ZEROINGS] = {
	[ZEROING_OFF] = "init_on_alloc=0",
	[ZEROING_DEFAULT] = "default",
};

static const char *const measure_names[MEASURES] = {
	[INFLATE_UNTOUCHED_MS] = "inflate untouched, ms",
	[INFLATE_TOUCHED_MS] = "inflate touched, ms",
	[DEFLATE_UNTOUCHED_MS] = "deflate (was untouched), ms",
	[DEFLATE_TOUCHED_MS] = "deflate (was touched), ms",
	[INFLATE_UNTOUCHED_CPU_MS] = "inflate untouched, CPU ms",
	[INFLATE_TOUCHED_CPU_MS] = "inflate touched, CPU ms",
	[DEFLATE_TOUCHED_CPU_MS] = "deflate (was touched), CPU ms",
	[ALLOCATE_UNTOUCHED_MS] = "allocate untouched, ms",
	[ALLOCATE_TOUCHED_MS] = "allocate touched, ms",
	[MONITOR_P50_MS] = "monitor p50, ms",
	[MONITOR_P99_MS] = "monitor p99, ms",
	[MONITOR_MAX_MS] = "monitor max, ms",
	[PEAK_EXTRA_MIB] = "peak extra resident, MiB",
	[RESIDENT_TOUCHED_MIB] = "resident touched, MiB",
	[RESIDENT_INFLATED_MIB] = "resident inflated, MiB",
	[HUGE_TOUCHED_MIB] = "AnonHugePages touched, MiB",
	[HUGE_INFLATED_MIB] = "AnonHugePages inflated, MiB",
	[STREAM_SLOWDOWN_PERCENT] = "stream slowdown, %",
	[STREAM_LOST_MS] = "stream time lost, ms",
	[INFLATE_INSTRUCTIONS_PER_GIB] = "inflate Minstructions/GiB",
	[DEFLATE_INSTRUCTIONS_PER_GIB] = "deflate Minstructions/GiB",
	[INFLATE_DISCARDS_PER_GIB] = "inflate discards/GiB",
	[INFLATE_NOTIFICATIONS_PER_GIB] = "inflate notifications/GiB",
	[DEFLATE_NOTIFICATIONS_PER_GIB] = "deflate notifications/GiB",
	[INFLATE_SWITCHES_PER_GIB] = "inflate switches/GiB",
	[DEFLATE_SWITCHES_PER_GIB] = "deflate switches/GiB",
	[HUGETLB_FREED_PERCENT] = "hugetlb freed, %",
};

const char *driver_name(enum driver driver)
{
	return driver_names[driver];
}

const char *zeroing_name(enum zeroing zeroing)
{
	return zeroing_names[zeroing];
}

const char *measure_name(enum measure measure)
{
	return measure_names[measure];
}

void results_init(struct results *results)
{
	double *value = &results->values[0][0][0][0][0];

	memset(results, 0, sizeof(*results));
	for (size_t i = 0; i < sizeof(results->values) / sizeof(*value); i++)
		value[i] = NAN;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double median(const double *values, size_t count)
{
	double sorted[ROUNDS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (!isnan(values[i]))
			sorted[n++] = values[i];
	if (n == 0)
		return NAN;
	qsort(sorted, n, sizeof(*sorted), compare);
	return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double results_median(const struct results *results, size_t kernel, enum zeroing zeroing,
		      enum driver driver, enum measure measure)
{
	return median(results->values[kernel][zeroing][driver][measure], ROUNDS_MAX);
}

bool results_known(const struct results *results, size_t kernel, enum zeroing zeroing,
		   enum driver driver)
{
	for (enum measure measure = 0; measure < MEASURES; measure++)
		if (!isnan(results_median(results, kernel, zeroing, driver, measure)))
			return true;
	return false;
}
