// SPDX-License-Identifier: GPL-2.0
/*
 * Inflation: pages of the guest go to the device.
 *
 * A step moves up to 8 MiB. The kernel may zero each block it hands out, and the host then backs it
 * with memory that it discards a moment later; so blocks go to the device as soon as they are
 * there, and a step is small.
 *
 * Large blocks come first: each allocation starts at the largest order that still fits, and once an
 * order has run out the rest of the step stays below it. The next step looks again.
 */
#include <linux/log2.h>
#include <linux/mm.h>

#include "aerostat.h"

/* Return: pages that may be taken from the guest now. */
static unsigned long allowance_pages(const struct aerostat *balloon)
{
	u64 total_bytes = (u64)totalram_pages() << PAGE_SHIFT;
	u64 available_bytes = (u64)max(si_mem_available(), 0l) << PAGE_SHIFT;

	if (balloon->charge)
		total_bytes += (u64)(balloon->held.pages + balloon->untold.pages) << PAGE_SHIFT;
	return guard_allowance_bytes(available_bytes, total_bytes) >> PAGE_SHIFT;
}

/* The largest block of at most 2^*order pages that can be had; *order follows what there is. */
static struct page *allocate(const struct aerostat *balloon, unsigned int *order)
{
	struct page *block;

	for (;; (*order)--) {
		block = block_alloc(*order, balloon->charge);
		if (block || !*order)
			return block;
	}
}

/*
 * Move up to @pages (at least 1) pages into the balloon; `lock` held, device running. Blocks that
 * a reset has made unknown to the device are told to it first and cost the guest nothing. Fresh
 * ones are taken only when the guard's wait is over.
 *
 * Return: 0 and in @ret_stop why the step ended short (GUARD_NONE when it did not), or an error of
 * resize_settle().
 */
int inflate_step(struct aerostat *balloon, unsigned long pages, enum guard_stop *ret_stop)
{
	enum guard_stop wait = guard_wait_reason(&balloon->guard, resize_now_ms());
	unsigned long allowed = wait == GUARD_NONE ? allowance_pages(balloon) : 0;
	enum guard_stop stop = GUARD_NONE;
	unsigned int order = block_max_order();
	struct blocks step;
	struct page *block;
	unsigned long left;
	int err = 0;

	pages = min(pages, wire_frames_to_pages(WIRE_STEP_FRAMES));
	blocks_init(&step);
	wire_begin(&balloon->inflate);
	while ((left = pages - step.pages)) {
		block = blocks_take(&balloon->untold, left);
		if (!block && !allowed) {
			stop = wait == GUARD_NONE ? GUARD_AVAILABLE : wait;
			break;
		}
		if (!block) {
			left = min(left, allowed);
			order = min_t(unsigned int, order, ilog2(left));
			block = allocate(balloon, &order);
			if (!block) {
				stop = GUARD_ALLOCATION;
				break;
			}
			allowed -= block_pages(block);
		}
		err = wire_put(&balloon->inflate, block);
		if (err == -ERANGE) {
			/* No frame number reaches it, so it is no use to the device. */
			block_free(block, balloon->charge);
			stop = GUARD_REACH;
			err = 0;
			break;
		}
		blocks_add(&step, block);
		if (err)
			break;
	}
	if (!err)
		err = wire_finish(&balloon->inflate);
	pages = step.pages;
	err = resize_settle(balloon, &balloon->inflate, &step, &balloon->untold, err);
	if (err)
		return err;
	blocks_move(&step, &balloon->held);
	balloon->counters.inflated_pages += pages;
	*ret_stop = stop;
	return 0;
}
