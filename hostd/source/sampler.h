/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Samples all running domains, several connections at a time, and is never held up by one that
 * hangs. One sampling is a round: the roster of running domains first, which asks no QEMU, then
 * their numbers in a few parts at once, one worker each. Each call has a deadline of its own.
 *
 * A part that misses it is asked for again while its first call still hangs: that call holds the
 * lock of the domain it hangs at, so the second skips just this one. What a second call had to
 * skip is silent: vm->silent_ms says since when. Silent domains are asked apart from the others,
 * so that none of those waits for them again, once a round, which is cheap as long as the first
 * call keeps the lock. So each QEMU that hangs costs one call, until it answers or is gone. Calls that
 * hang are bounded (sampler.c); while as many hang as may, those that answer are still sampled.
 */
#ifndef AEROSTAT_SOURCE_SAMPLER_H
#define AEROSTAT_SOURCE_SAMPLER_H

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "source/domains.h"
#include "source/worker.h"

struct sampler_outcome {
	int error; /* 0, or why there is no roster; the fleet is as it was then; ... */
	const char *why; /* ... for people; valid during the call */
	bool late; /* some calls missed their deadline */
	uint64_t took_us;
	size_t unanswered; /* domains whose numbers are still missing, because calls hang */
};

struct sampler_config {
	struct workers *workers;
	bool remote; /* ask libvirt for the host's memory, too */
	struct fleet *fleet; /* only rounds change which domains it holds, and their numbers */
	struct fleet_observer observer;
	/* A round has ended, whatever came of it: the fleet holds what was learnt. */
	void (*done)(void *userdata, const struct sampler_outcome *outcome);
	/*
	 * A call that its round did not wait for has come back: what it hung at answers again, and a
	 * round begun now would learn what the last one could not. NULL: nobody listens.
	 */
	void (*thawed)(void *userdata);
	void *userdata;
};

struct sampler;

int sampler_new(sd_event *event, const struct sampler_config *config, struct sampler **ret_sampler);

/*
 * Begin a round. `interval_ms`: time until the next; the deadlines are such that this one ends
 * before. Returns 0, and done() follows, perhaps at once; -EBUSY: one is under way, or too many
 * calls hang; -ENOMEM.
 */
int sampler_begin(struct sampler *sampler, uint64_t interval_ms);

/* Of a remote host, as the last round found it; unknown when that had no roster. */
struct host_sample sampler_node(const struct sampler *sampler);

/* Which domains run has been told since sampler_cancel(), or since the start. */
bool sampler_has_roster(const struct sampler *sampler);

bool sampler_busy(const struct sampler *sampler); /* a round is under way */

/*
 * The connection is lost. Drop the round that is under way: done() is not called, and answers that
 * still come are old.
 */
void sampler_cancel(struct sampler *sampler);

/* After all workers have ended and the mailbox is empty. Takes NULL. */
void sampler_free(struct sampler *sampler);

#endif
