/* SPDX-License-Identifier: GPL-2.0 */
/* The operator's own command, run for each alarm. */
#ifndef AEROSTAT_PUBLISH_HOOK_H
#define AEROSTAT_PUBLISH_HOOK_H

#include "publish/alarms.h"

struct hook;

int hook_new(struct hook **ret_hook); /* returns 0 or -ENOMEM */

/*
 * Run `path` (a full one) as
 *   COMMAND ALARM raised|cleared VM|- UUID|- VALUE LIMIT TEXT
 * VALUE and LIMIT in thousandths (of the whole; for latencies of a millisecond), - where there is none. Waits for nothing, not
 * even for the file system that the command is on. The command may take 30 s, 8 run at once, and 256
 * wait; what is more is skipped, with a warning.
 */
void hook_run(struct hook *hook, const char *path, const struct alarm *alarm, const char *text);

/* Commands that still run are killed; one that cannot be is left behind after a second. Takes NULL. */
void hook_free(struct hook *hook);

#endif
