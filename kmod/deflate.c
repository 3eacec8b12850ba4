// SPDX-License-Identifier: GPL-2.0
/*
 * Deflation: pages come back to the guest.
 *
 * Pages that the device does not know of, because it has been reset since, and pages that were
 * reported to it as ranges, are simply freed: no queue has to hear of them.
 *
 * Pages given as frame numbers are asked back on the deflate queue. Where MUST_TELL_HOST was
 * negotiated, they are freed when the device has acknowledged. Else the specification lets the
 * driver use them once it has asked, and so do we: waiting is only for a buffer to ask with. What is
 * still in flight is waited for before anything goes into the balloon again, as the device could
 * otherwise read a page's deflation after its next inflation.
 */
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/virtio_config.h>

#include "aerostat.h"
#include "trace.h"

/* What one step frees without asking: so much that a kernel which zeroes it is not long at it. */
#define RELEASE_STEP_BYTES SZ_256M

/* Free up to @pages of the blocks of a set on which the device has no claim. Return: how many. */
unsigned long deflate_release(struct aerostat *balloon, struct blocks *set, unsigned long pages)
{
	unsigned long freed = 0;
	struct page *block;

	while (freed < pages) {
		block = blocks_take(set, pages - freed);
		if (!block)
			break;
		freed += block_pages(block);
		block_free(block, balloon->use);
		cond_resched();
	}
	balloon->counters.deflated_pages += freed;
	return freed;
}

/*
 * Free up to @pages without a word to the device, whatever state it is in: what it has forgotten, what
 * it was told as ranges, and after the reset of one that had failed all the rest; `lock` held.
 * Return: how many.
 */
unsigned long deflate_unclaimed(struct aerostat *balloon, unsigned long pages)
{
	unsigned long freed = deflate_release(balloon, &balloon->untold, pages);

	freed += deflate_release(balloon, &balloon->reported, pages - freed);
	if (balloon->disowned)
		freed += deflate_release(balloon, &balloon->held, pages - freed);
	return freed;
}

/*
 * Wait until the device has read all that it was asked back; `lock` held, device running.
 * Return: 0 or an error of resize_settle().
 */
int deflate_settle(struct aerostat *balloon)
{
	struct ring *ring = &balloon->deflate.ring;
	struct blocks none;

	if (!ring->in_flight)
		return 0;
	blocks_init(&none);
	return resize_settle(balloon, ring, &none, &none, ring_wait(ring, 0));
}

/*
 * Move up to @pages (at least 1) pages out of the balloon; `lock` held, device running.
 * Return: 0 and in @ret_pages how many came back (0 when there are none), or an error of
 * resize_settle().
 */
int deflate_step(struct aerostat *balloon, unsigned long pages, unsigned long *ret_pages)
{
	bool tell_first = virtio_has_feature(balloon->vdev, BALLOON_F_MUST_TELL_HOST);
	unsigned long freed, told = wire_frames_to_pages(WIRE_STEP_FRAMES);
	struct blocks step;
	struct page *block;
	int err = 0;

	pages = min_t(unsigned long, pages, RELEASE_STEP_BYTES >> PAGE_SHIFT);
	freed = deflate_unclaimed(balloon, pages);

	blocks_init(&step);
	wire_begin(&balloon->deflate);
	told = min(told, pages - freed);
	while (step.pages < told) {
		block = blocks_take(&balloon->held, told - step.pages);
		if (!block)
			break;
		blocks_add(&step, block);
		err = wire_put(&balloon->deflate, block);
		if (err)
			break;
	}
	if (!err)
		err = tell_first ? wire_finish(&balloon->deflate) : wire_flush(&balloon->deflate);
	err = resize_settle(balloon, &balloon->deflate.ring, &step, &balloon->held, err);
	if (err)
		return err;
	told = deflate_release(balloon, &step, ULONG_MAX);
	freed += told;
	if (freed)
		trace_deflate(balloon->vdev, freed, told,
			      wire_pages_to_frames(resize_pages(balloon)), balloon->target_frames);
	*ret_pages = freed;
	return 0;
}
