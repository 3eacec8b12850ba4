/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the device is told in hints, and what becomes of the memory: tests for a guest whose device
 * takes hints and whose kernel does not zero what it allocates.
 */
#ifndef GUEST_HINTS_H
#define GUEST_HINTS_H

#include "harness/test.h"

#define HINT_QUEUE 3 /* after inflate, deflate and statistics */

/* Each request is answered once, with its number first, and with STOP at the end. */
void hints_keep_protocol(struct test *t);
/* Memory given back before the device is done with it has been written to. */
void hints_filled_early(struct test *t);

#endif
