/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon on D-Bus: name org.aerostat1, object /org/aerostat1, interface
 * org.aerostat1.Manager, and an object per VM; data/org.aerostat1.xml has all members.
 *
 * Status() returns the state after the last tick as dictionaries, whose keys are those of
 * `aerostatctl status --json`, listed in aerostatctl(1); a number that is not known has no entry.
 * Sizes are KiB, of type t.
 */
#ifndef AEROSTAT_PUBLISH_BUS_H
#define AEROSTAT_PUBLISH_BUS_H

#include <systemd/sd-event.h>

#include "conf/metadata.h"
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

#define BUS_ERROR_NO_SUCH_VM "org.aerostat1.Error.NoSuchVM"
#define BUS_ERROR_REFUSED    "org.aerostat1.Error.Refused" /* the message says why */
#define BUS_ERROR_NOT_READY  "org.aerostat1.Error.NotReady" /* of Reserve: -EAGAIN */

/* The outcome of an order: `error` 0, or a negative errno and why. */
typedef void (*order_done_fn)(void *userdata, int error, const char *why);

/*
 * What is carried out when the bus orders it. On failure (-EINVAL, -ERANGE, -ENOENT, -EAGAIN)
 * ret_why says why in words.
 */
struct bus_orders {
	/* Calls done() later when it returns 0. */
	int (*set)(void *userdata, const char *uuid, const struct tune_change *changes,
		   size_t n_changes, bool persistent, order_done_fn done, void *done_userdata,
		   struct conf_error *ret_why);
	int (*boost)(void *userdata, const char *uuid, uint64_t size_kib, uint64_t duration_ms,
		     struct conf_error *ret_why);
	/* Calls done() within the time when it returns 0. `vm`: name or UUID; NULL: any. */
	int (*reserve)(void *userdata, const char *vm, uint64_t size_kib, uint64_t timeout_ms,
		       order_done_fn done, void *done_userdata, struct conf_error *ret_why);
	/* Calls done() within seconds when it returns 0. */
	int (*reload)(void *userdata, order_done_fn done, void *done_userdata,
		      struct conf_error *ret_why);
	void (*pause)(void *userdata, const char *uuid, bool pause); /* uuid NULL: all VMs */
	/* The bus was away, and somebody else has the name now: this daemon is to end. */
	void (*name_lost)(void *userdata);
	void *userdata;
};

struct bus;

/*
 * Connect and take the name; where there is no such bus, or it does not let us, go on trying. Returns
 * 0; -EEXIST: the name is taken, so another daemon moves this host's memory; or another negative errno.
 * BUS_NONE is not to be passed.
 */
int bus_new(sd_event *event, enum bus_kind kind, status_fn status, void *userdata,
	    const struct bus_orders *orders, struct bus **ret_bus);

/* A round of decisions is over: signal what has changed. */
void bus_tick(struct bus *bus);

/* Tell of an alarm; `text` is for people. */
void bus_emit_alarm(struct bus *bus, const struct alarm *alarm, const char *text);

void bus_free(struct bus *bus); /* takes NULL */

#endif
