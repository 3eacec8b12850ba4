// SPDX-License-Identifier: GPL-2.0
/*
 * The figures of one round: times, monitor latency, resident memory, and what a program in the
 * guest loses.
 *
 * A fresh guest has touched little of its memory, so the first inflation takes untouched memory.
 * The kernel is then asked to allocate as much for itself, as huge pages: on a kernel that zeroes,
 * this touches it, and a second time it is touched memory; both are what inflation is held
 * against. Then a process fills and leaves as much, and the balloon takes it at once: where free
 * pages are reported the kernel would begin to do so two seconds later.
 */
#include "move.h"
#include "process.h"
#include "subject.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KIB_PER_MIB 1024.0

#define FULL_KIB     ((uint64_t)FULL_MIB * 1024)
#define INFLATED_KIB ((uint64_t)INFLATED_MIB * 1024)

/* Of 2 MiB: what the balloon would take. */
#define HUGE_PAGES	(MOVED_MIB / 2)
#define HUGE_PAGES_PATH "/proc/sys/vm/nr_hugepages"

/* How long the streaming program is watched undisturbed. */
#define STREAM_BASE_MS	   1500u
/* What is touched beside the program; the rest is the program's and the kernel's. */
#define STREAM_TOUCHED_MIB 1600u

/* A timed move, and the CPU time QEMU takes for it. */
static int timed_move(struct subject *subject, uint64_t target_kib, struct latencies *latencies,
		      double *ret_ms, double *ret_cpu_ms)
{
	struct guest *guest = subject->guest;
	double before_ms, after_ms;
	int r;

	r = process_cpu_ms(guest->pid, &before_ms);
	if (r == 0)
		r = balloon_move(guest, target_kib, MOVE_POLL_FINE_US, latencies, ret_ms);
	if (r == 0)
		r = process_cpu_ms(guest->pid, &after_ms);
	if (r < 0)
		return subject_failed(subject, "move the balloon", r);
	*ret_cpu_ms = after_ms - before_ms;
	return 0;
}

static int untouched(struct subject *subject, struct latencies *latencies, double *values)
{
	struct guest *guest = subject->guest;
	struct process_memory before, after;
	int r;

	r = process_reset_peak(guest->pid);
	if (r == 0)
		r = process_memory(guest->pid, &before);
	if (r < 0)
		return subject_failed(subject, "memory of QEMU", r);
	r = timed_move(subject, INFLATED_KIB, latencies, &values[INFLATE_UNTOUCHED_MS],
		       &values[INFLATE_UNTOUCHED_CPU_MS]);
	if (r < 0)
		return r;
	r = process_memory(guest->pid, &after);
	if (r < 0)
		return subject_failed(subject, "memory of QEMU", r);
	values[PEAK_EXTRA_MIB] =
		((double)after.peak_kib - (double)before.resident_kib) / KIB_PER_MIB;
	r = balloon_move(guest, FULL_KIB, MOVE_POLL_FINE_US, NULL, &values[DEFLATE_UNTOUCHED_MS]);
	return r < 0 ? subject_failed(subject, "deflate", r) : 0;
}

/* How long the kernel takes to allocate as much as the balloon. NAN when there is not as much. */
static int allocate(struct subject *subject, double *ret_ms)
{
	double start_ms = bench_clock_ms(), took_ms;
	struct guest *guest = subject->guest;
	uint64_t got = 0;
	int r;

	r = guest_ask_within(guest, SUBJECT_TIMEOUT_MS, NULL, "write " HUGE_PAGES_PATH " %u",
			     HUGE_PAGES);
	took_ms = bench_clock_ms() - start_ms;
	if (r == 0)
		r = guest_read_u64(guest, HUGE_PAGES_PATH, &got);
	if (r == 0)
		r = guest_ask(guest, NULL, "write " HUGE_PAGES_PATH " 0");
	if (r < 0)
		return subject_failed(subject, "allocate huge pages", r);
	/* Nearly all will do; some lie in blocks that the kernel itself has begun to use. */
	if (got * 10 >= HUGE_PAGES * 9)
		*ret_ms = took_ms * HUGE_PAGES / (double)got;
	return 0;
}

