// SPDX-License-Identifier: GPL-2.0
/*
 * DEFLATE_ON_OOM: the guest takes pages back before the kernel looks for a process to kill.
 *
 * The kernel calls the notifier in the task that found no memory. Who holds the lock allocates only
 * without the OOM killer, and waits for the device only for a bounded time; but it may reclaim, and
 * reclaim may wait for a lock that this very task has. So the wait for ours has an end too, and a
 * step of inflation under way ends when it sees that somebody waits. How much is given, and how long
 * nothing is taken afterwards, is the guard's to say.
 *
 * A device that has failed, or did not come back from a suspend, is not asked: the guest then gets the
 * pages that it has no claim on, but none in limbo.
 */
#include <linux/jiffies.h>
#include <linux/oom.h>
#include <linux/sched.h>
#include <linux/virtio_config.h>

#include "aerostat.h"
#include "trace.h"

/* How long a task without memory waits for the balloon before the kernel goes on without it. */
#define OOM_LOCK_MS 5000

/*
 * How long one relief goes on with steps, each of which may wait for the device: the task gets what
 * there is by then, and if that is not enough the kernel asks again.
 */
#define OOM_RELIEF_MS 5000

/*
 * Give up to @pages back to the guest; `lock` held. First what the device need not hear of; the rest
 * only from a device that serves, and where each page must wait for its word, a block at a time.
 * Return: how many it got.
 */
static unsigned long relieve(struct aerostat *balloon, unsigned long pages)
{
	unsigned long most = virtio_has_feature(balloon->vdev, BALLOON_F_MUST_TELL_HOST)
				     ? 1ul << block_max_order()
				     : ULONG_MAX;
	unsigned long deadline = jiffies + msecs_to_jiffies(OOM_RELIEF_MS);
	unsigned long freed, total = deflate_unclaimed(balloon, pages);

	while (total < pages && balloon->state == DEVICE_RUNNING) {
		if (deflate_step(balloon, min(pages - total, most), &freed) || !freed)
			break;
		total += freed;
		if (time_after(jiffies, deadline))
			break;
	}
	return total;
}

/* Decide how much the guest gets, and give it; `lock` held. Return: pages it got. */
static unsigned long oom_step(struct aerostat *balloon)
{
	struct guard_memory memory;
	unsigned long pages;
	u64 wanted_bytes;
	bool first;

	if (!resize_pages(balloon))
		return 0;
	memory_read(balloon, &memory);
	first = guard_wait_reason(&balloon->guard, resize_now_ms()) != GUARD_OOM;
	wanted_bytes = guard_oom(&balloon->guard, &memory, resize_now_ms());
	pages = relieve(balloon, wanted_bytes >> PAGE_SHIFT);
	guard_oom_relieved(&balloon->guard, (u64)pages << PAGE_SHIFT);
	balloon->counters.oom_calls++;
	balloon->counters.oom_pages += pages;
	trace_oom(balloon->vdev, wanted_bytes, pages);
	if (balloon->state == DEVICE_FAILED)
		balloon->guard.stop = GUARD_DEVICE;
	if (first && pages)
		dev_info(
			&balloon->vdev->dev,
			"the guest ran out of memory: gave back %lu pages, no inflation for %u s\n",
			pages, GUARD_OOM_HOLD_MS / 1000);
	if (balloon->state == DEVICE_RUNNING)
		resize_update_actual(balloon);
	return pages;
}

/* Return: whether `lock` was had in time. Its holder is told to hurry. */
static bool lock_in_time(struct aerostat *balloon)
{
	/* Counted, as time jumps when the host has stopped the guest. */
	unsigned long waits = msecs_to_jiffies(OOM_LOCK_MS);
	bool locked;

	atomic_inc(&balloon->oom_waiting);
	while (!(locked = mutex_trylock(&balloon->lock)) && waits--)
		schedule_timeout_uninterruptible(1);
	atomic_dec(&balloon->oom_waiting);
	return locked;
}

static int oom_notify(struct notifier_block *notifier, unsigned long unused, void *ret_freed)
{
	struct aerostat *balloon = container_of(notifier, struct aerostat, oom_notifier);
	unsigned long *freed = ret_freed;
	unsigned long pages;

	if (!lock_in_time(balloon))
		return NOTIFY_OK;
	pages = oom_step(balloon);
	mutex_unlock(&balloon->lock);
	if (pages) {
		*freed += pages;
		/* Only the work knows what it waits for besides, such as pages that are being moved. */
		aerostat_queue(balloon, &balloon->resize_work, 0);
	}
	return NOTIFY_OK;
}

/* Start listening, if the device allows it. Return: 0 or what the kernel says. */
int oom_init(struct aerostat *balloon)
{
	if (balloon->use == BLOCK_CHARGED)
		return 0;
	balloon->oom_notifier.notifier_call = oom_notify;
	return register_oom_notifier(&balloon->oom_notifier);
}

/* Stop listening; when this returns no call is under way. */
void oom_uninit(struct aerostat *balloon)
{
	if (balloon->use != BLOCK_CHARGED)
		unregister_oom_notifier(&balloon->oom_notifier);
}
