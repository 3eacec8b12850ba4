/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may order what, over the bus: root and the daemon's own user may order everything, others what
 * polkit allows them. Nothing waits: the answers come later, on the loop.
 */
#ifndef AEROSTAT_PUBLISH_AUTHORITY_H
#define AEROSTAT_PUBLISH_AUTHORITY_H

#include <systemd/sd-bus.h>

/*
 * The order itself, once it is allowed: reads the call's arguments, and replies. Returns 0, or a
 * negative errno or with *error set, and then the error is the reply.
 */
typedef int (*authority_fn)(void *userdata, sd_bus_message *call, sd_bus_error *error);

struct authority;

/* `bus` is borrowed. NULL: out of memory. */
struct authority *authority_new(sd_bus *bus, void *userdata);

/*
 * Find out whether the sender of `call` may do `action` (of polkit, org.aerostat1.*), then call
 * `granted`, or reply with an error. Returns what a method handler is to return.
 */
int authority_ask(struct authority *authority, sd_bus_message *call, const char *action,
		  authority_fn granted, sd_bus_error *error);

/* Calls that are still undecided get no reply. Takes NULL. */
void authority_free(struct authority *authority);

#endif
