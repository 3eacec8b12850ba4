/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the guest has. See memory.c.
 */
#ifndef AEROSTAT_MEMORY_H
#define AEROSTAT_MEMORY_H

#include <linux/types.h>

#include "guard.h"

struct aerostat;

int memory_init(struct aerostat *balloon);
void memory_uninit(struct aerostat *balloon);
void memory_read(const struct aerostat *balloon, struct guard_memory *ret_memory);
unsigned long memory_allowance_pages(const struct aerostat *balloon, enum guard_stop *ret_limit);

#endif
