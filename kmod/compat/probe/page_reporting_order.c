// SPDX-License-Identifier: GPL-2.0
/* A device can say how large blocks must be to be reported (since 5.14). */
#include <linux/page_reporting.h>

unsigned int probe(struct page_reporting_dev_info *info);
unsigned int probe(struct page_reporting_dev_info *info)
{
	return info->order;
}
