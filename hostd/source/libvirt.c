// SPDX-License-Identifier: GPL-2.0
/*
 * States, all on the owner's thread:
 *
 *   waiting  --timer-->  connecting  --job done-->  up  --close callback, suspicion-->  waiting
 *                            |                                                             ^
 *                            +-------- job failed or took too long, delay doubled ---------+
 *
 * A libvirt that is stopped, or has no thread to spare, accepts a connection and then says nothing:
 * libvirt's client waits for ever. So an attempt that misses its deadline is left to its worker and
 * another is made, at most CONNECTS_OUT_MAX at a time; whichever succeeds first is used.
 *
 * Connections are opened and closed by jobs, because both may block. The owner holds the pointer
 * of the event connection only to hand it to the closing job, and to tell events of an old
 * connection, which may still be on their way, from those of the present one.
 */
#include "source/libvirt.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/clock.h"
#include "util/log.h"
#include "util/rate.h"

#define RETRY_FIRST_MS	  500
#define RETRY_MAX_MS	  2000
#define RETRY_ACCURACY_MS 50
#define CONNECTS_OUT_MAX  3

/* A connection that has lasted for so long is none of a libvirt that comes and goes. */
#define STEADY_MS 10000

/* Outages that are logged at once; then one in a minute, with how many there were. */
#define OUTAGES_AT_ONCE	     3
#define OUTAGES_EVERY_MS     60000
#define STOP_TIMEOUT_MS	     1000
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_COUNT	     3

enum link_state {
	LINK_WAITING, /* for the retry timer */
	LINK_CONNECTING,
	LINK_UP,
};

struct link {
	char *uri;
	struct link_handlers handlers;
	struct mailbox *mailbox;
	struct workers *workers;
	struct event_sink sink;

	bool stopping; /* completions only clean up */
	enum link_state state;
	sd_event_source *retry;
	uint64_t retry_ms; /* the next delay */
	uint32_t deadline_ms; /* of an attempt */
	sd_event_source *deadline;
	const struct job *attempt; /* while connecting; only to be compared and abandoned */
	unsigned int connects_out; /* also those that nobody waits for any more */
	bool episode; /* an outage is on, and has had its line, or none */
	bool said; /* it has had one, so its end has, too */
	struct rate outages; /* that were said */
	unsigned int unsaid; /* since then */
	uint64_t up_ms; /* monotonic; since when it has been up */
	virConnectPtr conn; /* while up */
	struct event_registration registration;

	pthread_t event_thread;
	bool has_event_thread;
	atomic_bool event_stop;
	int event_timer;
};

struct connect_job {
	struct job job; /* first */
	struct link *link;
	char uri[256];
	virConnectPtr conn;
	struct event_registration registration;
};

struct close_message {
	struct message message; /* first */
	struct link *link;
	const void *conn;
	int reason;
};

/* libvirt prints errors to standard error unless told otherwise; ours are logged with context. */
static void swallow_error(void *userdata, virErrorPtr error)
{
	(void)userdata;
	(void)error;
}

int link_global_init(void)
{
	virSetErrorFunc(NULL, swallow_error);
	if (virInitialize() || virEventRegisterDefaultImpl())
		return -EIO;
	return 0;
}

static void *event_main(void *userdata)
{
	struct link *link = userdata;

	while (!atomic_load(&link->event_stop))
		if (virEventRunDefaultImpl())
			virResetLastError();
	return NULL;
}

/* Its only effect is that the event loop makes a round and sees event_stop. */
static void on_event_timer(int timer, void *userdata)
{
	(void)userdata;
	virEventUpdateTimeout(timer, -1);
}

static int start_event_thread(struct link *link)
{
	int ret;

	link->event_timer = virEventAddTimeout(-1, on_event_timer, NULL, NULL);
	if (link->event_timer < 0)
		return -ENOMEM;
	ret = pthread_create(&link->event_thread, NULL, event_main, link);
	if (ret)
		return -ret;
	link->has_event_thread = true;
	return 0;
}

static void stop_event_thread(struct link *link)
{
	if (!link->has_event_thread)
		return;
	atomic_store(&link->event_stop, true);
	virEventUpdateTimeout(link->event_timer, 0);
	pthread_join(link->event_thread, NULL);
	virEventRemoveTimeout(link->event_timer);
}

static const char *close_reason(int reason)
{
	switch (reason) {
	case VIR_CONNECT_CLOSE_REASON_ERROR:
		return "an I/O error";
	case VIR_CONNECT_CLOSE_REASON_EOF:
		return "libvirt closed the connection";
	case VIR_CONNECT_CLOSE_REASON_KEEPALIVE:
		return "libvirt does not answer (keepalive)";
	case VIR_CONNECT_CLOSE_REASON_CLIENT:
		return "closed by us";
	default:
		return "an unknown reason";
	}
}

