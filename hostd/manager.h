/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's heart: it moves data along the arrow sources -> snapshot -> policy -> actuators
 * -> publishers, once a tick. See manager.c for when a tick happens.
 */
#ifndef AEROSTAT_MANAGER_H
#define AEROSTAT_MANAGER_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "conf/conf.h"
#include "publish/status.h"
#include "util/clock.h"

struct manager_options {
	const char *uri; /* overrides the configuration's; NULL: it does not */
	const char *root; /* where /proc is looked for; "": the real one */
	const char *state_directory; /* what outlives the daemon is kept here; NULL: nothing is */
	bool dry_run; /* nothing is changed in any VM */
	bool once; /* one tick, then the loop ends: exit code 0, or 1 when something failed */
	struct clock clock;
	/* What else is to outlive the daemon, as the file "history": bytes to be freed; 0 or an errno. */
	int (*keep)(void *userdata, void **ret_bytes, size_t *ret_length); /* NULL: nothing */
	void (*ticked)(void *userdata); /* after each round of decisions; NULL: nobody listens */
	void *userdata;
};

struct manager;

/*
 * Takes over `conf` on success; `options` and what it points to must stay. Begins to connect when
 * the loop runs. Returns 0 or a negative errno.
 */
int manager_new(sd_event *event, struct conf *conf, const struct manager_options *options,
		struct manager **ret_manager);

/*
 * Stop deciding, and give every VM that is ours to move its maximum back; released() follows on the
 * loop's thread, after a bounded time even when calls hang.
 */
void manager_release(struct manager *manager, void (*released)(void *userdata), void *userdata);

/* Ticks come as they should, or libvirt is away. False: something here is stuck. */
bool manager_proceeds(const struct manager *manager);

/* After the loop has ended. False: calls into libvirt hang; end the process by _exit(). */
bool manager_stop(struct manager *manager);

void manager_status(const struct manager *manager, struct status *ret_status);

#endif
