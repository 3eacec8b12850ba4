/* SPDX-License-Identifier: GPL-2.0 */
/* What somebody else brings about is bounded: so many at once, then one in a while. */
#ifndef AEROSTAT_UTIL_RATE_H
#define AEROSTAT_UTIL_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed, nothing has happened yet. */
struct rate {
	uint64_t due_ms; /* when the next one would be due if they came evenly */
};

/*
 * One more, at `now_ms`, of which `burst` (at least one) may come at once, and one in `every_ms` in the
 * long run. False: not this one, and it does not count.
 */
static inline bool rate_allow(struct rate *rate, uint64_t now_ms, uint64_t every_ms, uint32_t burst)
{
	uint64_t due_ms = rate->due_ms > now_ms ? rate->due_ms : now_ms;

	if (due_ms - now_ms > (burst - 1) * every_ms)
		return false;
	rate->due_ms = due_ms + every_ms;
	return true;
}

#endif
