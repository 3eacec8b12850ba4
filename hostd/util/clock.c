// SPDX-License-Identifier: GPL-2.0
/* The system's clocks; see clock.h for why wall time can be made to stand still. */
#include "util/clock.h"

#include <time.h>

static uint64_t read_us(clockid_t id)
{
	struct timespec ts;

	/* Cannot fail: both ids exist on every Linux and the pointer is good. */
	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_monotonic_ms(void)
{
	return read_us(CLOCK_MONOTONIC) / 1000;
}

uint64_t clock_monotonic_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ms(const struct clock *clock)
{
	uint64_t fixed_s;

	if (opt_get(clock->fixed_wall_s, &fixed_s))
		return fixed_s * 1000;
	return read_us(CLOCK_REALTIME) / 1000;
}
