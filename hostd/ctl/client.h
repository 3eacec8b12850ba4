/* SPDX-License-Identifier: GPL-2.0 */
/* How the tool's subcommands talk to the daemon. */
#ifndef AEROSTAT_CTL_CLIENT_H
#define AEROSTAT_CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>

/* Exit codes of every subcommand. */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_NOT_RUNNING = 3,
};

struct client_options {
	bool session; /* the session bus; false: the system bus */
};

/* "system" or "session". Returns 0 or -EINVAL. */
int client_bus_parse(const char *text, struct client_options *ret_options);

/* Where the daemon is looked for unless told otherwise: on the system bus for root. */
struct client_options client_default(void);

/*
 * The daemon's whole status: { "host": {...}, "vms": [ {...}, ... ] }, VMs sorted by name, keys
 * as in aerostatctl(1). Returns CTL_OK, and *ret_status is to be json_decref()ed; or another exit
 * code after a message on standard error.
 */
int client_status(const struct client_options *options, json_t **ret_status);

#endif
