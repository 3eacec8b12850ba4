/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The two clocks the daemon lives by. Monotonic time orders ticks and measures pace. Wall time is
 * needed for one thing only: libvirt dates guest statistics by it.
 *
 * Both are handed to their users, so that a test can stand still: libvirt's test driver dates
 * all its statistics 1989-11-17, which only a clock of that day may call fresh.
 */
#ifndef AEROSTAT_UTIL_CLOCK_H
#define AEROSTAT_UTIL_CLOCK_H

#include <stdint.h>

#include "util/opt.h"

struct clock {
	struct opt_u64 fixed_wall_s; /* known: wall time stands at this second since 1970 */
};

uint64_t clock_monotonic_ms(void);
uint64_t clock_monotonic_us(void); /* for durations that are short */

uint64_t clock_wall_ms(const struct clock *clock);

#endif
