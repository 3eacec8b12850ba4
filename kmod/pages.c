// SPDX-License-Identifier: GPL-2.0
/*
 * The pages the balloon holds.
 *
 * They are kept as blocks: 2^order contiguous pages, up to 2 MiB, allocated as one and, as far as
 * the target allows, given back as one. So the host discards neighbouring pages together, and what
 * returns to the guest can be a huge page again.
 *
 * A block is named by its first page, which carries the block's order and whether it has been split
 * in page_private, and links it into a set by its lru. A fresh block is one high-order allocation
 * with one reference; a split one has a reference on each page and is freed page by page.
 *
 * Every page of a block is marked offline: dumps, /proc/kcore and hibernation then leave it alone,
 * which would otherwise make the host fill it again.
 *
 * Single pages are movable while they are in a set that says so (movable.c). Blocks are not, and
 * compaction works around them: block_gfp() tells where they come from.
 *
 * The caller serialises access to each set.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/page-flags.h>
#include <linux/pageblock-flags.h>
#include <linux/string.h>
#include <linux/vmstat.h>

#include "movable.h"
#include "pages.h"

/* In page_private of a block's first page: its order, and this. */
#define BLOCK_SPLIT 0x100ul

/* How long to wait for pages that are being moved before looking again, and before saying so. */
#define MOVING_WAIT_MS	  10
#define MOVING_SAID_WAITS 6000

static unsigned int block_order(const struct page *block)
{
	return page_private(block) & ~BLOCK_SPLIT;
}

static bool block_is_split(const struct page *block)
{
	return page_private(block) & BLOCK_SPLIT;
}

/* Return: pages in this block. */
unsigned long block_pages(const struct page *block)
{
	return 1ul << block_order(block);
}

/* Return: the largest order worth asking for; the allocator keeps larger ones apart. */
unsigned int block_max_order(void)
{
	return min_t(unsigned int, BLOCK_ORDERS - 1, pageblock_order);
}

/* The kernel's own counts: /proc/vmstat's balloon events, and MemTotal when the block is charged. */
static void account(struct page *block, bool inflate, enum block_use use)
{
	long pages = block_pages(block);

	if (use == BLOCK_HINTED)
		return;
#ifdef CONFIG_MEMORY_BALLOON
	count_vm_events(inflate ? BALLOON_INFLATE : BALLOON_DEFLATE, pages);
#endif
	if (use == BLOCK_CHARGED)
		adjust_managed_page_count(block, inflate ? -pages : pages);
}

/*
 * Where a block comes from. The allocator groups memory by mobility, a pageblock at a time, so that
 * what cannot be moved does not stand in the middle of what can. A block smaller than a pageblock
 * therefore comes from among the unmovable.
 *
 * One that fills a pageblock stands in nothing's way but is taken from among the movable, which is
 * where processes leave what they have touched: what its host gains most from. From among the
 * unmovable the balloon would get the pageblocks back that it returned the last time and nobody has
 * touched since (measured: 160 MiB of 1.5 GiB), and would relabel up to all of its guest's pageblocks
 * to get there. Contiguous areas (CMA) and ZONE_MOVABLE, where even whole pageblocks must be movable,
 * are left alone: without __GFP_HIGHMEM no page comes from the zone, and with CMA in the kernel,
 * whose areas serve all that is movable, blocks are unmovable always.
 */
static gfp_t block_gfp(unsigned int order)
{
	if (!order)
		return movable_gfp();
	if (order == pageblock_order && !IS_ENABLED(CONFIG_CMA) && !IS_ENABLED(CONFIG_HIGHMEM))
		return GFP_USER | __GFP_MOVABLE;
	return GFP_HIGHUSER;
}

/*
 * Take a block of 2^@order pages from the guest, for this use.
 *
 * Larger blocks come only from what is free. Single pages may push out file cache and idle memory,
 * but never dip into the kernel's emergency reserves and never wake the OOM killer.
 *
 * Return: the block, or NULL when there is none.
 */
struct page *block_alloc(unsigned int order, enum block_use use)
{
	gfp_t gfp = block_gfp(order) | __GFP_NORETRY | __GFP_NOMEMALLOC | __GFP_NOWARN;
	struct page *block;
	unsigned long i;

	if (order)
		gfp &= ~__GFP_RECLAIM;
	block = alloc_pages(gfp, order);
	if (!block)
		return NULL;
	set_page_private(block, order);
	for (i = 0; i < 1ul << order; i++)
		__SetPageOffline(block + i);
	account(block, true, use);
	return block;
}

/*
 * Give a block, which must be in no set, back to the guest; @use as block_alloc() was told. The device
 * must have no claim on it.
 */
