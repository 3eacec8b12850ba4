// SPDX-License-Identifier: GPL-2.0
/*
 * The callbacks run on the thread of libvirt's event loop. Each copies what it needs into a
 * message and returns; nothing here waits or calls back into libvirt's daemon.
 */
#include "source/events.h"

#include <libvirt/virterror.h>
#include <stdlib.h>

struct event_message {
	struct message message; /* first */
	struct event_sink *sink;
	struct domain_event event;
};

static void deliver_event(struct message *message)
{
	struct event_message *em = (struct event_message *)message;

	em->sink->handler(em->sink->userdata, &em->event);
	free(em);
}

static void post_balloon(struct event_sink *sink, virConnectPtr conn, virDomainPtr domain,
			 enum domain_event_kind kind, uint64_t actual_kib)
{
	struct event_message *em;

	em = calloc(1, sizeof(*em));
	if (!em)
		return; /* a hint is lost */
	em->message.deliver = deliver_event;
	em->sink = sink;
	em->event.kind = kind;
	em->event.actual_kib = actual_kib;
	em->event.conn = conn;
	if (virDomainGetUUIDString(domain, em->event.uuid)) {
		free(em);
		return;
	}
	mailbox_post(sink->mailbox, &em->message);
}

static void post(struct event_sink *sink, virConnectPtr conn, virDomainPtr domain,
		 enum domain_event_kind kind)
{
	post_balloon(sink, conn, domain, kind, 0);
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr domain, int event, int detail, void *sink)
{
	(void)detail;
	switch (event) {
	case VIR_DOMAIN_EVENT_STARTED:
		post(sink, conn, domain, DOMAIN_EVENT_STARTED);
		break;
	case VIR_DOMAIN_EVENT_STOPPED:
		post(sink, conn, domain, DOMAIN_EVENT_STOPPED);
		break;
	case VIR_DOMAIN_EVENT_DEFINED:
	case VIR_DOMAIN_EVENT_UNDEFINED:
		break;
	default: /* libvirt's enum, which may grow: whatever it is, look */
		post(sink, conn, domain, DOMAIN_EVENT_STATE);
		break;
	}
	return 0;
}

static void on_reboot(virConnectPtr conn, virDomainPtr domain, void *sink)
{
	post(sink, conn, domain, DOMAIN_EVENT_STARTED);
}

static void on_balloon(virConnectPtr conn, virDomainPtr domain, unsigned long long actual_kib,
		       void *sink)
{
	post_balloon(sink, conn, domain, DOMAIN_EVENT_BALLOON, actual_kib);
}

static void on_device(virConnectPtr conn, virDomainPtr domain, const char *alias, void *sink)
{
	(void)alias;
	post(sink, conn, domain, DOMAIN_EVENT_CHANGED);
}

static void on_tunable(virConnectPtr conn, virDomainPtr domain, virTypedParameterPtr params,
		       int n_params, void *sink)
{
	(void)params;
	(void)n_params;
	post(sink, conn, domain, DOMAIN_EVENT_CHANGED);
}

static void on_metadata(virConnectPtr conn, virDomainPtr domain, int type, const char *uri,
			void *sink)
{
	(void)uri;
	if (type == VIR_DOMAIN_METADATA_ELEMENT)
		post(sink, conn, domain, DOMAIN_EVENT_CHANGED);
}

static void on_migration(virConnectPtr conn, virDomainPtr domain, int iteration, void *sink)
{
	(void)iteration;
	post(sink, conn, domain, DOMAIN_EVENT_JOB);
}

static void on_job(virConnectPtr conn, virDomainPtr domain, virTypedParameterPtr params,
		   int n_params, void *sink)
{
	(void)params;
	(void)n_params;
	post(sink, conn, domain, DOMAIN_EVENT_JOB);
}

void events_register(virConnectPtr conn, struct event_sink *sink,
		     struct event_registration *ret_registration)
{
	const struct {
		int id;
		virConnectDomainEventGenericCallback callback;
	} wanted[] = {
		{ VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle) },
		{ VIR_DOMAIN_EVENT_ID_REBOOT, VIR_DOMAIN_EVENT_CALLBACK(on_reboot) },
		{ VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(on_balloon) },
		{ VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, VIR_DOMAIN_EVENT_CALLBACK(on_device) },
		{ VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_device) },
		{ VIR_DOMAIN_EVENT_ID_TUNABLE, VIR_DOMAIN_EVENT_CALLBACK(on_tunable) },
		{ VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, VIR_DOMAIN_EVENT_CALLBACK(on_metadata) },
		{ VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
		  VIR_DOMAIN_EVENT_CALLBACK(on_migration) },
		{ VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, VIR_DOMAIN_EVENT_CALLBACK(on_job) },
	};
	size_t n = sizeof(wanted) / sizeof(wanted[0]);

	_Static_assert(sizeof(wanted) / sizeof(wanted[0]) <= EVENT_CALLBACKS_MAX,
		       "event_registration holds all callbacks");
	ret_registration->n_ids = 0;
	for (size_t i = 0; i < n; i++) {
		int id = virConnectDomainEventRegisterAny(conn, NULL, wanted[i].id,
							  wanted[i].callback, sink, NULL);

		if (id >= 0)
			ret_registration->ids[ret_registration->n_ids++] = id;
		else
			virResetLastError();
	}
}

void events_deregister(virConnectPtr conn, const struct event_registration *registration)
{
	for (size_t i = 0; i < registration->n_ids; i++)
		if (virConnectDomainEventDeregisterAny(conn, registration->ids[i]))
			virResetLastError();
}
