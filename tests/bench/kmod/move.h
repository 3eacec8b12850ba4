/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moving a guest's balloon and timing it.
 */
#ifndef BENCH_MOVE_H
#define BENCH_MOVE_H

#include "harness/guest.h"

/* How often the monitor is asked on the way; each answer is also a sample of its latency. */
#define MOVE_POLL_FINE_US   1000u
#define MOVE_POLL_SPARSE_US 50000u

/* Round trips of the monitor, in ms. */
struct latencies {
	double *ms;
	size_t count, room;
};

void latencies_deinit(struct latencies *latencies);
/* The time that this share of the answers kept to; NAN when there was none. Sorts them. */
double latencies_quantile(struct latencies *latencies, double share);

double bench_clock_ms(void);

/*
 * Sets the target and waits until actual is there. ret_ms: from asking to the first answer that
 * says so. latencies may be NULL. -ETIMEDOUT after three minutes: hung, not slow.
 */
int balloon_move(struct guest *guest, uint64_t target_kib, unsigned int poll_us,
		 struct latencies *latencies, double *ret_ms);

#endif
