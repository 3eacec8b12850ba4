// SPDX-License-Identifier: GPL-2.0
/* What khugepaged scans and reclaims is counted apart from kswapd (since 6.2). */
#include <linux/mm.h>
#include <linux/vmstat.h>

int probe(void);
int probe(void)
{
	return PGSCAN_KHUGEPAGED + PGSTEAL_KHUGEPAGED;
}