void block_free(struct page *block, enum block_use use)
{
	unsigned int order = block_order(block);
	bool split = block_is_split(block);
	unsigned long i;

	account(block, false, use);
	set_page_private(block, 0);
	for (i = 0; i < 1ul << order; i++)
		__ClearPageOffline(block + i);
	if (!split) {
		__free_pages(block, order);
		return;
	}
	for (i = 0; i < 1ul << order; i++)
		__free_page(block + i);
}

/* Fill a block with @value, four bytes at a time. */
void block_fill(struct page *block, u32 value)
{
	unsigned long i;

	for (i = 0; i < block_pages(block); i++) {
		void *content = kmap_local_page(block + i);

		memset32(content, value, PAGE_SIZE / sizeof(value));
		kunmap_local(content);
	}
}

void blocks_init(struct blocks *set)
{
	unsigned int order;

	for (order = 0; order < BLOCK_ORDERS; order++) {
		INIT_LIST_HEAD(&set->by_order[order]);
		set->count[order] = 0;
	}
	set->pages = 0;
	set->movable = NULL;
}

void blocks_add(struct blocks *set, struct page *block)
{
	unsigned int order = block_order(block);

	if (order == 0 && set->movable) {
		/* From here on the flag and page_private are the core's. */
		__ClearPageOffline(block);
		set_page_private(block, 0);
		movable_add(set->movable, block);
	} else {
		list_add(&block->lru, &set->by_order[order]);
	}
	set->count[order]++;
	set->pages += 1ul << order;
}

/* Return: a block of this order, of which there must be one; NULL while all are being moved. */
static struct page *take_from(struct blocks *set, unsigned int order)
{
	struct page *block;

	if (order == 0 && set->movable) {
		block = movable_take(set->movable);
		if (!block)
			return NULL;
		__SetPageOffline(block);
	} else {
		block = list_first_entry(&set->by_order[order], struct page, lru);
		list_del(&block->lru);
	}
	set->count[order]--;
	set->pages -= 1ul << order;
	return block;
}

/* Replace a block of this order by its two halves. The kernel can only split to single pages. */
static void halve(struct blocks *set, unsigned int order)
{
	struct page *block = take_from(set, order);
	struct page *upper = block + (1ul << (order - 1));

	if (!block_is_split(block))
		split_page(block, order);
	set_page_private(block, (order - 1) | BLOCK_SPLIT);
	set_page_private(upper, (order - 1) | BLOCK_SPLIT);
	blocks_add(set, upper);
	blocks_add(set, block);
}

/*
 * Take out the largest block of at most @max_pages (at least 1) pages. Where all are larger, the
 * smallest is split as often as it takes.
 * Return: the block, or NULL when the set is empty, or has only pages that are being moved just now.
 */
struct page *blocks_take(struct blocks *set, unsigned long max_pages)
{
	unsigned int fit = min_t(unsigned int, ilog2(max_pages), BLOCK_ORDERS - 1);
	struct page *block;
	unsigned int order;

	for (order = fit + 1; order-- > 0;) {
		block = set->count[order] ? take_from(set, order) : NULL;
		if (block)
			return block;
	}
	for (order = fit + 1; order < BLOCK_ORDERS; order++) {
		if (!set->count[order])
			continue;
		for (; order > fit; order--)
			halve(set, order);
		return take_from(set, fit);
	}
	return NULL;
}

/*
 * Move the single pages of one set to another, where one of the two has them moved about. Those that
 * are being moved just now are waited for, without end: compaction has them for milliseconds, and as
 * long as it has one it may call back, so neither the set nor this code may go.
 */
static void move_singles(struct blocks *from, struct blocks *to)
{
	unsigned int waits = 0;
	struct page *page;

	while (from->count[0]) {
		page = take_from(from, 0);
		if (page) {
			blocks_add(to, page);
			continue;
		}
		if (++waits == MOVING_SAID_WAITS)
			pr_warn("%lu pages have been isolated for a minute; waiting on\n",
				from->count[0]);
		msleep(MOVING_WAIT_MS);
	}
}

/* Move all blocks of one set to another. */
void blocks_move(struct blocks *from, struct blocks *to)
{
	unsigned int order = 0;

	if (from->movable || to->movable) {
		move_singles(from, to);
		order = 1;
	}
	for (; order < BLOCK_ORDERS; order++) {
		unsigned long pages = from->count[order] << order;

		list_splice_init(&from->by_order[order], &to->by_order[order]);
		to->count[order] += from->count[order];
		from->count[order] = 0;
		to->pages += pages;
		from->pages -= pages;
	}
}
