// SPDX-License-Identifier: GPL-2.0
/*
 * Histograms of durations (telemetry.h). The bounds reach from one decision over a hundred VMs
 * (tens of microseconds) to a round of statistics over a thousand (1.6 s), and beyond that to what
 * a hung QEMU costs.
 */
#include "publish/telemetry.h"

#include <stddef.h>

const uint64_t histogram_bounds_us[HISTOGRAM_BOUNDS] = {
	100, 500, 1000, 5000, 20000, 100000, 500000, 1000000, 2500000, 10000000,
};

void histogram_note(struct histogram *histogram, uint64_t duration_us)
{
	size_t i = 0;

	while (i < HISTOGRAM_BOUNDS && duration_us > histogram_bounds_us[i])
		i++;
	histogram->counts[i]++;
	histogram->sum_us += duration_us;
}

uint64_t histogram_count(const struct histogram *histogram)
{
	uint64_t count = 0;

	for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++)
		count += histogram->counts[i];
	return count;
}
