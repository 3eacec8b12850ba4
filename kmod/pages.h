/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The pages the balloon holds, as blocks by order. See pages.c.
 */
#ifndef AEROSTAT_PAGES_H
#define AEROSTAT_PAGES_H

#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/sizes.h>

/* Blocks of up to 2 MiB: what hosts map and discard as one where they can. */
#define BLOCK_MAX_BYTES SZ_2M
#define BLOCK_ORDERS	(ilog2(BLOCK_MAX_BYTES / PAGE_SIZE) + 1)

struct movable;

/* A set of blocks, sorted by order. */
struct blocks {
	struct list_head by_order[BLOCK_ORDERS]; /* head pages, linked by their lru */
	struct movable
		*movable; /* has the single pages; NULL: they are in by_order as the others */
	unsigned long count[BLOCK_ORDERS]; /* blocks of each order */
	unsigned long pages; /* pages in all of them */
};

/* What a block is taken for, which decides where the kernel counts it. */
enum block_use {
	BLOCK_LENT, /* for the balloon: in /proc/vmstat's balloon events */
	BLOCK_CHARGED, /* the same, and MemTotal is without it */
	BLOCK_HINTED, /* set aside for a while: nowhere */
};

void blocks_init(struct blocks *set);
void blocks_add(struct blocks *set, struct page *block);
struct page *blocks_take(struct blocks *set, unsigned long max_pages);
void blocks_move(struct blocks *from, struct blocks *to);

unsigned int block_max_order(void);
unsigned long block_pages(const struct page *block);
struct page *block_alloc(unsigned int order, enum block_use use);
void block_free(struct page *block, enum block_use use);
void block_fill(struct page *block, u32 value);

#endif
