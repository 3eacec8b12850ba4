/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What free pages of this kernel hold. See poison.c.
 */
#ifndef AEROSTAT_POISON_H
#define AEROSTAT_POISON_H

#include <linux/types.h>

bool poison_wanted(void);
u32 poison_value(void);

#endif
