/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libvirt's domain events, as far as the daemon acts on them. An event is a hint to look sooner,
 * never the only way to learn something: a lost one costs an interval, no more.
 */
#ifndef AEROSTAT_SOURCE_EVENTS_H
#define AEROSTAT_SOURCE_EVENTS_H

#include <libvirt/libvirt.h>

#include "policy/snapshot.h"
#include "source/mailbox.h"

enum domain_event_kind {
	DOMAIN_EVENT_STARTED, /* a new run of the guest: started or rebooted */
	DOMAIN_EVENT_STOPPED, /* it runs no more */
	DOMAIN_EVENT_STATE, /* paused, resumed, shutting down, ... */
	DOMAIN_EVENT_BALLOON, /* the balloon has moved */
	DOMAIN_EVENT_CHANGED, /* its description, metadata or devices */
	DOMAIN_EVENT_JOB, /* a migration has begun, gone on or ended */
};

struct domain_event {
	enum domain_event_kind kind;
	uint64_t actual_kib; /* of DOMAIN_EVENT_BALLOON */
	char uuid[VM_UUID_LEN];
	const void *conn; /* which connection it came by; only to be compared */
};

/* Where events go. The handler runs on the owner's thread; the event is valid during the call. */
struct event_sink {
	struct mailbox *mailbox;
	void (*handler)(void *userdata, const struct domain_event *event);
	void *userdata;
};

#define EVENT_CALLBACKS_MAX 10

struct event_registration {
	int ids[EVENT_CALLBACKS_MAX];
	size_t n_ids;
};

/*
 * Ask for all events above. Kinds that the driver does not have are left out: events are hints.
 * `sink` must outlive the connection. These two call libvirt: for a worker's thread.
 */
void events_register(virConnectPtr conn, struct event_sink *sink,
		     struct event_registration *ret_registration);

void events_deregister(virConnectPtr conn, const struct event_registration *registration);

#endif
