// SPDX-License-Identifier: GPL-2.0
/*
 * Holds single pages of the balloon for a while, as who walks over all pages does, for tests: what
 * compaction or the handling of a memory failure has for microseconds is held long enough to be met.
 *
 *   insmod hold.ko how=lock count=8            locked, in the balloon
 *   insmod hold.ko how=isolate count=8         isolated, as compaction does with what it will move
 *   insmod hold.ko how=taken count=8 ms=100    locked as soon as each has left the balloon's list
 *
 * `held` counts them. Held until rmmod, or until @ms after the last of the first two kinds; those of
 * the third kind are let go every @ms.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kprobes.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/balloon_compaction.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#define MOST 256

static char *how = "lock";
module_param(how, charp, 0444);
MODULE_PARM_DESC(how, "What is done with a page: lock, isolate or taken");

static uint count = 1;
module_param(count, uint, 0444);
MODULE_PARM_DESC(count, "Pages to hold, at most");

static uint ms;
module_param(ms, uint, 0444);
MODULE_PARM_DESC(ms, "For how long; 0: until rmmod");

static uint held;
module_param(held, uint, 0444);
MODULE_PARM_DESC(held, "Pages held so far (read only)");

static DEFINE_SPINLOCK(lock); /* protects what follows, and held */
static struct page *pages[MOST];
static unsigned int now; /* of pages[], those held now */
static bool isolating;

static void let_go(struct page *page)
{
	if (isolating) {
		lock_page(page);
		balloon_mops.putback_page(page);
		ClearPageIsolated(page);
	}
	unlock_page(page);
	put_page(page);
}

static void let_all_go(struct work_struct *unused)
{
	struct page *page;
	unsigned long flags;

	do {
		spin_lock_irqsave(&lock, flags);
		page = now ? pages[--now] : NULL;
		spin_unlock_irqrestore(&lock, flags);
		if (page)
			let_go(page);
	} while (page);
}

static DECLARE_DELAYED_WORK(let_go_work, let_all_go);

/* Lock a page, with a reference, unless there are enough. Return: whether it is. */
static bool hold(struct page *page)
{
	unsigned long flags;
	bool done = false;

	spin_lock_irqsave(&lock, flags);
	if (held < min_t(uint, count, MOST) && get_page_unless_zero(page)) {
		done = trylock_page(page);
		if (done) {
			pages[now++] = page;
			held++;
		} else {
			put_page(page);
		}
	}
	spin_unlock_irqrestore(&lock, flags);
	return done;
}

static bool is_single(struct page *page)
{
	return page && PageOffline(page) && __PageMovable(page) && page_private(page);
}

static void walk(void)
{
	unsigned long pfn, end = node_end_pfn(first_online_node);
	struct page *page;

	for (pfn = 0; pfn < end && held < count; pfn++) {
		page = pfn_to_online_page(pfn);
		if (!is_single(page) || !hold(page) || !isolating)
			continue;
		if (balloon_mops.isolate_page(page, 0))
			SetPageIsolated(page);
		unlock_page(page);
	}
}

static int entered(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	*(struct list_head **)instance->data = (void *)regs_get_kernel_argument(regs, 1);
	return 0;
}
NOKPROBE_SYMBOL(entered);

static int returned(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct list_head *list = *(struct list_head **)instance->data;

	if (regs_return_value(regs) && hold(list_first_entry(list, struct page, lru)))
		schedule_delayed_work(&let_go_work, msecs_to_jiffies(ms));
	return 0;
}
NOKPROBE_SYMBOL(returned);

static struct kretprobe probe = {
	.kp.symbol_name = "balloon_page_list_dequeue",
	.entry_handler = entered,
	.handler = returned,
	.data_size = sizeof(struct list_head *),
};

static int __init hold_init(void)
{
	if (!strcmp(how, "taken"))
		return register_kretprobe(&probe);
	isolating = !strcmp(how, "isolate");
	walk();
	pr_info("%u pages\n", held);
	if (ms)
		schedule_delayed_work(&let_go_work, msecs_to_jiffies(ms));
	return 0;
}

static void __exit hold_exit(void)
{
	if (!strcmp(how, "taken"))
		unregister_kretprobe(&probe);
	cancel_delayed_work_sync(&let_go_work);
	let_all_go(NULL);
}

module_init(hold_init);
module_exit(hold_exit);

MODULE_AUTHOR("The Aerostat developers");
MODULE_DESCRIPTION("Holder of the balloon's pages, for the tests of aerostat");
MODULE_LICENSE("GPL");
