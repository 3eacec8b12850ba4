/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What history.c remembers and history_file.c keeps: rings of points at three resolutions. A sample
 * goes into the sums of all three; when a span is over, its averages become a point of that ring.
 * Points keep sizes in 65534ths of the VM's maximum, in two bytes each; that is finer than any
 * balloon moves.
 */
#ifndef AEROSTAT_PUBLISH_HISTORY_INTERNAL_H
#define AEROSTAT_PUBLISH_HISTORY_INTERNAL_H

#include "publish/by_vm.h"
#include "publish/history.h"

#define UNKNOWN UINT16_MAX
#define SCALE	(UINT16_MAX - 1)

enum { SERIES_ACTUAL, SERIES_TARGET, SERIES_DEMAND, SERIES_USED, SERIES_ };

enum { RING_HOUR, RING_DAY, RING_WEEK, RINGS_ };

#define POINTS_HOUR 60
#define POINTS_DAY  96
#define POINTS_WEEK 84
#define POINTS	    (POINTS_HOUR + POINTS_DAY + POINTS_WEEK)

struct history_ring {
	uint64_t span_ms;
	uint32_t first; /* of its points */
	uint32_t n;
};

extern const struct history_ring history_rings[RINGS_];

struct history_sums {
	uint64_t sum[SERIES_]; /* in SCALE of the maximum */
	uint32_t n[SERIES_];
};

struct history_entry {
	char uuid[VM_UUID_LEN];
	uint64_t max_kib; /* what the points are parts of */
	struct history_sums sums[RINGS_];
	/* Points written; of a full ring, its length and the place of the next one. */
	uint32_t filled[RINGS_];
	uint16_t points[POINTS][SERIES_];
};

struct history {
	struct by_vm vms; /* of struct history_entry */
	struct by_vm before; /* likewise, from the file: of VMs that may still be found */
	uint64_t before_until_ms;
	uint64_t began_ms[RINGS_]; /* the span that is being summed up */
};

/* The sums of a span become a point: unknown where there are none. */
void history_close_span(struct history_entry *entry, unsigned int ring);

#endif
