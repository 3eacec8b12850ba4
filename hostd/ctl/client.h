/* SPDX-License-Identifier: GPL-2.0 */
/* How the tool's subcommands talk to the daemon. */
#ifndef AEROSTAT_CTL_CLIENT_H
#define AEROSTAT_CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes of every subcommand. */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1,
	CTL_USAGE = 2,
	CTL_NOT_RUNNING = 3, /* or its bus cannot be reached, or it does not answer */
	CTL_NOT_ALLOWED = 4,
	CTL_NOT_READY = 5, /* it runs, but does not know yet which VMs do */
};

struct client_options {
	bool session; /* the session bus; false: the system bus */
};

/* "system" or "session". Returns 0 or -EINVAL. */
int client_bus_parse(const char *text, struct client_options *ret_options);

/*
 * Where the daemon is looked for unless told otherwise: on the system bus, but for an ordinary user
 * whose session bus has one.
 */
struct client_options client_default(void);

/*
 * The daemon's whole status: { "host": {...}, "vms": [ {...}, ... ] }, VMs sorted by name, keys
 * as in aerostatctl(1). Returns CTL_OK, and *ret_status is to be json_decref()ed; or another exit
 * code after a message on standard error.
 */
int client_status(const struct client_options *options, json_t **ret_status);

/* The rest likewise: an exit code, after a message if it is not CTL_OK. */

/* A VM's history, oldest first: age_ms, span_ms, and sizes in KiB. */
int client_history(const struct client_options *options, const char *vm, uint64_t since_ms,
		   json_t **ret_points);

/* The metrics as text, to be freed. */
int client_metrics(const struct client_options *options, char **ret_text);

/* `settings`: "key=value" each, with an empty value to remove one. */
int client_set(const struct client_options *options, const char *vm, char *const *settings,
	       size_t n_settings, bool persistent);

/* A duration of 0 ends a boost. */
int client_boost(const struct client_options *options, const char *vm, uint64_t size_kib,
		 uint64_t duration_ms);

/* Comes back when it is free, or refused. `vm` NULL: for whoever starts next. */
int client_reserve(const struct client_options *options, const char *vm, uint64_t size_kib,
		   uint64_t timeout_ms);

int client_pause(const struct client_options *options, const char *vm, bool pause); /* NULL: all */

#endif
