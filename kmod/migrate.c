// SPDX-License-Identifier: GPL-2.0
/*
 * Migration: a single page of the balloon changes places with another (see movable.c).
 *
 * The device is given the new page first, by the path of the old one, and then asked for the old one
 * back where that path wants it. So it never has less than it was told. The old page is free when
 * the device has heard of it, as in deflation.
 *
 * Compaction will use the new page again when we refuse, whatever the device makes of it. Where the
 * device does not acknowledge, it is therefore reset, at once; the balloon counts as failed.
 */
#include <linux/mm.h>
#include <linux/virtio_config.h>

#include "aerostat.h"

/* The books of the zones, where MemTotal shrinks with the balloon. */
static void recharge(const struct aerostat *balloon, struct page *fresh, struct page *old)
{
	if (balloon->use != BLOCK_CHARGED || page_zone(fresh) == page_zone(old))
		return;
	adjust_managed_page_count(old, 1);
	adjust_managed_page_count(fresh, -1);
}

/*
 * A step of one page has ended with @err. The device keeps no claim on it when that is an error.
 * Return: 0 or -EAGAIN.
 */
static int settle(struct aerostat *balloon, struct ring *ring, int err)
{
	struct blocks none;

	blocks_init(&none);
	if (resize_settle(balloon, ring, &none, &none, err) == -EIO)
		aerostat_reset_device(balloon);
	return err ? -EAGAIN : 0;
}

static int give_frames(struct aerostat *balloon, struct page *page)
{
	int err;

	wire_begin(&balloon->inflate);
	err = wire_put_pages(&balloon->inflate, page, 1);
	if (!err)
		err = wire_finish(&balloon->inflate);
	if (err == -ERANGE)
		return -EAGAIN;
	return settle(balloon, &balloon->inflate.ring, err);
}

static int ask_frames(struct aerostat *balloon, struct page *page)
{
	int err;

	wire_begin(&balloon->deflate);
	err = wire_put_pages(&balloon->deflate, page, 1);
	if (!err)
		err = wire_finish(&balloon->deflate);
	return settle(balloon, &balloon->deflate.ring, err);
}

/* Return: 0 with `lock` held and the device running, or -EAGAIN. */
static int begin(struct aerostat *balloon)
{
	if (!mutex_trylock(&balloon->lock))
		return -EAGAIN;
	if (balloon->state == DEVICE_RUNNING && !deflate_settle(balloon))
		return 0;
	mutex_unlock(&balloon->lock);
	return -EAGAIN;
}

/* Both pages are the device's for a moment. As movable_replace(), for pages given as frame numbers. */
static int replace_held(void *context, struct page *fresh, struct page *old)
{
	struct aerostat *balloon = context;
	int err = begin(balloon);

	if (err)
		return err;
	err = give_frames(balloon, fresh);
	if (!err && ask_frames(balloon, old)) {
		/* It has both, and will not hear: only a reset tells it that one is not its. */
		if (balloon->state == DEVICE_RUNNING)
			resize_fail(balloon, -EIO);
		aerostat_reset_device(balloon);
		err = -EAGAIN;
	}
	if (!err)
		recharge(balloon, fresh, old);
	mutex_unlock(&balloon->lock);
	return err;
}

/* As above, for pages that were reported: the old one comes back without a word. */
static int replace_reported(void *context, struct page *fresh, struct page *old)
{
	struct aerostat *balloon = context;
	int err = begin(balloon);
	struct ring *ring;

	if (err)
		return err;
	ring = reporting_begin(balloon);
	err = reporting_finish(balloon, reporting_put_pages(balloon, fresh, 1));
	err = settle(balloon, ring, err);
	reporting_end(balloon);
	if (!err)
		recharge(balloon, fresh, old);
	mutex_unlock(&balloon->lock);
	return err;
}

/* Have single pages of the sets moved where the kernel can. Return: 0 or -ENOMEM. */
int migrate_init(struct aerostat *balloon)
{
	if (!movable_supported())
		return 0;
	balloon->held.movable = movable_new(replace_held, balloon);
	balloon->reported.movable = movable_new(replace_reported, balloon);
	if (balloon->held.movable && balloon->reported.movable)
		return 0;
	migrate_uninit(balloon);
	return -ENOMEM;
}

/* The sets are empty. */
void migrate_uninit(struct aerostat *balloon)
{
	movable_free(balloon->held.movable);
	movable_free(balloon->reported.movable);
	balloon->held.movable = NULL;
	balloon->reported.movable = NULL;
}
