/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is measured, and where the figures are kept: a value for each round of each combination of
 * kernel, kernel command line, driver and measure. A value that could not be had is NAN.
 */
#ifndef BENCH_RESULTS_H
#define BENCH_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

#define ROUNDS_MAX  64
#define KERNELS_MAX 4

/* The driver in the guest, ours by the path its pages take to the device. */
enum driver { DRIVER_STOCK, DRIVER_PFN, DRIVER_RANGE };
#define DRIVERS 3

/* Whether the guest's kernel zeroes pages it hands out: init_on_alloc=0, or Debian's default. */
enum zeroing { ZEROING_OFF, ZEROING_DEFAULT };
#define ZEROINGS 2

/*
 * The unit of each is in its name; per_gib is for each GiB that moves. Those above MEASURES_ROUNDS
 * do not depend on time and are taken once.
 */
enum measure {
	INFLATE_UNTOUCHED_MS,
	INFLATE_TOUCHED_MS,
	DEFLATE_UNTOUCHED_MS,
	DEFLATE_TOUCHED_MS,
	INFLATE_UNTOUCHED_CPU_MS, /* CPU time QEMU uses meanwhile, of device and guest */
	INFLATE_TOUCHED_CPU_MS,
	DEFLATE_TOUCHED_CPU_MS,
	ALLOCATE_UNTOUCHED_MS, /* the kernel alone allocates as much in blocks of 2 MiB */
	ALLOCATE_TOUCHED_MS,
	MONITOR_P50_MS, /* round trips of the monitor during both inflations */
	MONITOR_P99_MS,
	MONITOR_MAX_MS,
	PEAK_EXTRA_MIB, /* resident memory above where it was, inflating untouched memory */
	RESIDENT_TOUCHED_MIB, /* before the inflation of touched memory, and after it */
	RESIDENT_INFLATED_MIB,
	HUGE_TOUCHED_MIB, /* AnonHugePages then */
	HUGE_INFLATED_MIB,
	STREAM_SLOWDOWN_PERCENT, /* of a program streaming memory, during inflation */
	STREAM_LOST_MS, /* of its time: the slowdown times how long it lasted */
	MEASURES_ROUNDS,

	INFLATE_INSTRUCTIONS_PER_GIB = MEASURES_ROUNDS, /* of the guest, in millions */
	DEFLATE_INSTRUCTIONS_PER_GIB,
	INFLATE_DISCARDS_PER_GIB, /* memory the host discards, one call each */
	INFLATE_NOTIFICATIONS_PER_GIB, /* of queues, as they reach the device */
	DEFLATE_NOTIFICATIONS_PER_GIB,
	INFLATE_SWITCHES_PER_GIB, /* voluntary context switches of the QEMU process */
	DEFLATE_SWITCHES_PER_GIB,
	HUGETLB_FREED_PERCENT, /* of what inflation took, where huge pages of the host back it */
};
#define MEASURES (HUGETLB_FREED_PERCENT + 1)

struct results {
	const char *kernels[KERNELS_MAX];
	size_t kernel_count;
	size_t rounds; /* that were begun */
	double values[KERNELS_MAX][ZEROINGS][DRIVERS][MEASURES][ROUNDS_MAX];
};

const char *driver_name(enum driver driver);
const char *zeroing_name(enum zeroing zeroing);
const char *measure_name(enum measure measure);

/* All values NAN. */
void results_init(struct results *results);
/* Median of the values that are there; NAN when none is. */
double median(const double *values, size_t count);
/* The same of one cell. */
double results_median(const struct results *results, size_t kernel, enum zeroing zeroing,
		      enum driver driver, enum measure measure);

/* Whether anything is known of a driver there. */
bool results_known(const struct results *results, size_t kernel, enum zeroing zeroing,
		   enum driver driver);

#endif
