// SPDX-License-Identifier: GPL-2.0
/*
 * Moving a guest's balloon and timing it.
 *
 * The way is watched by asking the monitor for actual, over and over. QEMU serves the queues on
 * the thread that answers, so the times of these answers tell how long the device keeps it from
 * everything else. The balloon's event would cost less, but comes at most once a second.
 */
#include "move.h"
#include "harness/lines.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MOVE_TIMEOUT_MS 180000u

double bench_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void latencies_add(struct latencies *latencies, double ms)
{
	if (latencies->count == latencies->room) {
		latencies->room = latencies->room ? latencies->room * 2 : 1024;
		latencies->ms = realloc(latencies->ms, latencies->room * sizeof(*latencies->ms));
		if (!latencies->ms)
			abort();
	}
	latencies->ms[latencies->count++] = ms;
}

void latencies_deinit(struct latencies *latencies)
{
	free(latencies->ms);
	*latencies = (struct latencies){ .ms = NULL };
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double latencies_quantile(struct latencies *latencies, double share)
{
	size_t rank;

	if (latencies->count == 0)
		return NAN;
	qsort(latencies->ms, latencies->count, sizeof(*latencies->ms), compare);
	rank = (size_t)ceil(share * (double)latencies->count);
	return latencies->ms[rank ? rank - 1 : 0];
}

int balloon_move(struct guest *guest, uint64_t target_kib, unsigned int poll_us,
		 struct latencies *latencies, double *ret_ms)
{
	uint64_t deadline_ms = clock_ms() + MOVE_TIMEOUT_MS, actual_kib;
	double start_ms = bench_clock_ms(), asked_ms, answered_ms;
	int r;

	r = guest_set_target_kib(guest, target_kib);
	while (r == 0) {
		asked_ms = bench_clock_ms();
		r = guest_actual_kib(guest, &actual_kib);
		if (r < 0)
			break;
		answered_ms = bench_clock_ms();
		if (latencies)
			latencies_add(latencies, answered_ms - asked_ms);
		if (actual_kib == target_kib) {
			*ret_ms = answered_ms - start_ms;
			return 0;
		}
		if (clock_ms() > deadline_ms)
			return -ETIMEDOUT;
		usleep(poll_us);
	}
	return r;
}
