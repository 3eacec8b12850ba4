// SPDX-License-Identifier: GPL-2.0
/*
 * FREE_PAGE_HINT: tells a device that is about to migrate the guest which memory is free, so that it
 * need not be copied.
 *
 * The device asks by a number in its configuration, 2 or above. The driver sends that number, then
 * free blocks, one a buffer, then STOP when it has no more. What was hinted stays out of use until
 * the device says that it is done, because content written meanwhile may be lost.
 *
 * Nothing here waits for the device. The work runs when the configuration changes and when buffers
 * come back; with all buffers in flight it simply ends until one does. Each block is
 *
 *   in flight  until the device has used its buffer. It may not be used before, whatever happens,
 *              or the device would drop what was written into it. Hence the small number of them.
 *   hinted     acknowledged: free again when the device is done or has been reset. The guest may
 *              have it earlier when memory is short (shrinker); it is filled first, since its old
 *              content may be lost on the way and the new one must be seen to be new.
 *
 * Only blocks of the largest order are hinted, and only above the guest's reserve: they cost it
 * nothing to set aside. Where the kernel zeroes what it allocates, they are zeroed, like those of
 * the balloon.
 *
 * Lock order: balloon->lock, memory reclaim, hinting.lock: with the last one held nothing is allocated
 * in a way that reclaims.
 */
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/virtio_config.h>

#include "aerostat.h"
#include "poison.h"

/* Free the blocks hinted, up to @pages. Early means that the device is not done with the rest. */
static unsigned long release(struct aerostat *balloon, unsigned long pages, bool early)
{
	unsigned long freed = 0;
	struct page *block;

	while (freed < pages) {
		block = blocks_take(&balloon->hinting.hinted, ULONG_MAX);
		if (!block)
			break;
		if (early)
			block_fill(block, poison_value());
		freed += block_pages(block);
		block_free(block, BLOCK_HINTED);
		cond_resched();
	}
	return freed;
}

/* Take note of what the device has used. */
static void collect(struct hinting *hinting)
{
	struct ring_slot *slot;

	ring_poll(&hinting->ring);
	list_for_each_entry(slot, &hinting->ring.idle, link) {
		struct hint *hint = container_of(slot, struct hint, slot);

		if (!hint->block)
			continue;
		hinting->hinted_pages += block_pages(hint->block);
		blocks_add(&hinting->hinted, hint->block);
		hint->block = NULL;
	}
}

/* Send a command, or a block where @block is given. Return: 0, or the block is still the caller's. */
static int send(struct aerostat *balloon, u32 command, struct page *block)
{
	struct hinting *hinting = &balloon->hinting;
	struct scatterlist sg;
	struct hint *hint;
	int err;

	if (list_empty(&hinting->ring.idle))
		return -EAGAIN;
	hint = list_first_entry(&hinting->ring.idle, struct hint, slot.link);
	list_del_init(&hint->slot.link);
	hint->block = block;
	if (block) {
		sg_init_table(&sg, 1);
		sg_set_page(&sg, block, block_pages(block) << PAGE_SHIFT, 0);
	} else {
		hint->command = cpu_to_virtio32(balloon->vdev, command);
		sg_init_one(&sg, &hint->command, sizeof(hint->command));
	}
	err = ring_post(&hinting->ring, &hint->slot, &sg, 1,
			block ? RING_DEVICE_WRITES : RING_DEVICE_READS);
	if (err) {
		hint->block = NULL;
		ring_give(&hinting->ring, &hint->slot);
	}
	return err;
}

/* Hint blocks until all buffers are in flight, or there is nothing more to hint. */
static void send_blocks(struct aerostat *balloon)
{
	struct hinting *hinting = &balloon->hinting;
	unsigned int order = block_max_order();
	enum guard_stop limit;
	struct page *block;

	while (!list_empty(&hinting->ring.idle)) {
		block = memory_allowance_pages(balloon, &limit) >> order
				? block_alloc(order, BLOCK_HINTED)
				: NULL;
		if (!block) {
			if (!send(balloon, BALLOON_HINT_STOP, NULL))
				hinting->active = false;
			return;
		}
		if (send(balloon, 0, block)) {
			block_free(block, BLOCK_HINTED);
			return;
		}
	}
}