static void deliver_close(struct message *message)
{
	struct close_message *cm = (struct close_message *)message;

	if (cm->link->state == LINK_UP && cm->conn == cm->link->conn)
		link_suspect(cm->link, close_reason(cm->reason));
	free(cm);
}

/* On the thread of libvirt's event loop. */
static void on_close(virConnectPtr conn, int reason, void *userdata)
{
	struct link *link = userdata;
	struct close_message *cm = calloc(1, sizeof(*cm));

	if (!cm)
		return; /* the next job finds out */
	cm->message.deliver = deliver_close;
	cm->link = link;
	cm->conn = conn;
	cm->reason = reason;
	mailbox_post(link->mailbox, &cm->message);
}

static int run_connect(struct job *job, virConnectPtr unused)
{
	struct connect_job *cj = (struct connect_job *)job;
	virConnectPtr conn;

	(void)unused;
	conn = virConnectOpen(cj->uri);
	if (!conn)
		return job_fail_libvirt(job, "cannot connect");
	/* The test driver has no keepalive, and some drivers no close callback. */
	if (virConnectSetKeepAlive(conn, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT))
		virResetLastError();
	if (virConnectRegisterCloseCallback(conn, on_close, cj->link, NULL))
		virResetLastError();
	events_register(conn, &cj->link->sink, &cj->registration);
	cj->conn = conn;
	return 0;
}

static void run_close(struct connect_job *cj)
{
	events_deregister(cj->conn, &cj->registration);
	if (virConnectUnregisterCloseCallback(cj->conn, on_close))
		virResetLastError();
	virConnectClose(cj->conn);
}

static int run_close_job(struct job *job, virConnectPtr unused)
{
	(void)unused;
	run_close((struct connect_job *)job);
	return 0;
}

static void done_free(struct job *job)
{
	free(job);
}

static struct connect_job *connect_job_new(struct link *link)
{
	struct connect_job *cj = calloc(1, sizeof(*cj));

	if (!cj)
		return NULL;
	cj->job.without_connection = true;
	cj->link = link;
	return cj;
}

/* By a worker, because it may block. */
static void submit_close(struct link *link, virConnectPtr conn,
			 const struct event_registration *registration)
{
	struct connect_job *cj = connect_job_new(link);

	if (!cj)
		return; /* the connection is leaked: nothing better can be done with it */
	cj->job.run = run_close_job;
	cj->job.done = done_free;
	cj->conn = conn;
	cj->registration = *registration;
	workers_submit(link->workers, &cj->job);
}

static void close_connection(struct link *link)
{
	workers_share_connection(link->workers, NULL);
	submit_close(link, link->conn, &link->registration);
	link->conn = NULL;
}

static void schedule_retry(struct link *link)
{
	link->state = LINK_WAITING;
	sd_event_source_set_time_relative(link->retry, link->retry_ms * 1000);
	sd_event_source_set_enabled(link->retry, SD_EVENT_ONESHOT);
	link->retry_ms *= 2;
	if (link->retry_ms > RETRY_MAX_MS)
		link->retry_ms = RETRY_MAX_MS;
}

static void log_outage(struct link *link, const char *what, const char *why)
{
	/* One that lasts is said in the end, too. */
	if ((link->episode && link->said) ||
	    !rate_allow(&link->outages, clock_monotonic_ms(), OUTAGES_EVERY_MS, OUTAGES_AT_ONCE)) {
		link->said = link->said && link->episode;
		link->unsaid += !link->episode;
		link->episode = true;
		log_debug("%s %s: %s", what, link->uri, why);
		return;
	}
	link->said = true;
	if (link->unsaid)
		log_warning(
			"libvirt comes and goes: %u outages more since the last that was logged",
			link->unsaid);
	link->unsaid = 0;
	log_warning("%s %s: %s; all VMs keep their targets; trying again, at most every %d s", what,
		    link->uri, why, RETRY_MAX_MS / 1000);
	link->episode = true;
}

/* The present attempt has come to nothing. */
static void attempt_failed(struct link *link, const char *why)
{
	link->attempt = NULL;
	link->state = LINK_WAITING;
	sd_event_source_set_enabled(link->deadline, SD_EVENT_OFF);
	if (!link->handlers.refused(link->handlers.userdata, why))
		return;
	log_outage(link, "cannot use libvirt at", why);
	schedule_retry(link);
}

static void attempt_succeeded(struct link *link, const struct connect_job *cj)
{
	link->attempt = NULL;
	link->conn = cj->conn;
	link->registration = cj->registration;
	link->state = LINK_UP;
	link->up_ms = clock_monotonic_ms();
	link->episode = false;
	sd_event_source_set_enabled(link->retry, SD_EVENT_OFF);
	sd_event_source_set_enabled(link->deadline, SD_EVENT_OFF);
	if (link->said)
		log_info("connected to libvirt at %s", link->uri);
	if (!strncmp(link->uri, "test:", strlen("test:")))
		workers_share_connection(link->workers, link->conn);
	link->handlers.up(link->handlers.userdata);
}

