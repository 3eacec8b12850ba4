// SPDX-License-Identifier: GPL-2.0
/*
 * PAGE_POISON: whether the content of free pages means something to this kernel, and what it is.
 *
 * A kernel that fills pages when they are freed expects to find them so. A device that discards
 * pages makes them zero; it must know what they should be, or leave free pages alone. Filling pages
 * that come back is the kernel's own doing, when they are freed.
 */
#include <linux/mm.h>
#include <linux/poison.h>

#include "poison.h"

/* Return: whether free pages have a content to keep. */
bool poison_wanted(void)
{
	return want_init_on_free() || page_poisoning_enabled_static();
}

/* Return: what each four bytes of a free page hold. The kernel does one or the other, not both. */
u32 poison_value(void)
{
	if (want_init_on_free() || !page_poisoning_enabled_static())
		return 0;
	return PAGE_POISON * 0x01010101u;
}
