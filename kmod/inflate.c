// SPDX-License-Identifier: GPL-2.0
/*
 * Inflation: pages of the guest go to the device.
 *
 * They go by one of two paths: as frame numbers on the inflate queue (wire.c), or as ranges on the
 * reporting queue (ranges.c, reporting.c). A block remembers its path by the set it is in, `held` or
 * `reported`, because only the first need the deflate queue on their way back.
 *
 * A step moves up to 8 MiB of frame numbers or 16 MiB of ranges. The kernel may zero each block it
 * hands out, and the host then backs it with memory that it discards a moment later; so blocks go to
 * the device as soon as they are there, and a step, which is what can be in transit, is small.
 *
 * Large blocks come first: each allocation starts at the largest order that still fits, and once an
 * order has run out the rest of the step stays below it. The next step looks again.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/virtio_config.h>

#include "aerostat.h"
#include "trace.h"

/* The largest block of at most 2^*order pages that can be had; *order follows what there is. */
static struct page *allocate(const struct aerostat *balloon, unsigned int *order)
{
	struct page *block;

	for (;; (*order)--) {
		block = block_alloc(*order, balloon->use);
		if (block || !*order)
			return block;
	}
}

/* The way a step takes, one of the two paths: what begins, carries and ends it, and where its blocks are kept. */
struct way {
	struct ring *ring;
	struct blocks *set;
	unsigned long step_pages;
	bool range;
};

/* Choose the path and begin a step on it. */
static struct way way_begin(struct aerostat *balloon)
{
	struct way way;

	if (reporting_takes_blocks(balloon)) {
		way = (struct way){
			.ring = reporting_begin(balloon),
			.set = &balloon->reported,
			.step_pages = RANGE_STEP_BYTES >> PAGE_SHIFT,
			.range = true,
		};
	} else {
		wire_begin(&balloon->inflate);
		way = (struct way){
			.ring = &balloon->inflate.ring,
			.set = &balloon->held,
			.step_pages = wire_frames_to_pages(WIRE_STEP_FRAMES),
		};
	}
	return way;
}

static int way_put(struct aerostat *balloon, const struct way *way, struct page *block)
{
	return way->range ? reporting_put_pages(balloon, block, block_pages(block))
			  : wire_put(&balloon->inflate, block);
}

/*
 * End a step, having the device acknowledge the rest of it unless it has failed already (@err).
 * Return: 0 with the blocks still in @step, or an error of resize_settle().
 */
static int way_end(struct aerostat *balloon, const struct way *way, struct blocks *step, int err)
{
	if (way->range)
		err = reporting_finish(balloon, err);
	else if (!err)
		err = wire_finish(&balloon->inflate);
	err = resize_settle(balloon, way->ring, step, &balloon->untold, err);
	if (way->range)
		reporting_end(balloon);
	return err;
}

/*
 * The next block of at most @pages pages. One that a reset has made unknown to the device is taken
 * first and costs the guest nothing; a fresh one counts against *@allowed pages.
 * Return: 0 and the block, -EAGAIN when none is allowed, -ENOMEM when there is none.
 */
static int fetch(struct aerostat *balloon, unsigned long pages, unsigned long *allowed,
		 unsigned int *order, struct page **ret_block)
{
	struct page *block = blocks_take(&balloon->untold, pages);

	if (block) {
		/* What it holds by now nobody knows; a device told of a poison value may. */
		if (virtio_has_feature(balloon->vdev, BALLOON_F_PAGE_POISON))
			block_fill(block, balloon->poison);
		*ret_block = block;
		return 0;
	}
	if (!*allowed)
		return -EAGAIN;
	*order = min_t(unsigned int, *order, ilog2(min(pages, *allowed)));
	block = allocate(balloon, order);
	if (!block)
		return -ENOMEM;
	*allowed -= block_pages(block);
	*ret_block = block;
	return 0;
}

/*
 * Move up to @pages (at least 1) pages into the balloon; `lock` held, device running. Fresh pages
 * are taken only when the guard's wait is over.
 *
 * Return: 0 and in @ret_stop why the step ended short (GUARD_NONE when it did not), or an error of
 * resize_settle().
 */
int inflate_step(struct aerostat *balloon, unsigned long pages, enum guard_stop *ret_stop)
{
	enum guard_stop wait = guard_wait_reason(&balloon->guard, resize_now_ms());
	enum guard_stop stop = GUARD_NONE, limit = wait;
	unsigned long allowed = 0, left, fresh = 0;
	unsigned int order = block_max_order();
	struct blocks step;
	struct page *block;
	struct way way;
	int err;

	blocks_init(&step);
	if (wait == GUARD_NONE)
		allowed = memory_allowance_pages(balloon, &limit);
	/* The device must not read a page's deflation after its next inflation. */
	err = deflate_settle(balloon);
	if (err)
		return err;
	way = way_begin(balloon);
	pages = min(pages, way.step_pages);
	while (step.pages < pages && stop == GUARD_NONE) {
		if (atomic_read(&balloon->oom_waiting)) {
			stop = GUARD_OOM;
			break;
		}
		left = allowed;
		switch (fetch(balloon, pages - step.pages, &allowed, &order, &block)) {
		case -EAGAIN:
			stop = limit;
			continue;
		case -ENOMEM:
			stop = GUARD_ALLOCATION;
			continue;
		}
		err = way_put(balloon, &way, block);
		if (err == -ERANGE) {
			/* No frame number reaches it, so it is no use to the device. */
			block_free(block, balloon->use);
			stop = GUARD_REACH;
			err = 0;
			continue;
		}
		fresh += left - allowed;
		blocks_add(&step, block);
		if (err)
			break;
	}
	pages = step.pages;
	balloon->counters.inflated_pages += fresh;
	if (way.range)
		balloon->counters.reported_pages += fresh;
	err = way_end(balloon, &way, &step, err);
	if (err == -EAGAIN)
		/* The device has heard of nothing: what the guest gave for it is the guest's again. */
		deflate_release(balloon, &balloon->untold, fresh);
	if (err)
		return err;
	blocks_move(&step, way.set);
	if (pages)
		trace_inflate(balloon->vdev, pages, way.range,
			      wire_pages_to_frames(resize_pages(balloon)), balloon->target_frames);
	*ret_stop = stop;
	return 0;
}