/* Do what the device wants now; hinting.lock held. */
static void hinting_step(struct aerostat *balloon)
{
	struct hinting *hinting = &balloon->hinting;
	u32 id;

	collect(hinting);
	/*
	 * Only when the device says that something has changed: QEMU shows STOP while it takes hints
	 * for the number it has shown before.
	 */
	if (atomic_xchg(&hinting->config_changed, 0))
		virtio_cread_le(balloon->vdev, struct balloon_config, free_page_hint_cmd_id,
				&hinting->wanted_id);
	id = hinting->wanted_id;
	switch (id) {
	case BALLOON_HINT_DONE:
		release(balloon, ULONG_MAX, false);
		fallthrough;
	case BALLOON_HINT_STOP:
		hinting->active = false;
		return;
	}
	/* A device that has failed is told nothing more: it would keep what it was told. */
	if (READ_ONCE(balloon->state) != DEVICE_RUNNING)
		return;
	if (id != hinting->last_id) {
		if (send(balloon, id, NULL))
			return;
		hinting->last_id = id;
		hinting->active = true;
	}
	if (hinting->active)
		send_blocks(balloon);
}

static void hinting_work(struct work_struct *work)
{
	struct aerostat *balloon = container_of(work, struct aerostat, hinting.work.work);
	struct hinting *hinting = &balloon->hinting;

	mutex_lock(&hinting->lock);
	if (hinting->ring.vq && !virtqueue_is_broken(hinting->ring.vq))
		hinting_step(balloon);
	mutex_unlock(&hinting->lock);
}

static struct hinting *of_shrinker(struct shrinker *shrinker)
{
	return container_of(compat_shrinker_of(shrinker), struct hinting, shrinker);
}

static unsigned long shrink_count(struct shrinker *shrinker, struct shrink_control *control)
{
	return READ_ONCE(of_shrinker(shrinker)->hinted.pages) ?: SHRINK_EMPTY;
}

static unsigned long shrink_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	struct hinting *hinting = of_shrinker(shrinker);
	unsigned long freed;

	/*
	 * Nobody reclaims memory with this lock held, so it can be waited for; and must be: memory
	 * that is not given up because its lock is busy makes the guest look out of memory.
	 */
	mutex_lock(&hinting->lock);
	freed = release(container_of(hinting, struct aerostat, hinting), control->nr_to_scan, true);
	hinting->shrunk_pages += freed;
	mutex_unlock(&hinting->lock);
	return freed ?: SHRINK_STOP;
}

/* Return: 0 or -ENOMEM. */
int hinting_init(struct aerostat *balloon)
{
	struct hinting *hinting = &balloon->hinting;

	INIT_DELAYED_WORK(&hinting->work, hinting_work);
	mutex_init(&hinting->lock);
	ring_init(&hinting->ring, 1);
	blocks_init(&hinting->hinted);
	return compat_shrinker_init(&hinting->shrinker, shrink_count, shrink_scan,
				    "aerostat-hinting");
}

/* The device must have been reset. */
void hinting_uninit(struct aerostat *balloon)
{
	compat_shrinker_uninit(&balloon->hinting.shrinker);
}

/* Begin with a fresh queue, or none (NULL), when the device has no buffer. */
void hinting_attach(struct aerostat *balloon, struct virtqueue *vq)
{
	struct hinting *hinting = &balloon->hinting;
	unsigned int i;

	mutex_lock(&hinting->lock);
	ring_attach(&hinting->ring, vq);
	for (i = 0; i < HINTS_IN_FLIGHT; i++)
		ring_give(&hinting->ring, &hinting->hints[i].slot);
	hinting->wanted_id = BALLOON_HINT_STOP;
	hinting->last_id = BALLOON_HINT_STOP;
	hinting->active = false;
	mutex_unlock(&hinting->lock);
}

/* The device has been reset and has a claim on nothing: the guest gets all back. */
void hinting_disown(struct aerostat *balloon)
{
	struct hinting *hinting = &balloon->hinting;
	unsigned int i;

	mutex_lock(&hinting->lock);
	for (i = 0; i < HINTS_IN_FLIGHT; i++) {
		if (hinting->hints[i].block)
			blocks_add(&hinting->hinted, hinting->hints[i].block);
		hinting->hints[i].block = NULL;
	}
	release(balloon, ULONG_MAX, true);
	mutex_unlock(&hinting->lock);
}

/* Callback of the queue: buffers have come back. */
void hinting_asked(struct virtqueue *vq)
{
	struct aerostat *balloon = vq->vdev->priv;

	aerostat_queue(balloon, &balloon->hinting.work, 0);
}

/* The configuration has changed: the device may want something else. In any context. */
void hinting_look(struct aerostat *balloon)
{
	if (!virtio_has_feature(balloon->vdev, BALLOON_F_FREE_PAGE_HINT))
		return;
	atomic_set(&balloon->hinting.config_changed, 1);
	aerostat_queue(balloon, &balloon->hinting.work, 0);
}

/* No work may be queued any more: wait for what runs. */
void hinting_stop(struct aerostat *balloon)
{
	cancel_delayed_work_sync(&balloon->hinting.work);
}
