/* SPDX-License-Identifier: GPL-2.0 */
/* Decisions into the log: each once, with the numbers that led to it. */
#ifndef AEROSTAT_PUBLISH_JOURNAL_H
#define AEROSTAT_PUBLISH_JOURNAL_H

#include "publish/alarms.h"
#include <stdbool.h>

#include "source/domains.h"

/*
 * Log vm->decision if its reason, or the target that is to be set, is another than the one last
 * logged, and remember it in `vm`. `dry_run` says that nothing was sent.
 */
void journal_decision(struct vm *vm, const struct host_decision *host, bool dry_run);

/* Log the state of the host, with the numbers behind it. */
void journal_host(const struct host_sample *sample, const struct host_decision *decision);

/* An alarm that is raised or over: a warning or a notice, with the alarm's MESSAGE_ID. */
void journal_alarm(const struct alarm *alarm, const char *text);

#endif
