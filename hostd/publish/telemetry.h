/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the daemon counts about itself since it started: decisions, targets, failures, and how
 * long things took. The manager counts, publishers read; nothing is decided by these numbers.
 */
#ifndef AEROSTAT_PUBLISH_TELEMETRY_H
#define AEROSTAT_PUBLISH_TELEMETRY_H

#include <stdint.h>

#include "policy/reason.h"

/* Durations by upper bound, as Prometheus has its histograms; the last bucket has none. */
#define HISTOGRAM_BOUNDS 10
struct histogram {
	uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* of each bucket alone, not cumulative */
	uint64_t sum_us;
};

extern const uint64_t histogram_bounds_us[HISTOGRAM_BOUNDS];

struct telemetry {
	uint64_t decisions[REASON_COUNT_]; /* one a VM and tick */
	uint64_t targets_raised; /* sent to libvirt, ... */
	uint64_t targets_lowered;
	uint64_t targets_failed; /* ... and refused by it, or by what happened meanwhile */
	uint64_t samples_failed; /* rounds of statistics that libvirt refused */
	uint64_t samples_late; /* rounds that did not answer in time */
	struct histogram tick; /* from asking for statistics until the targets are on their way */
	struct histogram decide; /* of that, the policy */
};

void histogram_note(struct histogram *histogram, uint64_t duration_us);

uint64_t histogram_count(const struct histogram *histogram);

#endif
