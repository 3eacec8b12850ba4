// SPDX-License-Identifier: GPL-2.0
/*
 * Towards the target: reads what the device wants, does one step, tells it the result, and decides
 * when to go on.
 *
 * One work item does all of it, and holds the lock for a step at a time. It runs when the device
 * changes its configuration, again while something is left to do, and after a pause when the guest
 * could not give more.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/virtio_config.h>

#include "aerostat.h"
#include "trace.h"

/* After this, pages that were all being moved are asked for again. */
#define MOVING_PAUSE_MS 100

/*
 * How long one run of the work goes on with steps. Queueing the work anew for each wakes another CPU
 * every time: it finds nothing, and on QEMU its timers and clocks compete with the device for the big
 * lock. But a guest that is to be frozen waits for the end of a run.
 */
#define RUN_MOST_MS 100

/*
 * Return: the clock of the guard, in milliseconds: that of the last tick, as reading a precise one
 * leaves the guest where there is no reliable TSC, and the guard asks several times a step.
 */
u64 resize_now_ms(void)
{
	return ktime_to_ms(ktime_get_coarse());
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

static const char *failure(int err)
{
	switch (err) {
	case -ETIMEDOUT:
		return "does not acknowledge";
	case -ECONNABORTED:
		return "asks for a reset";
	default:
		return "is broken";
	}
}

/* The device has failed with @err: it serves no more; `lock` held, device running until now. */
void resize_fail(struct aerostat *balloon, int err)
{
	/* First: who waits for a queue looks when he has it, and a line on a slow console takes its time. */
	WRITE_ONCE(balloon->state, DEVICE_FAILED);
	balloon->guard.stop = GUARD_DEVICE;
	dev_err(&balloon->vdev->dev,
		"the device %s (error %d): the balloon is stuck at %lu pages, %lu of them in transit, until it is rebound or reset\n",
		failure(err), err, resize_pages(balloon) + balloon->limbo.pages,
		balloon->limbo.pages);
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
	blocks_move(step, &balloon->limbo);
	resize_fail(balloon, err);
	return -EIO;
}

/* Note why a step ended short; the first of an episode for this reason is worth a line. */
static void stopped(struct aerostat *balloon, enum guard_stop stop, u64 available_bytes)
{
	u32 held_frames = wire_pages_to_frames(resize_pages(balloon));
	u64 now_ms = resize_now_ms();

	balloon->counters.stops++;
	balloon->counters.last_stop = stop;
	balloon->counters.last_stop_ms = now_ms;
	if (guard_stopped(&balloon->guard, stop, available_bytes, now_ms))
		/* A host that asks for the possible and the impossible in turn begins many episodes. */
		dev_info_ratelimited(&balloon->vdev->dev, "stopped at %u of %u frames: %s\n",
				     held_frames, balloon->target_frames, guard_stop_name(stop));
	trace_stop(balloon->vdev, guard_stop_name(stop), guard_wait_ms(&balloon->guard, now_ms),
		   held_frames, balloon->target_frames);
}

/*
 * Whether the device has given up until it is reset. It says so with a change of its configuration,
 * and then says and does nothing more.
 */
static bool wants_reset(struct aerostat *balloon)
{
	if (!atomic_xchg(&balloon->config_changed, 0))
		return false;
	return balloon->vdev->config->get_status(balloon->vdev) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/* Take note of what has happened since the last step: a new target, more memory. */
static void look(struct aerostat *balloon)
{
	u32 target_frames;

	virtio_cread_le(balloon->vdev, struct balloon_config, num_pages, &target_frames);
	if (target_frames != balloon->target_frames) {
		balloon->target_frames = target_frames;
		guard_new_target(&balloon->guard);
	}
	if (READ_ONCE(balloon->memory_changed)) {
		WRITE_ONCE(balloon->memory_changed, false);
		guard_memory_changed(&balloon->guard);
	}
	if (guard_wait_ms(&balloon->guard, resize_now_ms()))
		guard_look(&balloon->guard, (u64)max(si_mem_available(), 0l) << PAGE_SHIFT);
}

/*
 * Time since @begin_ns on local_clock(), which is as precise as can be had without leaving the guest,
 * but may go back a little between CPUs.
 */
static u64 elapsed_us(u64 begin_ns)
{
	s64 elapsed_ns = local_clock() - begin_ns;

	return elapsed_ns > 0 ? div_u64(elapsed_ns, NSEC_PER_USEC) : 0;
}

/*
 * One step towards the target; `lock` held, device running.
 * Return: 0, in @ret_stop why it ended short (GUARD_NONE when it did not) and in @ret_pause_ms how
 * long to wait all the same; or an error of resize_settle().
 */
static int move(struct aerostat *balloon, unsigned long target, enum guard_stop *ret_stop,
		unsigned int *ret_pause_ms)
{
	unsigned long told = balloon->held.pages + balloon->reported.pages;
	unsigned long all = resize_pages(balloon), freed;
	u64 begin_ns = local_clock();
	u64 moved;
	int err;

	*ret_pause_ms = 0;
	if (target > told) {
		enum guard_stop wait = guard_wait_reason(&balloon->guard, resize_now_ms());

		/* Only what the device has forgotten can move while the guard waits. */
		if (wait != GUARD_NONE && !balloon->untold.pages) {
			*ret_stop = wait;
			return 0;
		}
		moved = balloon->counters.inflated_pages;
		err = inflate_step(balloon, target - told, ret_stop);
		moved = balloon->counters.inflated_pages - moved;
		if (!err)
			guard_moved(&balloon->guard, moved << PAGE_SHIFT);
		/* Reclaim gives a little at a time; it is at its end when it gives nothing. */
		if (!err && *ret_stop == GUARD_ALLOCATION && moved)
			*ret_stop = GUARD_NONE;
		balloon->counters.inflate_us += elapsed_us(begin_ns);
		return err;
	}
	*ret_stop = GUARD_NONE;
	if (target >= all)
		return 0;
	err = deflate_step(balloon, all - target, &freed);
	if (!err && !freed)
		*ret_pause_ms = MOVING_PAUSE_MS;
	balloon->counters.deflate_us += elapsed_us(begin_ns);
	return err;
}

/* One step; `lock` held. Return: whether there is more to do, then after @ret_delay_ms. */
static bool resize_step(struct aerostat *balloon, unsigned int *ret_delay_ms)
{
	struct guard_memory memory;
	unsigned int pause_ms;
	enum guard_stop stop;
	unsigned long target;
	int err;

	if (balloon->state != DEVICE_RUNNING)
		return false;
	if (wants_reset(balloon)) {
		resize_fail(balloon, -ECONNABORTED);
		return false;
	}
	look(balloon);
	target = wire_frames_to_pages(balloon->target_frames);
	err = move(balloon, target, &stop, &pause_ms);
	if (err == -EIO)
		return false;
	if (err)
		stop = GUARD_QUEUE;
	resize_update_actual(balloon);

	if (target == balloon->held.pages + balloon->reported.pages && !balloon->untold.pages) {
		guard_at_target(&balloon->guard);
		return false;
	}
	if (stop == GUARD_NONE) {
		*ret_delay_ms = pause_ms;
		return true;
	}
	/* A wait that was on before is no new stop. */
	if (!guard_wait_ms(&balloon->guard, resize_now_ms())) {
		memory_read(balloon, &memory);
		stopped(balloon, stop, memory.available_bytes);
	}
	*ret_delay_ms = target < resize_pages(balloon)
				? guard_deflate_pause_ms(&balloon->guard, resize_now_ms())
				: guard_pause_ms(&balloon->guard, resize_now_ms());
	return true;
}

/* Whether another step may follow in this run: nobody waits for its end. */
static bool may_go_on(struct aerostat *balloon, unsigned long end)
{
	return READ_ONCE(balloon->run) && !atomic_read(&balloon->oom_waiting) &&
	       time_before(jiffies, end);
}

void resize_work(struct work_struct *work)
{
	struct aerostat *balloon = container_of(work, struct aerostat, resize_work.work);
	unsigned long end = jiffies + msecs_to_jiffies(RUN_MOST_MS);
	unsigned int delay_ms;
	bool more;

	do {
		mutex_lock(&balloon->lock);
		more = resize_step(balloon, &delay_ms);
		mutex_unlock(&balloon->lock);
		cond_resched();
	} while (more && !delay_ms && may_go_on(balloon, end));
	if (more)
		aerostat_queue(balloon, &balloon->resize_work, delay_ms);
}
