// SPDX-License-Identifier: GPL-2.0
/*
 * Deflation: pages come back to the guest.
 *
 * The device is told first, and a page is used again only when it has acknowledged: MUST_TELL_HOST
 * demands it, and a device that has not offered that may still act late on what it was told.
 * Pages that the device does not know of, because it has been reset since, are simply freed.
 */
#include "aerostat.h"

/* Free every block of a set on which the device has no claim. */
void deflate_release(struct aerostat *balloon, struct blocks *set)
{
	struct page *block;

	while ((block = blocks_take(set, ULONG_MAX))) {
		balloon->counters.deflated_pages += block_pages(block);
		block_free(block, balloon->charge);
	}
}

/*
 * Move up to @pages (at least 1) pages out of the balloon; `lock` held, device running.
 * Return: 0 and in @ret_pages how many came back (0 when there are none), or an error of
 * resize_settle().
 */
int deflate_step(struct aerostat *balloon, unsigned long pages, unsigned long *ret_pages)
{
	unsigned long freed;
	struct blocks step;
	struct page *block;
	int err = 0;

	pages = min(pages, wire_frames_to_pages(WIRE_STEP_FRAMES));
	blocks_init(&step);
	while (step.pages < pages) {
		block = blocks_take(&balloon->untold, pages - step.pages);
		if (!block)
			break;
		blocks_add(&step, block);
	}
	freed = step.pages;
	deflate_release(balloon, &step);

	wire_begin(&balloon->deflate);
	while (freed + step.pages < pages) {
		block = blocks_take(&balloon->held, pages - freed - step.pages);
		if (!block)
			break;
		blocks_add(&step, block);
		err = wire_put(&balloon->deflate, block);
		if (err)
			break;
	}
	if (!err)
		err = wire_finish(&balloon->deflate);
	err = resize_settle(balloon, &balloon->deflate, &step, &balloon->held, err);
	if (err)
		return err;
	freed += step.pages;
	deflate_release(balloon, &step);
	*ret_pages = freed;
	return 0;
}
