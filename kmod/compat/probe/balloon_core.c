// SPDX-License-Identifier: GPL-2.0
/* The balloon core is there, moves pages, and leaves lists and counts to the driver. */
#include <linux/mm.h>
#include <linux/balloon_compaction.h>
#include <linux/mm.h>
#include <linux/vmstat.h>

#ifndef CONFIG_BALLOON_COMPACTION
#error "nothing moves"
#endif

struct page *probe(struct balloon_dev_info *info, struct page *page);
struct page *probe(struct balloon_dev_info *info, struct page *page)
{
	LIST_HEAD(pages);

	balloon_devinfo_init(info);
	balloon_page_insert(info, page);
	info->isolated_pages = BALLOON_MIGRATE;
	return balloon_page_list_dequeue(info, &pages, 1) ? page : NULL;
}