static void done_connect(struct job *job)
{
	struct connect_job *cj = (struct connect_job *)job;
	struct link *link = cj->link;

	link->connects_out--;
	if (link->stopping) {
		/* The workers are gone, and the process with its connections is about to be. */
		if (!job->error)
			run_close(cj);
	} else if (job->error) {
		if (link->attempt == job)
			attempt_failed(link, job->error_text);
	} else if (link->state == LINK_UP) {
		submit_close(link, cj->conn, &cj->registration);
	} else {
		attempt_succeeded(link, cj);
	}
	free(cj);
}

static int on_connect_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct link *link = userdata;

	(void)source;
	(void)usec;
	if (link->state != LINK_CONNECTING)
		return 0;
	workers_abandon(link->workers, link->attempt);
	attempt_failed(link, "it does not answer");
	return 0;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct link *link = userdata;
	struct connect_job *cj;

	(void)source;
	(void)usec;
	cj = link->connects_out < CONNECTS_OUT_MAX ? connect_job_new(link) : NULL;
	if (!cj) {
		schedule_retry(link);
		return 0;
	}
	cj->job.run = run_connect;
	cj->job.done = done_connect;
	snprintf(cj->uri, sizeof(cj->uri), "%s", link->uri);
	link->state = LINK_CONNECTING;
	link->attempt = &cj->job;
	link->connects_out++;
	sd_event_source_set_time_relative(link->deadline, (uint64_t)link->deadline_ms * 1000);
	sd_event_source_set_enabled(link->deadline, SD_EVENT_ONESHOT);
	workers_submit(link->workers, &cj->job);
	return 0;
}

void link_suspect(struct link *link, const char *why)
{
	if (link->state != LINK_UP)
		return;
	close_connection(link);
	if (clock_monotonic_ms() - link->up_ms >= STEADY_MS)
		link->retry_ms = RETRY_FIRST_MS;
	log_outage(link, "lost libvirt at", why);
	schedule_retry(link);
	link->handlers.down(link->handlers.userdata, why);
}

static void on_event(void *userdata, const struct domain_event *event)
{
	struct link *link = userdata;

	if (link->state == LINK_UP && event->conn == link->conn)
		link->handlers.event(link->handlers.userdata, event);
}

int link_new(sd_event *event, const char *uri, uint32_t deadline_ms,
	     const struct link_handlers *handlers, struct link **ret_link)
{
	struct link *link;
	int ret;

	link = calloc(1, sizeof(*link));
	if (!link)
		return -ENOMEM;
	link->handlers = *handlers;
	link->retry_ms = RETRY_FIRST_MS;
	link->said = true;
	link->deadline_ms = deadline_ms;
	link->sink = (struct event_sink){ .handler = on_event, .userdata = link };
	link->uri = strdup(uri);
	if (!link->uri) {
		ret = -ENOMEM;
		goto fail;
	}
	ret = mailbox_new(event, &link->mailbox);
	if (ret)
		goto fail;
	link->sink.mailbox = link->mailbox;
	ret = workers_new(link->mailbox, uri, deadline_ms, &link->workers);
	if (ret)
		goto fail;
	ret = sd_event_add_time_relative(event, &link->retry, CLOCK_MONOTONIC, 0,
					 RETRY_ACCURACY_MS * 1000, on_retry, link);
	if (ret < 0)
		goto fail;
	ret = sd_event_add_time_relative(event, &link->deadline, CLOCK_MONOTONIC, UINT64_MAX / 4,
					 RETRY_ACCURACY_MS * 1000, on_connect_deadline, link);
	if (ret < 0)
		goto fail;
	ret = start_event_thread(link);
	if (ret)
		goto fail;
	*ret_link = link;
	return 0;

fail:
	link_stop(link);
	return ret;
}

bool link_is_up(const struct link *link)
{
	return link->state == LINK_UP;
}

void link_set_deadline(struct link *link, uint32_t deadline_ms)
{
	link->deadline_ms = deadline_ms;
	workers_set_deadline(link->workers, deadline_ms);
}

struct workers *link_workers(struct link *link)
{
	return link->workers;
}

bool link_stop(struct link *link)
{
	if (!link)
		return true;
	link->retry = sd_event_source_disable_unref(link->retry);
	link->deadline = sd_event_source_disable_unref(link->deadline);
	link->stopping = true;
	if (link->conn)
		close_connection(link);
	if (link->workers && !workers_stop(link->workers, STOP_TIMEOUT_MS))
		return false;
	if (link->mailbox)
		mailbox_flush(link->mailbox);
	stop_event_thread(link);
	if (link->mailbox)
		mailbox_flush(link->mailbox);
	workers_free(link->workers);
	mailbox_free(link->mailbox);
	free(link->uri);
	free(link);
	return true;
}
