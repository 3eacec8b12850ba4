// SPDX-License-Identifier: GPL-2.0
/*
 * What the guest has: its size, what is available, the floor it is to keep; and the word when memory
 * is added, so that a balloon which waits for some can go on.
 */
#include <linux/memory.h>
#include <linux/mm.h>
#include <linux/module.h>

#include "aerostat.h"

static unsigned int floor_mib = CONFIG_AEROSTAT_FLOOR_MIB;
module_param(floor_mib, uint, 0644);
MODULE_PARM_DESC(floor_mib, "Size the guest keeps in any case, MiB; 0: by the size it was given");

/*
 * Read what there is now. Without `lock` the balloon's share is a guess. The guest's size is that of
 * its memory, what the kernel keeps for itself included: that is what its host gave it.
 */
void memory_read(const struct aerostat *balloon, struct guard_memory *ret_memory)
{
	u64 total_bytes = (u64)get_num_physpages() << PAGE_SHIFT;
	u64 floor_bytes = (u64)READ_ONCE(floor_mib) << 20;

	*ret_memory = (struct guard_memory){
		.total_bytes = total_bytes,
		.balloon_bytes = (u64)resize_pages(balloon) << PAGE_SHIFT,
		.available_bytes = (u64)max(si_mem_available(), 0l) << PAGE_SHIFT,
		.floor_bytes = floor_bytes ?: guard_floor_bytes(total_bytes),
	};
}

/* Return: pages that may be taken from the guest now, and in @ret_limit what bounds them. */
unsigned long memory_allowance_pages(const struct aerostat *balloon, enum guard_stop *ret_limit)
{
	struct guard_memory memory;

	memory_read(balloon, &memory);
	return guard_allowance_bytes(&balloon->guard, &memory, resize_now_ms(), ret_limit) >>
	       PAGE_SHIFT;
}

static int memory_event(struct notifier_block *notifier, unsigned long action, void *unused)
{
	struct aerostat *balloon = container_of(notifier, struct aerostat, memory_notifier);

	if (action == MEM_ONLINE) {
		WRITE_ONCE(balloon->memory_changed, true);
		aerostat_queue(balloon, &balloon->resize_work, 0);
	}
	return NOTIFY_OK;
}

/* Listen for memory that is added. Return: 0 or what the kernel says. */
int memory_init(struct aerostat *balloon)
{
	balloon->memory_notifier.notifier_call = memory_event;
	return register_memory_notifier(&balloon->memory_notifier);
}

/* When this returns no call is under way. */
void memory_uninit(struct aerostat *balloon)
{
	unregister_memory_notifier(&balloon->memory_notifier);
}
