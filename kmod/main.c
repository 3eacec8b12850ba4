// SPDX-License-Identifier: GPL-2.0
/*
 * Aerostat: the guest's half of memory ballooning, a driver for the virtio balloon device.
 *
 * The host writes a target into the device's configuration; the driver takes so much memory out of
 * its guest's use and names the pages to the device, which may then discard them. A lower target
 * brings pages back. The driver has no policy but to protect its guest.
 *
 *   main.c       probe and remove, features and queues, suspend
 *   resize.c     the work that moves towards the target, a step at a time
 *   inflate.c    one step out of the guest's use
 *   deflate.c    one step back
 *   pages.c      the pages held, as blocks of up to 2 MiB
 *   queues.c     which features and queues the device and we have
 *   movable.c    single pages that compaction can move
 *   migrate.c    one such page for another
 *   ring.c       a queue, with bounded waits
 *   wire.c       frame numbers on the inflate and deflate queues
 *   ranges.c     ranges on the reporting queue
 *   reporting.c  who reports: the kernel its free pages, the balloon its blocks
 *   hinting.c    free memory that a migration need not copy
 *   poison.c     what free pages hold
 *   guard.c      what the guest can spare, when to try again (pure)
 *   memory.c     what the guest has
 *   stats.c      the guest's statistics for the host
 *   oom.c        memory back when the guest runs out
 *   debug.c      debugfs
 *   trace.h      tracepoints
 *   handover.c   tells who else has the device
 *   compat/      what differs between kernels
 *
 * Whose a page is: the guest's; ours and unknown to the device (untold); in transit on a queue; or
 * held, which is to say that the device has acknowledged it. A page leaves transit only by the
 * device's word or by a reset, after which the device owns nothing. So when a device fails, pages in
 * transit wait in limbo for the reset that comes with suspend, unbind or rmmod; a guest that runs out
 * of memory meanwhile has what the device has no claim on.
 *
 * Suspend keeps the pages: the device forgets them when it is reset, and is told of the same pages
 * afterwards. They are marked offline, so an image written to disk leaves them out.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>

#include "aerostat.h"
#include "compat/virtio.h"
#include "poison.h"
#include "queues.h"

/*
 * How long remove may spend on giving pages back by the book, each with the device's word. What is
 * left then comes back by the reset. A working device needs a second or two for a gigabyte.
 */
#define REMOVE_LIMIT_MS 60000

/*
 * Queue @work after @delay_ms, unless it is queued already; with 0 at once in any case. Not while we
 * are stopping. In any context.
 */
void aerostat_queue(struct aerostat *balloon, struct delayed_work *work, unsigned int delay_ms)
{
	unsigned long flags;

	spin_lock_irqsave(&balloon->run_lock, flags);
	if (balloon->run && delay_ms)
		queue_delayed_work(balloon->wq, work, msecs_to_jiffies(delay_ms));
	else if (balloon->run)
		mod_delayed_work(balloon->wq, work, 0);
	spin_unlock_irqrestore(&balloon->run_lock, flags);
}

static void config_changed(struct virtio_device *vdev)
{
	struct aerostat *balloon = vdev->priv;

	atomic_set(&balloon->config_changed, 1);
	aerostat_queue(balloon, &balloon->resize_work, 0);
	hinting_look(balloon);
}

/*
 * Find the queues and set the device to work. The device is fresh from reset.
 * Return: 0 or what the transport says; then nothing is left behind.
 */
static int start(struct aerostat *balloon)
{
	struct virtio_device *vdev = balloon->vdev;
	struct queues queues;
	int err;

	err = queues_find(vdev, &queues);
	if (err)
		return err;
	wire_attach(&balloon->inflate, queues.inflate);
	wire_attach(&balloon->deflate, queues.deflate);
	hinting_attach(balloon, queues.hinting);
	reporting_attach(balloon, queues.reporting);
	/* A device forgets it at each reset, and may hear of it only before it is ready. */
	if (virtio_has_feature(vdev, BALLOON_F_PAGE_POISON)) {
		balloon->poison = poison_value();
		virtio_cwrite_le(vdev, struct balloon_config, poison_val, &balloon->poison);
	}
	virtio_device_ready(vdev);
	virtio_cread_le(vdev, struct balloon_config, actual, &balloon->actual_frames);

	mutex_lock(&balloon->lock);
	WRITE_ONCE(balloon->state, DEVICE_RUNNING);
	balloon->disowned = false;
	if (balloon->guard.stop == GUARD_DEVICE)
		guard_at_target(&balloon->guard);
	resize_update_actual(balloon);
	mutex_unlock(&balloon->lock);

	spin_lock_irq(&balloon->run_lock);
	WRITE_ONCE(balloon->run, true);
	spin_unlock_irq(&balloon->run_lock);
	stats_start(balloon, queues.stats);
	reporting_start(balloon);
	hinting_look(balloon);
	aerostat_queue(balloon, &balloon->resize_work, 0);
	return 0;
}

