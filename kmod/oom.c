// SPDX-License-Identifier: GPL-2.0
/*
 * DEFLATE_ON_OOM: the guest takes pages back before the kernel looks for a process to kill.
 *
 * The kernel calls the notifier in the task that found no memory. Waiting for the lock there is
 * safe: who holds it allocates only without the OOM killer, and waits for the device only for a
 * bounded time. How much is given, and how long nothing is taken afterwards, is the guard's to say.
 */
#include <linux/oom.h>

#include "aerostat.h"

/* Give up to @pages back to the guest; `lock` held. Return: how many it got. */
static unsigned long relieve(struct aerostat *balloon, unsigned long pages)
{
	unsigned long freed, total = 0;

	while (total < pages) {
		if (deflate_step(balloon, pages - total, &freed) || !freed)
			break;
		total += freed;
	}
	return total;
}

static int oom_notify(struct notifier_block *notifier, unsigned long unused, void *ret_freed)
{
	struct aerostat *balloon = container_of(notifier, struct aerostat, oom_notifier);
	unsigned long *freed = ret_freed;
	unsigned long pages = 0;

	mutex_lock(&balloon->lock);
	if (balloon->state == DEVICE_RUNNING && resize_pages(balloon)) {
		bool first = !guard_wait_ms(&balloon->guard, resize_now_ms());
		u32 relief_bytes = guard_oom(&balloon->guard, resize_now_ms());

		pages = relieve(balloon, relief_bytes >> PAGE_SHIFT);
		if (first)
			dev_info(
				&balloon->vdev->dev,
				"the guest ran out of memory: gave back %lu pages, no inflation for %u s\n",
				pages, GUARD_OOM_HOLD_MS / 1000);
		balloon->counters.oom_calls++;
		balloon->counters.oom_pages += pages;
		if (balloon->state == DEVICE_RUNNING)
			resize_update_actual(balloon);
	}
	mutex_unlock(&balloon->lock);
	if (pages) {
		*freed += pages;
		aerostat_queue(balloon, &balloon->resize_work, GUARD_OOM_HOLD_MS);
	}
	return NOTIFY_OK;
}

/* Start listening, if the device allows it. Return: 0 or what the kernel says. */
int oom_init(struct aerostat *balloon)
{
	if (balloon->charge)
		return 0;
	balloon->oom_notifier.notifier_call = oom_notify;
	return register_oom_notifier(&balloon->oom_notifier);
}

/* Stop listening; when this returns no call is under way. */
void oom_uninit(struct aerostat *balloon)
{
	if (!balloon->charge)
		unregister_oom_notifier(&balloon->oom_notifier);
}
