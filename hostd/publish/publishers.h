/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that tells of the daemon's state but the bus, which decides whether it may run at all: the
 * metrics by HTTP and as a file, each only where the configuration asks for it; and alarms, to the
 * journal, the bus and the operator's hook.
 */
#ifndef AEROSTAT_PUBLISH_PUBLISHERS_H
#define AEROSTAT_PUBLISH_PUBLISHERS_H

#include <systemd/sd-event.h>

#include "publish/status.h"

struct bus;
struct publishers;

/* `status` may be called from now on. `bus` NULL: there is none. Returns 0 or -ENOMEM. */
int publishers_new(sd_event *event, struct bus *bus, status_fn status, void *userdata,
		   struct publishers **ret_publishers);

/* Begin, end or move what the configuration in the status says differently from before. */
void publishers_reload(struct publishers *publishers);

/* A round of decisions is over. */
void publishers_tick(struct publishers *publishers);

/* What `status` is to hand on. `publishers` NULL: NULL. */
const struct alarms *publishers_alarms(const struct publishers *publishers);
const struct history *publishers_history(const struct publishers *publishers);

void publishers_free(struct publishers *publishers); /* takes NULL */

#endif
