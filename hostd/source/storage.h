/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long the host's disks take for an I/O: the average wait from its submission to its end, which
 * iostat calls await, of the slowest disk. VMs on slow storage suffer whatever their memory; one
 * that swaps is often what makes it slow.
 */
#ifndef AEROSTAT_SOURCE_STORAGE_H
#define AEROSTAT_SOURCE_STORAGE_H

#include "util/opt.h"

#define STORAGE_NAME_LEN 32 /* the kernel's DISK_NAME_LEN */

/* A disk's line of /proc/diskstats, as far as it is of use. */
struct storage_counters {
	char name[STORAGE_NAME_LEN];
	uint64_t ios; /* reads and writes that have ended, */
	uint32_t read_wait_ms; /* and what they took; the kernel shows these two modulo 2^32 */
	uint32_t write_wait_ms;
	uint64_t ended; /* I/Os of all kinds, with discards and flushes */
	uint64_t under_way; /* submitted and not ended */
};

struct storage_sample {
	struct opt_u64 latency_us; /* 0: nothing was asked of any disk; unknown: no disk is known */
	char device[STORAGE_NAME_LEN]; /* the slowest disk; "": none had an I/O */
};

struct storage;

struct storage *storage_new(void); /* NULL: out of memory */

/*
 * Look at the disks below `root` ("" for the real ones) at `now_ms`, monotonic. The result is about
 * the time since the last look, so the first one knows nothing; a look that comes too soon after the
 * last repeats what that found.
 */
struct storage_sample storage_look(struct storage *storage, const char *root, uint64_t now_ms);

void storage_free(struct storage *storage); /* takes NULL */

/* Parse a line. Returns 0 or -EINVAL. Pure. */
int storage_parse(const char *line, struct storage_counters *ret_counters);

#endif
