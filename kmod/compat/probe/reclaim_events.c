// SPDX-License-Identifier: GPL-2.0
/*
 * Scanned and reclaimed pages are VM events; later kernels make them node statistics of the same
 * names. Enumerators are plain integers to the compiler, so look at the neighbours: PGSTEAL_KSWAPD
 * follows PGREUSE where, and only where, both are VM events.
 */
#include <linux/build_bug.h>
#include <linux/mm.h>
#include <linux/vmstat.h>

static_assert(PGSTEAL_KSWAPD == PGREUSE + 1);

int probe(void);
int probe(void)
{
	return PGSCAN_KSWAPD + PGSCAN_DIRECT + PGSTEAL_DIRECT;
}
