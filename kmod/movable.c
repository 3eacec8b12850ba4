// SPDX-License-Identifier: GPL-2.0
/*
 * Single pages that compaction can move.
 *
 * A single page of the balloon in the middle of free memory keeps a huge page from forming. The
 * kernel's balloon core knows how to move such pages: it takes one off our list (isolates it), calls
 * us to put another in its place, and frees the first. Larger blocks are not its business.
 *
 * A page that is isolated is still counted by its set, but cannot be taken from here until it, or the
 * one in its place, is back. That is soon: compaction either moves it or gives up.
 *
 * Who walks over all pages, compaction or the handling of memory failures, may have one locked that
 * is just coming or going. The core's own function for putting pages in takes that for a bug and
 * stops the kernel, hence ours, which waits.
 *
 * The kernel's event counters are the set's business (pages.c), so what the core counts for itself
 * is taken back here.
 */
#include <linux/delay.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "compat/balloon.h"
#include "movable.h"

#if COMPAT_HAS_BALLOON_CORE

struct movable {
	struct balloon_dev_info info;
	movable_replace *replace;
	void *context;
	bool called; /* by the core, ever */
};

/* The core has locked both pages; @page is isolated, @fresh is nobody's. Return: 0 or an error. */
static int migrate(struct balloon_dev_info *info, struct page *fresh, struct page *page,
		   enum migrate_mode mode)
{
	struct movable *movable = container_of(info, struct movable, info);
	unsigned long flags;
	int err;

	WRITE_ONCE(movable->called, true);
	/* It may not be inserted before the device has it, as it could be taken out at once. */
	err = movable->replace(movable->context, fresh, page);
	if (err)
		return err;
	get_page(fresh);
	spin_lock_irqsave(&info->pages_lock, flags);
	balloon_page_insert(info, fresh);
	__count_vm_event(BALLOON_MIGRATE);
	spin_unlock_irqrestore(&info->pages_lock, flags);
	compat_balloon_page_finalize(page);
	put_page(page);
	/* The last thing: movable_free() waits for it. */
	spin_lock_irqsave(&info->pages_lock, flags);
	info->isolated_pages--;
	spin_unlock_irqrestore(&info->pages_lock, flags);
	return 0;
}

bool movable_supported(void)
{
	return true;
}

gfp_t movable_gfp(void)
{
	return balloon_mapping_gfp_mask();
}

/* Return: an empty one, or NULL when there is no memory. */
struct movable *movable_new(movable_replace *replace, void *context)
{
	struct movable *movable = kzalloc(sizeof(*movable), GFP_KERNEL);

	if (!movable)
		return NULL;
	balloon_devinfo_init(&movable->info);
	movable->info.migratepage = migrate;
	movable->replace = replace;
	movable->context = context;
	return movable;
}

static bool anything_isolated(struct movable *movable)
{
	unsigned long flags;
	bool isolated;

	spin_lock_irqsave(&movable->info.pages_lock, flags);
	isolated = movable->info.isolated_pages;
	spin_unlock_irqrestore(&movable->info.pages_lock, flags);
	return isolated;
}

/* All pages have been taken; a migration of one of them may still be about to end. NULL is fine. */
void movable_free(struct movable *movable)
{
	if (!movable)
		return;
	while (anything_isolated(movable))
		msleep(1);
	/* Who has said so may have been preempted before he was out of this code, which may go next. */
	if (READ_ONCE(movable->called))
		synchronize_rcu_tasks();
	kfree(movable);
}

/* Put a page, which must be marked for nothing, under the core's care. May sleep. */
void movable_add(struct movable *movable, struct page *page)
{
	unsigned long flags;

	lock_page(page);
	spin_lock_irqsave(&movable->info.pages_lock, flags);
	balloon_page_insert(&movable->info, page);
	spin_unlock_irqrestore(&movable->info.pages_lock, flags);
	unlock_page(page);
}

/*
 * Return: a page that is marked for nothing any more, or NULL when all there are is isolated or
 * locked just now, or there are none. May sleep.
 */
struct page *movable_take(struct movable *movable)
{
	struct page *page;
	LIST_HEAD(pages);

	/* Of one page the core takes it for a bug that there is none. */
	if (!balloon_page_list_dequeue(&movable->info, &pages, 1))
		return NULL;
	count_vm_events(BALLOON_DEFLATE, -1);
	page = list_first_entry(&pages, struct page, lru);
	list_del(&page->lru);
	/* The core leaves a mark that it can be moved, for whoever holds it isolated; nobody does. */
	lock_page(page);
	page->mapping = NULL;
	unlock_page(page);
	return page;
}

#else

bool movable_supported(void)
{
	return false;
}

gfp_t movable_gfp(void)
{
	return GFP_HIGHUSER;
}

struct movable *movable_new(movable_replace *replace, void *context)
{
	return NULL;
}

void movable_free(struct movable *movable)
{
}

void movable_add(struct movable *movable, struct page *page)
{
}

struct page *movable_take(struct movable *movable)
{
	return NULL;
}

#endif