/* No work from here on, and none under way. */
static void stop_work(struct aerostat *balloon)
{
	spin_lock_irq(&balloon->run_lock);
	WRITE_ONCE(balloon->run, false);
	spin_unlock_irq(&balloon->run_lock);
	reporting_stop(balloon);
	cancel_delayed_work_sync(&balloon->resize_work);
	hinting_stop(balloon);
	stats_stop(balloon);
}

/* The device has been reset and has a claim on nothing; `lock` held. */
static void disown(struct aerostat *balloon)
{
	blocks_move(&balloon->held, &balloon->untold);
	blocks_move(&balloon->reported, &balloon->untold);
	blocks_move(&balloon->limbo, &balloon->untold);
	hinting_disown(balloon);
}

/*
 * The device has been reset: take back what it had not used. Buffers of several parts have a table,
 * which the core frees with the buffer but not with the queue.
 */
static void forget_buffers(struct virtio_device *vdev)
{
	struct virtqueue *vq;

	list_for_each_entry(vq, &vdev->vqs, list) {
		while (virtqueue_detach_unused_buf(vq))
			;
	}
}

/*
 * Reset the device, which then owns none of our pages and buffers, and give the queues back. All
 * pages are untold afterwards. Work must have been stopped. After a restore that failed there are no
 * queues, but the core still expects a reset.
 */
static void stop_device(struct aerostat *balloon)
{
	mutex_lock(&balloon->lock);
	WRITE_ONCE(balloon->state, DEVICE_STOPPED);
	compat_reset(balloon->vdev);
	disown(balloon);
	if (balloon->inflate.ring.vq) {
		forget_buffers(balloon->vdev);
		balloon->vdev->config->del_vqs(balloon->vdev);
	}
	balloon->inflate.ring.vq = NULL;
	balloon->deflate.ring.vq = NULL;
	hinting_attach(balloon, NULL);
	reporting_attach(balloon, NULL);
	mutex_unlock(&balloon->lock);
}

/*
 * The device has failed and may keep memory that cannot be kept from its users: reset it, so that it
 * has no claim on anything; `lock` held. The queues stay, broken, until it is stopped. `held` and
 * `reported` stay as they are, as compaction, which may be the caller, may have some of their pages.
 */
void aerostat_reset_device(struct aerostat *balloon)
{
	if (balloon->disowned)
		return;
	virtio_break_device(balloon->vdev);
	compat_reset(balloon->vdev);
	balloon->disowned = true;
	blocks_move(&balloon->limbo, &balloon->untold);
	hinting_disown(balloon);
}

/* As above, of a device that has failed just now with @err; no lock held. */
void aerostat_reset_failed(struct aerostat *balloon, int err)
{
	mutex_lock(&balloon->lock);
	if (balloon->state == DEVICE_RUNNING)
		resize_fail(balloon, err);
	if (balloon->state == DEVICE_FAILED)
		aerostat_reset_device(balloon);
	mutex_unlock(&balloon->lock);
}

/* Everything but the device. Return: the balloon or an error pointer. */
static struct aerostat *aerostat_new(struct virtio_device *vdev)
{
	struct aerostat *balloon = kzalloc(sizeof(*balloon), GFP_KERNEL);

	if (!balloon)
		return ERR_PTR(-ENOMEM);
	balloon->vdev = vdev;
	balloon->use = virtio_has_feature(vdev, BALLOON_F_DEFLATE_ON_OOM) ? BLOCK_LENT
									  : BLOCK_CHARGED;
	spin_lock_init(&balloon->run_lock);
	mutex_init(&balloon->lock);
	blocks_init(&balloon->held);
	blocks_init(&balloon->reported);
	blocks_init(&balloon->untold);
	blocks_init(&balloon->limbo);
	guard_init(&balloon->guard);
	if (migrate_init(balloon))
		goto free_balloon;
	INIT_DELAYED_WORK(&balloon->resize_work, resize_work);
	stats_init(balloon);
	if (wire_init(&balloon->inflate, WIRE_INFLATE_NOTIFY_FRAMES))
		goto uninit_migrate;
	if (wire_init(&balloon->deflate, WIRE_DEFLATE_NOTIFY_FRAMES))
		goto free_inflate;
	if (reporting_init(balloon))
		goto free_deflate;
	if (hinting_init(balloon))
		goto uninit_reporting;
	/* Deflation must come through when there is no memory for a new worker thread. */
	balloon->wq = alloc_workqueue("aerostat", WQ_UNBOUND | WQ_FREEZABLE | WQ_MEM_RECLAIM, 0);
	if (!balloon->wq)
		goto uninit_hinting;
	return balloon;

uninit_hinting:
	hinting_uninit(balloon);
uninit_reporting:
	reporting_uninit(balloon);
free_deflate:
	wire_uninit(&balloon->deflate);
free_inflate:
	wire_uninit(&balloon->inflate);
uninit_migrate:
	migrate_uninit(balloon);
free_balloon:
	kfree(balloon);
	return ERR_PTR(-ENOMEM);
}

