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
 * The kernel's event counters are the set's business (pages.c), so what the core counts for itself
 * is taken back here.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include "compat/balloon.h"
#include "movable.h"

#if COMPAT_HAS_BALLOON_CORE

/* Allocated on its own: should a page never come back, this outlives the balloon. */
struct movable {
	struct balloon_dev_info info;
	movable_replace *replace;
	void *context;
};

/* The core has locked both pages; @page is isolated, @fresh is nobody's. Return: 0 or an error. */
static int migrate(struct balloon_dev_info *info, struct page *fresh, struct page *page,
		   enum migrate_mode mode)
{
	struct movable *movable = container_of(info, struct movable, info);
	unsigned long flags;
	int err;

	if (!movable->replace)
		return -EAGAIN;
	/* It may not be inserted before the device has it, as it could be taken out at once. */
	err = movable->replace(movable->context, fresh, page);
	if (err)
		return err;
	get_page(fresh);
	spin_lock_irqsave(&info->pages_lock, flags);
	balloon_page_insert(info, fresh);
	info->isolated_pages--;
	__count_vm_event(BALLOON_MIGRATE);
	spin_unlock_irqrestore(&info->pages_lock, flags);
	compat_balloon_page_finalize(page);
	put_page(page);
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

/* All pages should have been taken. NULL is fine. */
void movable_free(struct movable *movable)
{
	if (!movable)
		return;
	if (WARN_ON_ONCE(movable->info.isolated_pages)) {
		/* Who has isolated them may still call back: keep what that needs, code included. */
		movable->replace = NULL;
		__module_get(THIS_MODULE);
		return;
	}
	kfree(movable);
}

/* Put a page, which must be marked for nothing, under the core's care. */
void movable_add(struct movable *movable, struct page *page)
{
	balloon_page_enqueue(&movable->info, page);
	count_vm_events(BALLOON_INFLATE, -1);
}

/* Return: a page that is marked for nothing any more, or NULL when all there are is isolated. */
struct page *movable_take(struct movable *movable)
{
	struct page *page = balloon_page_dequeue(&movable->info);

	if (page)
		count_vm_events(BALLOON_DEFLATE, -1);
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
