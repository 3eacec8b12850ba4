/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ranges of memory on the reporting queue. See ranges.c.
 */
#ifndef AEROSTAT_RANGES_H
#define AEROSTAT_RANGES_H

#include <linux/mm_types.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include "ring.h"

/* Ranges in one chain: the kernel reports so many at once, and QEMU's queue is as deep. */
#define RANGE_CHAIN_MOST 32

/* Chains in flight, and the memory after which one is sent though it has room. */
#define RANGE_CHAINS	  4
#define RANGE_CHAIN_BYTES SZ_8M

/* Chains for which the device is notified together: a step's, unless its ranges are many and small. */
#define RANGE_NOTIFY_CHAINS RANGE_CHAINS

/* Memory in one step: what may be in transit at once. */
#define RANGE_STEP_BYTES SZ_16M

struct range_chain;

/* The queue and its chains. The caller serialises all calls but ring_acked(). */
struct ranges {
	struct ring ring;
	struct range_chain *chains[RANGE_CHAINS];
	struct range_chain *filling; /* the one being filled, or NULL */
	unsigned int most; /* ranges in one chain on this queue */
	u64 sent_ranges; /* since probe */
	u64 sent_bytes; /* since probe */
};

int ranges_init(struct ranges *ranges);
void ranges_uninit(struct ranges *ranges);
void ranges_attach(struct ranges *ranges, struct virtqueue *vq);

void ranges_begin(struct ranges *ranges);
int ranges_put(struct ranges *ranges, struct page *first, unsigned long pages);
int ranges_put_all(struct ranges *ranges, struct scatterlist *sg, unsigned int entries);
int ranges_finish(struct ranges *ranges);

#endif
