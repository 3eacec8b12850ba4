/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's reclaim counters, which have moved and multiplied over time.
 */
#ifndef AEROSTAT_COMPAT_VMSTAT_H
#define AEROSTAT_COMPAT_VMSTAT_H

#include <linux/mmzone.h>
#include <linux/vmstat.h>

#include "compat/probed.h"

/* Whether pages scanned and reclaimed can be told apart by who did it. */
#define COMPAT_HAS_RECLAIM_COUNTERS COMPAT_HAS_RECLAIM_EVENTS

#if COMPAT_HAS_RECLAIM_COUNTERS
/* Pages scanned, and pages reclaimed, in the background; @events as all_vm_events() fills it. */
static inline unsigned long compat_async_scanned(const unsigned long *events)
{
#if COMPAT_HAS_KHUGEPAGED_EVENTS
	return events[PGSCAN_KSWAPD] + events[PGSCAN_KHUGEPAGED];
#else
	return events[PGSCAN_KSWAPD];
#endif
}

static inline unsigned long compat_async_reclaimed(const unsigned long *events)
{
#if COMPAT_HAS_KHUGEPAGED_EVENTS
	return events[PGSTEAL_KSWAPD] + events[PGSTEAL_KHUGEPAGED];
#else
	return events[PGSTEAL_KSWAPD];
#endif
}
#endif

#endif
