// SPDX-License-Identifier: GPL-2.0
/*
 * REPORTING: memory whose content the guest does not need is named to the device in ranges.
 *
 * Two users share the queue, one at a time, under reporting.lock:
 *
 * - The kernel's free page reporting. It takes large free blocks off the free lists, hands us up to
 *   32, and puts them back when we return.
 * - The balloon, on its range path: blocks just allocated are reported as they are. They stay
 *   allocated, so the effect is that of an inflated balloon, at one operation of the device for 2 MiB
 *   instead of one for each 4 KiB. Such blocks have never been in the inflate queue, so they need no
 *   word in the deflate queue either: coming back, they are used as any reported page is.
 *
 * Each user waits until the device is done with all it was told before the other has its turn.
 *
 * The kernel will use its pages again whatever we return. When the device does not acknowledge them
 * it is therefore reset, at once, and so has no claim on them; the balloon counts as failed.
 *
 * Lock order: balloon->lock, reporting.lock.
 */
#include <linux/module.h>
#include <linux/string.h>
#include <linux/virtio_config.h>

#include "aerostat.h"
#include "compat/reporting.h"

static const char *const path_names[] = {
	[INFLATE_PATH_AUTO] = "auto",
	[INFLATE_PATH_PFN] = "pfn",
	[INFLATE_PATH_RANGE] = "range",
	NULL,
};

static enum inflate_path inflate_path = INFLATE_PATH_AUTO;

static int inflate_path_set(const char *text, const struct kernel_param *param)
{
	int path = __sysfs_match_string(path_names, -1, text);

	if (path < 0)
		return path;
	WRITE_ONCE(*(enum inflate_path *)param->arg, path);
	return 0;
}

static int inflate_path_get(char *buffer, const struct kernel_param *param)
{
	return sysfs_emit(buffer, "%s\n", path_names[*(enum inflate_path *)param->arg]);
}

static const struct kernel_param_ops path_ops = { .set = inflate_path_set,
						  .get = inflate_path_get };
module_param_cb(inflate_path, &path_ops, &inflate_path, 0644);
MODULE_PARM_DESC(
	inflate_path,
	"How memory is named to the device: auto, pfn (frame numbers) or range (default auto)");

/*
 * Return: whether fresh blocks are to go as ranges. `auto` keeps to frame numbers where the device
 * wants to hear before pages are used again, which it does not for ranges. With a poison value that
 * is not zero devices leave reported memory alone, so ranges would be no use even when asked for.
 */
bool reporting_takes_blocks(const struct aerostat *balloon)
{
	if (!balloon->reporting.ranges.ring.vq || balloon->poison)
		return false;
	switch (READ_ONCE(inflate_path)) {
	case INFLATE_PATH_AUTO:
		return !virtio_has_feature(balloon->vdev, BALLOON_F_MUST_TELL_HOST);
	case INFLATE_PATH_PFN:
		return false;
	case INFLATE_PATH_RANGE:
		return true;
	}
	return false;
}

/* Return: 0 or -ENOMEM. */
int reporting_init(struct aerostat *balloon)
{
	mutex_init(&balloon->reporting.lock);
	return ranges_init(&balloon->reporting.ranges);
}

void reporting_uninit(struct aerostat *balloon)
{
	ranges_uninit(&balloon->reporting.ranges);
}

/* The device is fresh from reset and has this queue; NULL when not negotiated. */
void reporting_attach(struct aerostat *balloon, struct virtqueue *vq)
{
	ranges_attach(&balloon->reporting.ranges, vq);
}

/* Callback of the queue. */
void reporting_acked(struct virtqueue *vq)
{
	struct aerostat *balloon = vq->vdev->priv;

	ring_acked(&balloon->reporting.ranges.ring);
}

/* Begin a step of the balloon: the queue is ours until reporting_end(). Return: its ring. */
struct ring *reporting_begin(struct aerostat *balloon)
{
	mutex_lock(&balloon->reporting.lock);
	ranges_begin(&balloon->reporting.ranges);
	return &balloon->reporting.ranges.ring;
}

/* Report contiguous pages. Return: 0 or as ranges_put(). */
int reporting_put_pages(struct aerostat *balloon, struct page *first, unsigned long pages)
{
	return ranges_put(&balloon->reporting.ranges, first, pages);
}

/*
 * Wait until the device is done with the step, unless it has failed already (@err).
 * Return: @err or as ranges_finish().
 */
int reporting_finish(struct aerostat *balloon, int err)
{
	return err ?: ranges_finish(&balloon->reporting.ranges);
}

/* What became of the step is settled: who waits for the queue knows whether the device serves. */
void reporting_end(struct aerostat *balloon)
{
	mutex_unlock(&balloon->reporting.lock);
}

#if IS_ENABLED(CONFIG_PAGE_REPORTING)
/* The kernel has taken these off its free lists, until this returns. Return: 0 or an error. */
static int report(struct page_reporting_dev_info *info, struct scatterlist *sg,
		  unsigned int entries)
{
	struct aerostat *balloon = container_of(info, struct aerostat, reporting.info);
	struct reporting *reporting = &balloon->reporting;
	struct ring *ring = &reporting->ranges.ring;
	u64 before_bytes;
	bool claimed;
	int err;

	mutex_lock(&reporting->lock);
	/* A device that has failed is asked nothing more, and so has no claim on these. */
	if (READ_ONCE(balloon->state) != DEVICE_RUNNING || virtqueue_is_broken(ring->vq)) {
		mutex_unlock(&reporting->lock);
		return -EIO;
	}
	before_bytes = reporting->ranges.sent_bytes;
	ranges_begin(&reporting->ranges);
	err = ranges_put_all(&reporting->ranges, sg, entries);
	if (!err)
		err = ranges_finish(&reporting->ranges);
	reporting->free_bytes += reporting->ranges.sent_bytes - before_bytes;
	/* A queue that refuses is no failure, once the device is done with what it took. */
	claimed = err == -ETIMEDOUT || (err && ring_wait(ring, 0));
	if (claimed)
		virtio_break_device(balloon->vdev);
	mutex_unlock(&reporting->lock);
	if (claimed)
		aerostat_reset_failed(balloon, err);
	return err;
}

/* The device is set to work: offer it to the kernel, which reports to one device only. */
void reporting_start(struct aerostat *balloon)
{
	struct reporting *reporting = &balloon->reporting;
	int err;

	if (!reporting->ranges.ring.vq)
		return;
	reporting->info.report = report;
	/* With large pages a pageblock is hundreds of megabytes, of which none is ever free. */
	compat_reporting_order(&reporting->info, block_max_order());
	err = page_reporting_register(&reporting->info);
	reporting->registered = !err;
	if (err)
		dev_info(&balloon->vdev->dev, "free pages are not reported here (error %d)\n", err);
}

/* When this returns the kernel reports nothing, and no report is under way. No lock held. */
void reporting_stop(struct aerostat *balloon)
{
	if (balloon->reporting.registered)
		page_reporting_unregister(&balloon->reporting.info);
	balloon->reporting.registered = false;
}
#else
void reporting_start(struct aerostat *balloon)
{
}

void reporting_stop(struct aerostat *balloon)
{
}
#endif