static void aerostat_free(struct aerostat *balloon)
{
	destroy_workqueue(balloon->wq);
	hinting_uninit(balloon);
	reporting_uninit(balloon);
	wire_uninit(&balloon->deflate);
	wire_uninit(&balloon->inflate);
	migrate_uninit(balloon);
	kfree(balloon);
}

static int aerostat_probe(struct virtio_device *vdev)
{
	struct aerostat *balloon;
	int err;

	if (!vdev->config->get) {
		dev_err(&vdev->dev, "the transport cannot read the device's configuration\n");
		return -EINVAL;
	}
	balloon = aerostat_new(vdev);
	if (IS_ERR(balloon))
		return PTR_ERR(balloon);
	vdev->priv = balloon;
	err = oom_init(balloon);
	if (err)
		goto free_balloon;
	err = memory_init(balloon);
	if (err)
		goto uninit_oom;
	err = start(balloon);
	if (err)
		goto uninit_memory;
	debug_init(balloon);
	dev_info(&vdev->dev, "balloon ready:%s%s%s%s%s%s\n",
		 virtio_has_feature(vdev, BALLOON_F_MUST_TELL_HOST) ? " must-tell-host" : "",
		 virtio_has_feature(vdev, BALLOON_F_STATS_VQ) ? " statistics" : "",
		 virtio_has_feature(vdev, BALLOON_F_DEFLATE_ON_OOM) ? " deflate-on-oom" : "",
		 virtio_has_feature(vdev, BALLOON_F_FREE_PAGE_HINT) ? " free-page-hint" : "",
		 virtio_has_feature(vdev, BALLOON_F_PAGE_POISON) ? " page-poison" : "",
		 virtio_has_feature(vdev, BALLOON_F_REPORTING) ? " reporting" : "");
	return 0;

uninit_memory:
	memory_uninit(balloon);
uninit_oom:
	oom_uninit(balloon);
free_balloon:
	vdev->priv = NULL;
	aerostat_free(balloon);
	return err;
}

/* Give every page back by the book, as far as the device goes along. */
static void deflate_all(struct aerostat *balloon)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(REMOVE_LIMIT_MS);
	unsigned long freed = 1;

	mutex_lock(&balloon->lock);
	while (balloon->state == DEVICE_RUNNING && freed && time_before(jiffies, deadline)) {
		if (deflate_step(balloon, ULONG_MAX, &freed))
			break;
		cond_resched();
	}
	mutex_unlock(&balloon->lock);
}

static void aerostat_remove(struct virtio_device *vdev)
{
	struct aerostat *balloon = vdev->priv;
	u32 actual_frames = 0;

	debug_uninit(balloon);
	stop_work(balloon);
	memory_uninit(balloon);
	oom_uninit(balloon);
	deflate_all(balloon);
	/* Where the device did not go along, the reset that follows makes it true. */
	virtio_cwrite_le(vdev, struct balloon_config, actual, &actual_frames);
	stop_device(balloon);
	deflate_release(balloon, &balloon->untold, ULONG_MAX);
	vdev->priv = NULL;
	aerostat_free(balloon);
}

#ifdef CONFIG_PM_SLEEP
static int aerostat_freeze(struct virtio_device *vdev)
{
	struct aerostat *balloon = vdev->priv;

	stop_work(balloon);
	stop_device(balloon);
	return 0;
}

static int aerostat_restore(struct virtio_device *vdev)
{
	return start(vdev->priv);
}
#endif

static const unsigned int features[] = {
	BALLOON_F_MUST_TELL_HOST, BALLOON_F_STATS_VQ,	 BALLOON_F_DEFLATE_ON_OOM,
	BALLOON_F_FREE_PAGE_HINT, BALLOON_F_PAGE_POISON, BALLOON_F_REPORTING,
};

static const struct virtio_device_id ids[] = {
	{ BALLOON_DEVICE_ID, VIRTIO_DEV_ANY_ID },
	{},
};
MODULE_DEVICE_TABLE(virtio, ids);

static struct virtio_driver driver = {
	.feature_table = features,
	.feature_table_size = ARRAY_SIZE(features),
	.driver.name = KBUILD_MODNAME,
	.driver.owner = THIS_MODULE,
	.id_table = ids,
	.validate = queues_validate,
	.probe = aerostat_probe,
	.remove = aerostat_remove,
	.config_changed = config_changed,
#ifdef CONFIG_PM_SLEEP
	.freeze = aerostat_freeze,
	.restore = aerostat_restore,
#endif
};

static int __init aerostat_init(void)
{
	int err;

	debug_module_init();
	err = register_virtio_driver(&driver);
	if (err) {
		debug_module_uninit();
		return err;
	}
	handover_report(&driver);
	return 0;
}

static void __exit aerostat_exit(void)
{
	unregister_virtio_driver(&driver);
	debug_module_uninit();
}

module_init(aerostat_init);
module_exit(aerostat_exit);

MODULE_AUTHOR("The Aerostat developers");
MODULE_DESCRIPTION("Memory balloon for virtio guests");
MODULE_LICENSE("GPL");
