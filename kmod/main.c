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
 *   wire.c       frame numbers on the queues, bounded waits
 *   guard.c      what the guest can spare, when to try again (pure)
 *   stats.c      the guest's statistics for the host
 *   oom.c        memory back when the guest runs out
 *   debug.c      debugfs
 *   handover.c   tells who else has the device
 *   compat/      what differs between kernels
 *
 * Whose a page is: the guest's; ours and unknown to the device (untold); in transit on a queue; or
 * held, which is to say that the device has acknowledged it. A page leaves transit only by the
 * device's word or by a reset, after which the device owns nothing. So when a device fails, pages in
 * transit wait in limbo for the reset that comes with suspend, unbind or rmmod.
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

	aerostat_queue(balloon, &balloon->resize_work, 0);
}

static void inflate_acked(struct virtqueue *vq)
{
	struct aerostat *balloon = vq->vdev->priv;

	wire_acked(&balloon->inflate);
}

static void deflate_acked(struct virtqueue *vq)
{
	struct aerostat *balloon = vq->vdev->priv;

	wire_acked(&balloon->deflate);
}

/*
 * Find the queues and set the device to work. The device is fresh from reset.
 * Return: 0 or what the transport says; then nothing is left behind.
 */
static int start(struct aerostat *balloon)
{
	static const struct compat_queue queues[] = {
		{ "inflate", inflate_acked },
		{ "deflate", deflate_acked },
		{ "stats", stats_asked },
	};
	struct virtio_device *vdev = balloon->vdev;
	bool stats = virtio_has_feature(vdev, BALLOON_F_STATS_VQ);
	struct virtqueue *vqs[ARRAY_SIZE(queues)] = {};
	int err;

	err = compat_find_queues(vdev, stats ? 3 : 2, queues, vqs);
	if (err)
		return err;
	wire_attach(&balloon->inflate, vqs[0]);
	wire_attach(&balloon->deflate, vqs[1]);
	virtio_device_ready(vdev);
	virtio_cread_le(vdev, struct balloon_config, actual, &balloon->actual_frames);

	mutex_lock(&balloon->lock);
	balloon->state = DEVICE_RUNNING;
	resize_update_actual(balloon);
	mutex_unlock(&balloon->lock);

	spin_lock_irq(&balloon->run_lock);
	balloon->run = true;
	spin_unlock_irq(&balloon->run_lock);
	stats_start(balloon, vqs[2]);
	aerostat_queue(balloon, &balloon->resize_work, 0);
	return 0;
}

/* No work from here on, and none under way. */
static void stop_work(struct aerostat *balloon)
{
	spin_lock_irq(&balloon->run_lock);
	balloon->run = false;
	spin_unlock_irq(&balloon->run_lock);
	cancel_delayed_work_sync(&balloon->resize_work);
	stats_stop(balloon);
}

/*
 * Reset the device, which then owns none of our pages and buffers, and give the queues back. All
 * pages are untold afterwards. Work must have been stopped. After a restore that failed there are no
 * queues, but the core still expects a reset.
 */
static void stop_device(struct aerostat *balloon)
{
	mutex_lock(&balloon->lock);
	balloon->state = DEVICE_STOPPED;
	compat_reset(balloon->vdev);
	blocks_move(&balloon->held, &balloon->untold);
	blocks_move(&balloon->limbo, &balloon->untold);
	if (balloon->inflate.vq)
		balloon->vdev->config->del_vqs(balloon->vdev);
	balloon->inflate.vq = NULL;
	mutex_unlock(&balloon->lock);
}

/* Everything but the device. Return: the balloon or an error pointer. */
static struct aerostat *aerostat_new(struct virtio_device *vdev)
{
	struct aerostat *balloon = kzalloc(sizeof(*balloon), GFP_KERNEL);

	if (!balloon)
		return ERR_PTR(-ENOMEM);
	balloon->vdev = vdev;
	balloon->charge = !virtio_has_feature(vdev, BALLOON_F_DEFLATE_ON_OOM);
	spin_lock_init(&balloon->run_lock);
	mutex_init(&balloon->lock);
	blocks_init(&balloon->held);
	blocks_init(&balloon->untold);
	blocks_init(&balloon->limbo);
	guard_init(&balloon->guard);
	INIT_DELAYED_WORK(&balloon->resize_work, resize_work);
	stats_init(balloon);
	if (wire_init(&balloon->inflate))
		goto free_balloon;
	if (wire_init(&balloon->deflate))
		goto free_inflate;
	/* Deflation must come through when there is no memory for a new worker thread. */
	balloon->wq = alloc_workqueue("aerostat", WQ_UNBOUND | WQ_FREEZABLE | WQ_MEM_RECLAIM, 0);
	if (!balloon->wq)
		goto free_deflate;
	return balloon;

free_deflate:
	wire_uninit(&balloon->deflate);
free_inflate:
	wire_uninit(&balloon->inflate);
free_balloon:
	kfree(balloon);
	return ERR_PTR(-ENOMEM);
}

static void aerostat_free(struct aerostat *balloon)
{
	destroy_workqueue(balloon->wq);
	wire_uninit(&balloon->deflate);
	wire_uninit(&balloon->inflate);
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
	err = start(balloon);
	if (err)
		goto uninit_oom;
	debug_init(balloon);
	dev_info(&vdev->dev, "balloon ready:%s%s%s\n",
		 virtio_has_feature(vdev, BALLOON_F_MUST_TELL_HOST) ? " must-tell-host" : "",
		 virtio_has_feature(vdev, BALLOON_F_STATS_VQ) ? " statistics" : "",
		 balloon->charge ? "" : " deflate-on-oom");
	return 0;

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
	oom_uninit(balloon);
	deflate_all(balloon);
	/* Where the device did not go along, the reset that follows makes it true. */
	virtio_cwrite_le(vdev, struct balloon_config, actual, &actual_frames);
	stop_device(balloon);
	deflate_release(balloon, &balloon->untold);
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

/* Before the features are settled: leave out what this build does not do. Return: 0. */
static int aerostat_validate(struct virtio_device *vdev)
{
	if (!IS_ENABLED(CONFIG_AEROSTAT_STATS))
		__virtio_clear_bit(vdev, BALLOON_F_STATS_VQ);
	if (!IS_ENABLED(CONFIG_AEROSTAT_DEFLATE_ON_OOM))
		__virtio_clear_bit(vdev, BALLOON_F_DEFLATE_ON_OOM);
	/* Frame numbers are guest-physical; behind an IOMMU the device would misread them. */
	__virtio_clear_bit(vdev, VIRTIO_F_ACCESS_PLATFORM);
	return 0;
}

static const unsigned int features[] = {
	BALLOON_F_MUST_TELL_HOST,
	BALLOON_F_STATS_VQ,
	BALLOON_F_DEFLATE_ON_OOM,
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
	.validate = aerostat_validate,
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
