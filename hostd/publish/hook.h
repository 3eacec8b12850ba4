/* SPDX-License-Identifier: GPL-2.0 */
/* The operator's own command, run for each alarm. */
#ifndef AEROSTAT_PUBLISH_HOOK_H
#define AEROSTAT_PUBLISH_HOOK_H

#include <systemd/sd-event.h>

#include "publish/alarms.h"

struct hook;

/* `event` is watched for the command's end. Returns 0 or -ENOMEM. */
int hook_new(sd_event *event, struct hook **ret_hook);

/*
 * Run `command` (a full path) as
 *   COMMAND ALARM raised|cleared VM|- UUID|- VALUE LIMIT TEXT
 * VALUE and LIMIT in thousandths (of the whole; for latencies of a millisecond), - where there is none. Does not wait; the command may take 30 s,
 * and of more than 8 at once the later ones are skipped, with a warning.
 */
void hook_run(struct hook *hook, const char *command, const struct alarm *alarm, const char *text);

/* Commands that still run are ended. Takes NULL. */
void hook_free(struct hook *hook);

#endif
