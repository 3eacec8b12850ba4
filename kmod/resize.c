// SPDX-License-Identifier: GPL-2.0
/*
 * Towards the target: reads what the device wants, does one step, tells it the result, and decides
 * when to go on.
 *
 * One work item does all of it, one step a run, so that it never holds the lock for long and freezes
 * or stops between steps. It runs when the device changes its configuration, again after each step
 * that left something to do, and after a pause when the guest could not give more.
 */
#include <linux/ktime.h>
#include <linux/virtio_config.h>

#include "aerostat.h"

/* Return: the clock of the guard, in milliseconds. */
u64 resize_now_ms(void)
{
	return ktime_to_ms(ktime_get());
}

/* Return: pages the balloon keeps from the guest and the device may ask for; `lock` held. */
unsigned long resize_pages(const struct aerostat *balloon)
{
	return balloon->held.pages + balloon->reported.pages + balloon->untold.pages;
}

/*
 * Tell the device what the balloon keeps from the guest, if that has changed; `lock` held, device
 * running. Pages that are yet to be told again after a reset count: they are the balloon's all the
 * time, and a host that saw them vanish would take the guest for grown.
 */
void resize_update_actual(struct aerostat *balloon)
{
	u32 actual_frames = wire_pages_to_frames(resize_pages(balloon));

	if (actual_frames == balloon->actual_frames)
		return;
	virtio_cwrite_le(balloon->vdev, struct balloon_config, actual, &actual_frames);
	balloon->actual_frames = actual_frames;
}

/*
 * End a step whose blocks went through @ring with the result @err. When the queue took
 * nothing they go to @back; when the device failed on the way, to limbo, and it is not asked again.
 * Return: 0 with the blocks still in @step, -EAGAIN when nothing was sent, -EIO after a failure.
 */
int resize_settle(struct aerostat *balloon, struct ring *ring, struct blocks *step,
		  struct blocks *back, int err)
{
	if (!err)
		return 0;
	if (err != -ETIMEDOUT && !ring->sent && !virtqueue_is_broken(ring->vq)) {
		blocks_move(step, back);
		return -EAGAIN;
	}
	dev_err(&balloon->vdev->dev,
		"the device %s (error %d): the balloon is stuck at %lu pages, %lu of them in transit, until it is rebound or reset\n",
		err == -ETIMEDOUT ? "does not acknowledge" : "is broken", err,
		resize_pages(balloon) + step->pages, step->pages);
	blocks_move(step, &balloon->limbo);
	balloon->state = DEVICE_FAILED;
	balloon->guard.stop = GUARD_DEVICE;
	return -EIO;
}

/* Note why a step ended short; the first of an episode is worth a line. */
static void stopped(struct aerostat *balloon, enum guard_stop stop)
{
	balloon->counters.stops++;
	if (guard_stopped(&balloon->guard, stop, resize_now_ms()))
		dev_info(&balloon->vdev->dev, "stopped at %u of %u frames: %s\n",
			 wire_pages_to_frames(resize_pages(balloon)), balloon->target_frames,
			 guard_stop_name(stop));
}

/* One step; `lock` held. Return: whether there is more to do, then after @ret_delay_ms. */
static bool resize_step(struct aerostat *balloon, unsigned int *ret_delay_ms)
{
	enum guard_stop stop = GUARD_NONE;
	unsigned long target, held, freed;
	u32 target_frames;
	int err;

	if (balloon->state != DEVICE_RUNNING)
		return false;
	virtio_cread_le(balloon->vdev, struct balloon_config, num_pages, &target_frames);
	if (target_frames != balloon->target_frames) {
		balloon->target_frames = target_frames;
		guard_new_target(&balloon->guard);
	}
	target = wire_frames_to_pages(target_frames);
	held = balloon->held.pages + balloon->reported.pages;
	if (target > held)
		err = inflate_step(balloon, target - held, &stop);
	else if (target < held + balloon->untold.pages)
		err = deflate_step(balloon, held + balloon->untold.pages - target, &freed);
	else
		err = 0;
	if (err == -EIO)
		return false;
	if (err)
		stop = GUARD_QUEUE;
	resize_update_actual(balloon);

	held = balloon->held.pages + balloon->reported.pages;
	if (target == held && !balloon->untold.pages) {
		guard_at_target(&balloon->guard);
		return false;
	}
	if (stop == GUARD_NONE) {
		*ret_delay_ms = 0;
		return true;
	}
	/* A wait that was on before is no new stop. */
	if (!guard_wait_ms(&balloon->guard, resize_now_ms()))
		stopped(balloon, stop);
	*ret_delay_ms = guard_wait_ms(&balloon->guard, resize_now_ms());
	return true;
}

void resize_work(struct work_struct *work)
{
	struct aerostat *balloon = container_of(work, struct aerostat, resize_work.work);
	unsigned int delay_ms;
	bool more;

	mutex_lock(&balloon->lock);
	more = resize_step(balloon, &delay_ms);
	mutex_unlock(&balloon->lock);
	if (more)
		aerostat_queue(balloon, &balloon->resize_work, delay_ms);
}
