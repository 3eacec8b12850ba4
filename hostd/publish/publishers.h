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
#include "util/clock.h"

struct bus;
struct publishers;

/*
 * `status` may be called from now on. `bus` NULL: there is none. `state_directory` (stays) is where the
 * history of an earlier run is; NULL: there is none. Returns 0 or -ENOMEM.
 */
int publishers_new(sd_event *event, struct bus *bus, status_fn status, void *userdata,
		   const char *state_directory, const struct clock *clock,
		   struct publishers **ret_publishers);

/* Begin, end or move what the configuration in the status says differently from before. */
void publishers_reload(struct publishers *publishers);

/* A round of decisions is over. */
void publishers_tick(struct publishers *publishers);

/* What `status` is to hand on. `publishers` NULL: NULL. */
const struct alarms *publishers_alarms(const struct publishers *publishers);
const struct history *publishers_history(const struct publishers *publishers);

/* The history as bytes for its file, to be freed. Returns 0 or -ENOMEM. */
int publishers_keep(const struct publishers *publishers, void **ret_bytes, size_t *ret_length);

/* At the end: write them, and wait for that. */
void publishers_keep_now(const struct publishers *publishers); /* takes NULL */

void publishers_free(struct publishers *publishers); /* takes NULL */

#endif
