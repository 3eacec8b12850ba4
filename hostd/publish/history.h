/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How each VM's memory went, for people to look back: one hour by minutes, a day by quarters of an
 * hour, a week by two hours. 2 KiB a VM. It outlives the daemon as a file (history_file.c).
 */
#ifndef AEROSTAT_PUBLISH_HISTORY_H
#define AEROSTAT_PUBLISH_HISTORY_H

#include "publish/status.h"

#define HISTORY_FILE_NAME "history"

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

/*
 * The bytes of a file with all of it, also of VMs of the last file that may still be found, to be freed;
 * `wall_ms` is put in, so that the time between can be told when it is read. Returns 0 or -ENOMEM.
 */
int history_encode(const struct history *history, uint64_t now_ms, uint64_t wall_ms,
		   void **ret_bytes, size_t *ret_length);

/*
 * Take back what such a file says of VMs that are found within the next hour; times between are
 * unknown. To be called before the first tick. Returns 0; -EINVAL, and *ret_why (static) says what is
 * wrong with it, and nothing is taken; or -ENOMEM.
 */
int history_decode(struct history *history, const void *bytes, size_t length, uint64_t now_ms,
		   uint64_t wall_ms, const char **ret_why);

typedef int (*history_fn)(void *userdata, const struct history_point *point);

/*
 * Each point of a VM not older than `since_ms`, from old to new, each time covered by the finest
 * points there are. Stops when `take` returns a negative errno, and returns that; else 0.
 */
int history_each(const struct history *history, const char *uuid, uint64_t now_ms,
		 uint64_t since_ms, history_fn take, void *userdata);

#endif
