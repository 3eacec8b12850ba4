/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How each VM's memory went, for people to look back: one hour by minutes, a day by quarters of an
 * hour, a week by two hours. 2 KiB a VM, kept while the daemon runs.
 */
#ifndef AEROSTAT_PUBLISH_HISTORY_H
#define AEROSTAT_PUBLISH_HISTORY_H

#include "publish/status.h"

struct history;

/* A point: averages over `span_ms` that ended `age_ms` ago. Unknown: never known in that time. */
struct history_point {
	uint64_t age_ms;
	uint64_t span_ms;
	struct opt_u64 actual_kib;
	struct opt_u64 target_kib;
	struct opt_u64 demand_kib;
	struct opt_u64 used_kib;
};

struct history *history_new(void); /* NULL: out of memory */

void history_free(struct history *history); /* takes NULL */

/* Note what the status shows at `now_ms` (monotonic). Returns 0 or -ENOMEM. */
int history_tick(struct history *history, const struct status *status, uint64_t now_ms);

typedef int (*history_fn)(void *userdata, const struct history_point *point);

/*
 * Each point of a VM not older than `since_ms`, from old to new, each time covered by the finest
 * points there are. Stops when `take` returns a negative errno, and returns that; else 0.
 */
int history_each(const struct history *history, const char *uuid, uint64_t now_ms,
		 uint64_t since_ms, history_fn take, void *userdata);

#endif
