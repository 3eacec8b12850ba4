// SPDX-License-Identifier: GPL-2.0
/* Taking a page out of the core is called finalize (6.1 stable and later), before that delete. */
#include <linux/mm.h>
#include <linux/balloon_compaction.h>
#include <linux/mm.h>

void probe(struct page *page);
void probe(struct page *page)
{
	balloon_page_finalize(page);
}
