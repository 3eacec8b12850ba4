/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Threads that may be lost. Any call into libvirt can hang: one stopped QEMU keeps a caller for
 * 30 s or for ever, and nothing can call it back. So calls are jobs; a job runs on a worker's
 * thread, with a connection that belongs to this worker alone, and its completion is delivered on
 * the owner's thread. A worker whose job takes longer than the deadline counts as lost, and
 * another takes its place; when the call returns after all, the worker is back.
 *
 * Numbers: WORKERS_HEALTHY at work at a time is enough, since a call takes about a millisecond.
 * At most WORKERS_MAX exist, so as many hung calls can be survived; beyond that jobs wait. Callers
 * keep that from happening by having at most one job a domain in flight, because each further one
 * would hang at the same QEMU.
 *
 * All functions are for the owner's thread but where said otherwise.
 */
#ifndef AEROSTAT_SOURCE_WORKER_H
#define AEROSTAT_SOURCE_WORKER_H

#include <libvirt/libvirt.h>
#include <stdbool.h>
#include <stdint.h>

#include "source/handles.h"
#include "source/mailbox.h"

#define WORKERS_HEALTHY 8
#define WORKERS_MAX	24

#define JOB_ERROR_LEN 256

/* Embedded, as the first member, in what the job needs and returns. */
struct job {
	struct message message; /* first: completion is a message */
	/*
	 * On a worker's thread: touches nothing but the job. Returns 0 or a negative errno, with
	 * error_text set by job_fail(). `conn` is NULL only for a job without_connection.
	 */
	int (*run)(struct job *job, virConnectPtr conn);
	/* On the owner's thread, once, whatever happened; frees the job. */
	void (*done)(struct job *job);
	bool without_connection; /* it makes or ends one itself */
	struct handles *handles; /* for run(): those the worker keeps of `conn` */

	/* The outcome, for done(): */
	int error; /* 0, or a negative errno; -ENOTCONN: the worker could not connect */
	char error_text[JOB_ERROR_LEN]; /* for people; "" without an error */

	struct job *next_; /* in the queue */
};

struct workers;

/* `deadline_ms`: see above. `uri` is copied. */
int workers_new(struct mailbox *mailbox, const char *uri, uint32_t deadline_ms,
		struct workers **ret_workers);

/*
 * Queue a job: first in, first out. It always ends in done(), also when no thread can be had.
 */
void workers_submit(struct workers *workers, struct job *job);

/*
 * The caller no longer waits for this job, which it has submitted and which is not done: if a
 * worker is at it, that one counts as lost from now on, before the deadline, and another may take
 * its place. The job still ends in done() when the call returns.
 */
void workers_abandon(struct workers *workers, const struct job *job);

/*
 * The connection that drivers without a daemon share among all users of a process, because their
 * state is the connection's (libvirt's test driver with a file). NULL: each worker opens its own.
 * References are the workers' own matter.
 */
void workers_share_connection(struct workers *workers, virConnectPtr conn);

/* Another deadline from now on. */
void workers_set_deadline(struct workers *workers, uint32_t deadline_ms);

/* How many workers have been at one job for longer than the deadline. */
unsigned int workers_lost(struct workers *workers);

/*
 * Let the workers finish what is queued and end, waiting at most `timeout_ms`; a job submitted
 * from now on fails with -ESHUTDOWN. Completions stay in the mailbox. True: all ended, and
 * `workers` may be freed. False: some hang; they and `workers` stay, and the process must end by
 * _exit(), which takes them along.
 */
bool workers_stop(struct workers *workers, uint32_t timeout_ms);

void workers_free(struct workers *workers); /* after workers_stop() said true; takes NULL */

/*
 * For run(): record libvirt's last error of this thread, prefixed by "WHAT: ". Returns a negative
 * errno that fits it.
 */
int job_fail_libvirt(struct job *job, const char *what);

/* For run(): record a text; returns `error`. */
__attribute__((__format__(__printf__, 3, 4))) int job_fail(struct job *job, int error,
							   const char *format, ...);

#endif
