/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's balloon core, as far as this module uses it.
 */
#ifndef AEROSTAT_COMPAT_BALLOON_H
#define AEROSTAT_COMPAT_BALLOON_H

#include "compat/probed.h"

#if COMPAT_HAS_BALLOON_CORE
#include <linux/balloon_compaction.h>
#include <linux/mm.h>
#include <linux/vmstat.h>

/* Make an isolated page, which must be locked, an ordinary one again. */
static inline void compat_balloon_page_finalize(struct page *page)
{
#if COMPAT_HAS_BALLOON_PAGE_FINALIZE
	balloon_page_finalize(page);
#else
	balloon_page_delete(page);
#endif
}
#endif

#endif
