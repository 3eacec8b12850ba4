/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon on D-Bus: name org.aerostat1, object /org/aerostat1, interface
 * org.aerostat1.Manager:
 *
 *   method    Status() -> (a{sv} host, aa{sv} vms)   the state after the last tick
 *   property  Version (s)
 *
 * The dictionaries' keys are those of `aerostatctl status --json`, listed in aerostatctl(1); a
 * number that is not known has no entry. Sizes are KiB, of type t.
 */
#ifndef AEROSTAT_PUBLISH_BUS_H
#define AEROSTAT_PUBLISH_BUS_H

#include <systemd/sd-event.h>

#include "publish/alarms.h"
#include "publish/status.h"

#define BUS_NAME      "org.aerostat1"
#define BUS_PATH      "/org/aerostat1"
#define BUS_INTERFACE "org.aerostat1.Manager"

enum bus_kind {
	BUS_SYSTEM,
	BUS_SESSION,
	BUS_NONE,
};

/* "system", "session" or "none". Returns 0 or -EINVAL. */
int bus_kind_parse(const char *text, enum bus_kind *ret_kind);

/* Where the daemon is found unless told otherwise: on the system bus for root. */
enum bus_kind bus_kind_default(void);

struct bus;

/*
 * Connect and take the name. Returns 0; -EEXIST: the name is taken, so another daemon moves this
 * host's memory; or another negative errno: there is no such bus, or it does not let us.
 * BUS_NONE is not to be passed.
 */
int bus_new(sd_event *event, enum bus_kind kind, status_fn status, void *userdata,
	    struct bus **ret_bus);

/* Tell of an alarm; `text` is for people. */
void bus_emit_alarm(struct bus *bus, const struct alarm *alarm, const char *text);

void bus_free(struct bus *bus); /* takes NULL */

#endif
