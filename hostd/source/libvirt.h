/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's tie to libvirt: the thread of libvirt's event loop, the connection that events
 * come by, and the workers that calls are made on. Keeps trying when libvirt is missing or goes
 * away. The owner's thread never calls libvirt itself.
 */
#ifndef AEROSTAT_SOURCE_LIBVIRT_H
#define AEROSTAT_SOURCE_LIBVIRT_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "source/events.h"
#include "source/worker.h"

/* All are called on the owner's thread. */
struct link_handlers {
	void (*up)(void *userdata); /* connected: events will come, jobs can be submitted */
	void (*down)(void *userdata, const char *why); /* the connection is lost, for now */
	/* One attempt to connect failed; returns whether to go on trying. */
	bool (*refused)(void *userdata, const char *why);
	void (*event)(void *userdata, const struct domain_event *event);
	void *userdata;
};

struct link;

/*
 * Once per process, before any other thread and before link_new(): libvirt wants its event loop
 * registered before the first connection. Returns 0 or a negative errno.
 */
int link_global_init(void);

/*
 * Begin to connect to `uri` (copied) at the next run of the loop. `handlers` is copied.
 * `deadline_ms`: after this a call counts as hung.
 */
int link_new(sd_event *event, const char *uri, uint32_t deadline_ms,
	     const struct link_handlers *handlers, struct link **ret_link);

/* Another deadline, from the next call on. */
void link_set_deadline(struct link *link, uint32_t deadline_ms);

bool link_is_up(const struct link *link);

struct workers *link_workers(struct link *link);

/* A job found that it cannot connect: the connection is as good as lost, begin anew. */
void link_suspect(struct link *link, const char *why);

/*
 * End it. False: some calls into libvirt hang, so threads remain that use `link`, and the
 * process must end by _exit(). True: all is freed. Takes NULL.
 */
bool link_stop(struct link *link);

#endif
