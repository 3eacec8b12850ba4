/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's free page reporting.
 */
#ifndef AEROSTAT_COMPAT_REPORTING_H
#define AEROSTAT_COMPAT_REPORTING_H

#include <linux/page_reporting.h>

#include "compat/probed.h"

/* Have blocks of 2^@order pages and more reported; older kernels go by their pageblocks. */
static inline void compat_reporting_order(struct page_reporting_dev_info *info, unsigned int order)
{
#if COMPAT_HAS_PAGE_REPORTING_ORDER
	info->order = order;
#endif
}

#endif