static int touched(struct subject *subject, struct latencies *latencies, double *values)
{
	struct guest *guest = subject->guest;
	struct process_memory before, after;
	int r;

	r = subject_touch(subject, TOUCHED_MIB);
	if (r < 0)
		return r;
	r = process_memory(guest->pid, &before);
	if (r < 0)
		return subject_failed(subject, "memory of QEMU", r);
	r = timed_move(subject, INFLATED_KIB, latencies, &values[INFLATE_TOUCHED_MS],
		       &values[INFLATE_TOUCHED_CPU_MS]);
	if (r < 0)
		return r;
	r = process_memory(guest->pid, &after);
	if (r < 0)
		return subject_failed(subject, "memory of QEMU", r);
	values[RESIDENT_TOUCHED_MIB] = (double)before.resident_kib / KIB_PER_MIB;
	values[RESIDENT_INFLATED_MIB] = (double)after.resident_kib / KIB_PER_MIB;
	values[HUGE_TOUCHED_MIB] = (double)before.huge_kib / KIB_PER_MIB;
	values[HUGE_INFLATED_MIB] = (double)after.huge_kib / KIB_PER_MIB;
	return timed_move(subject, FULL_KIB, NULL, &values[DEFLATE_TOUCHED_MS],
			  &values[DEFLATE_TOUCHED_CPU_MS]);
}

/* The guest's own clock, in ms. */
static int guest_clock(struct guest *guest, uint64_t *ret_ms)
{
	unsigned long long ms;
	char *text;
	int r;

	r = guest_ask(guest, &text, "ping");
	if (r < 0)
		return r;
	if (sscanf(text, "t_ms=%llu", &ms) == 1)
		*ret_ms = ms;
	else
		r = -EBADMSG;
	free(text);
	return r;
}

/* Slices of the streaming program per ms of the guest's clock. */
static int stream_rate(struct guest *guest, uint64_t from_ms, uint64_t to_ms, double *ret_rate)
{
	unsigned long long slices;
	char *text;
	int r, status;

	if (to_ms == from_ms)
		return -ERANGE;
	r = guest_ask(guest, &text, "run /bin/stream work %llu %llu", (unsigned long long)from_ms,
		      (unsigned long long)to_ms);
	if (r < 0)
		return r;
	if (sscanf(text, "status=%d slices=%llu", &status, &slices) == 2 && status == 0)
		*ret_rate = (double)slices / (double)(to_ms - from_ms);
	else
		r = -EBADMSG;
	free(text);
	return r;
}

/* From the start of the program to its end; the balloon inflates in the middle. */
static int streaming(struct subject *subject, double *values)
{
	uint64_t base_ms, rest_ms, begin_ms, end_ms;
	struct guest *guest = subject->guest;
	double base_rate, rate, took_ms;
	int r;

	r = guest_ask(guest, NULL, "run /bin/stream start");
	if (r == 0)
		r = guest_clock(guest, &base_ms);
	usleep(STREAM_BASE_MS * 1000);
	if (r == 0)
		r = guest_clock(guest, &rest_ms);
	if (r == 0)
		r = subject_touch(subject, STREAM_TOUCHED_MIB);
	if (r == 0)
		r = guest_clock(guest, &begin_ms);
	if (r == 0)
		r = balloon_move(guest, INFLATED_KIB, MOVE_POLL_FINE_US, NULL, &took_ms);
	if (r == 0)
		r = guest_clock(guest, &end_ms);
	if (r == 0)
		r = stream_rate(guest, base_ms, rest_ms, &base_rate);
	if (r == 0)
		r = stream_rate(guest, begin_ms, end_ms, &rate);
	if (r < 0)
		return subject_failed(subject, "a streaming program beside inflation", r);
	values[STREAM_SLOWDOWN_PERCENT] = 100 * (1 - rate / base_rate);
	values[STREAM_LOST_MS] = (double)(end_ms - begin_ms) * (1 - rate / base_rate);
	return 0;
}

int sample_times(struct subject *subject, double *values)
{
	struct latencies latencies = { .ms = NULL };
	int r;

	r = untouched(subject, &latencies, values);
	/* What the stock driver is held against is our time. */
	if (r == 0 && subject->driver != DRIVER_STOCK)
		r = allocate(subject, &values[ALLOCATE_UNTOUCHED_MS]);
	if (r == 0 && subject->driver != DRIVER_STOCK)
		r = allocate(subject, &values[ALLOCATE_TOUCHED_MS]);
	if (r == 0)
		r = touched(subject, &latencies, values);
	if (r == 0) {
		values[MONITOR_P50_MS] = latencies_quantile(&latencies, 0.5);
		values[MONITOR_P99_MS] = latencies_quantile(&latencies, 0.99);
		values[MONITOR_MAX_MS] = latencies_quantile(&latencies, 1);
		r = streaming(subject, values);
	}
	latencies_deinit(&latencies);
	return r;
}
