// SPDX-License-Identifier: GPL-2.0
/*
 * A round, all on the owner's thread:
 *
 *   roster --answer--> parts: up to PARTS_HEALTHY of domains that answer, one of silent ones
 *      |                ^ |--each answer--> the fleet; all there --> done()
 *      |                | '--deadline--> those missing are asked again, at most ATTEMPTS_MAX times
 *      '--deadline------'
 *
 * Without a roster in time the domains known from before are asked, one by one: a domain that is
 * being started holds up the roster as long as libvirt runs its hook script, and must not hold up
 * the others. Nobody comes or goes in such a round. Where libvirt has said before that nobody runs,
 * there is nobody to ask: the first VM of a host is being started. When no part is answered either,
 * libvirt itself hangs, and done() says -ETIMEDOUT.
 *
 * A call that is out is an `ask`. It belongs to its worker until done; the round remembers only
 * its number. An answer of an earlier round is dropped, and so is a second one for the same part,
 * but the owner is told: what was hanging hangs no more.
 *
 * How the deadlines fit into an interval: at most 1 + ATTEMPTS_MAX of them pass,
 * each a sixth of it, unless domains are so many or the interval is so short that the least time
 * rules; then the next round begins late, but with what this one has learnt.
 */
#include "source/sampler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "source/node.h"
#include "util/clock.h"

/*
 * Measured with 50 QEMUs on two busy cores, against one serial call: 4 parts took 0.5 to 0.6 of its
 * time, 8 took 0.4 to 0.5. libvirtd has 20 threads for everybody (max_workers).
 */
#define PARTS_HEALTHY 8
#define PARTS_MAX     (PARTS_HEALTHY + 1)

/* Two monitor commands a domain take about 1.5 ms: fewer domains are not worth a call. */
#define PART_DOMAINS_MIN 6

#define ATTEMPTS_MAX 3

/*
 * Calls that may hang at once: workers must remain for the rest, and libvirtd's 20 threads are there for
 * others, too. A round makes no more parts than may hang until then. With so many hanging it makes
 * one, of all that answer: they are sampled as long as nobody else hangs, and when one does, there are
 * two more calls to find out who.
 */
#define HANGING_MAX	 (WORKERS_MAX - WORKERS_HEALTHY)
#define NUMBERS_ASKS_MAX (HANGING_MAX + 2)

/* With the roster, which asks no QEMU. */
#define ASKS_MAX (WORKERS_MAX - 1)

/* A sixth of the interval, but no less than what a busy host may take for an answer. */
#define DEADLINE_DIVISOR 6
#define DEADLINE_MIN_MS	 200
#define DEADLINE_MAX_MS	 2000
#define MS_PER_DOMAIN	 5 /* three times what was measured */

#define NO_ANSWER "libvirt does not answer"
#define TOO_MANY  "too many QEMUs do not answer"

#define TIMER_ACCURACY_US 5000

struct part {
	char (*uuids)[VM_UUID_LEN]; /* sorted */
	size_t n_uuids;
	unsigned int attempts;
	const struct job *latest; /* only to abandon it; valid until it is done */
	bool answered;
};

struct sampler {
	struct sampler_config config;
	sd_event_source *deadline;
	uint64_t interval_ms;
	unsigned int asks_out;
	struct ask *asks; /* these */
	bool has_roster; /* one has come since the connection did: the fleet is what runs */
	bool roster_out; /* one of them is a roster; another would hang where it does */

	uint64_t round; /* the number of the one under way or, without one, of the last */
	bool busy;
	uint64_t begun_us;
	bool late; /* this round has missed a deadline */
	struct host_sample node;
	bool has_parts; /* the roster has come, or is not waited for */
	bool one_by_one; /* it is not */
	const struct job *roster_job; /* as part.latest */
	struct part parts[PARTS_MAX];
	size_t n_parts;
};

/* One call. `uuids` is its own copy: it may outlive its round. */
struct ask {
	struct job job; /* first */
	struct ask *next; /* of those that are out */
	bool given_up; /* its round has stopped waiting for it */
	struct sampler *sampler;
	uint64_t round;
	size_t part; /* its index; without meaning for a roster */
	bool remote;
	bool one_by_one;
	bool again; /* an earlier call hangs, for the same part or for some other */
	char (*uuids)[VM_UUID_LEN];
	size_t n_uuids;
	struct stats_batch batch;
	struct host_sample node; /* of a roster */
};

static void clear_parts(struct sampler *sampler)
{
	for (size_t i = 0; i < sampler->n_parts; i++)
		free(sampler->parts[i].uuids);
	memset(sampler->parts, 0, sizeof(sampler->parts));
	sampler->n_parts = 0;
}

static void arm(struct sampler *sampler)
{
	uint64_t deadline_ms = sampler->interval_ms / DEADLINE_DIVISOR;
	size_t most = 0;

	if (deadline_ms < DEADLINE_MIN_MS)
		deadline_ms = DEADLINE_MIN_MS;
	if (deadline_ms > DEADLINE_MAX_MS)
		deadline_ms = DEADLINE_MAX_MS;
	for (size_t i = 0; i < sampler->n_parts; i++)
		if (sampler->parts[i].n_uuids > most)
			most = sampler->parts[i].n_uuids;
	deadline_ms += most * MS_PER_DOMAIN;
	sd_event_source_set_time_relative(sampler->deadline, deadline_ms * 1000);
	sd_event_source_set_enabled(sampler->deadline, SD_EVENT_ONESHOT);
}

static void end_round(struct sampler *sampler, int error, const char *why)
{
	struct sampler_outcome outcome = {
		.error = error,
		.why = why,
		.late = sampler->late,
		.took_us = clock_monotonic_us() - sampler->begun_us,
	};

	for (size_t i = 0; i < sampler->n_parts; i++)
		if (!sampler->parts[i].answered)
			outcome.unanswered += sampler->parts[i].n_uuids;
	sd_event_source_set_enabled(sampler->deadline, SD_EVENT_OFF);
	sampler->busy = false;
	clear_parts(sampler);
	sampler->config.done(sampler->config.userdata, &outcome);
}

static bool any_answered(const struct sampler *sampler)
{
	for (size_t i = 0; i < sampler->n_parts; i++)
		if (sampler->parts[i].answered)
			return true;
	return false;
}

static void end_when_answered(struct sampler *sampler)
{
	for (size_t i = 0; i < sampler->n_parts; i++)
		if (!sampler->parts[i].answered)
			return;
	end_round(sampler, 0, "");
}

static void ask_free(struct ask *ask)
{
	stats_batch_clear(&ask->batch);
	free(ask->uuids);
	free(ask);
}

/* Room for `n` UUIDs; never for none, which would look like a failure. */
static char (*uuids_alloc(size_t n))[VM_UUID_LEN]
{
	return calloc(n + 1, VM_UUID_LEN);
}

/* Calls that nobody waits for any more. */
static unsigned int hanging(const struct sampler *sampler)
{
	unsigned int n = 0;

	for (const struct ask *ask = sampler->asks; ask; ask = ask->next)
		n += ask->given_up || ask->round != sampler->round;
	return n;
}

static void give_up(struct sampler *sampler, const struct job *job)
{
	workers_abandon(sampler->config.workers, job);
	for (struct ask *ask = sampler->asks; ask; ask = ask->next)
		if (&ask->job == job)
			ask->given_up = true;
}

/*
 * A call that is about to be made, with a copy of the UUIDs it is for. NULL: out of memory, or
 * more calls hang already than may.
 */
static struct ask *ask_new(struct sampler *sampler, const struct part *part)
{
	struct ask *ask;

	if (sampler->asks_out >= ASKS_MAX || (part && sampler->asks_out >= NUMBERS_ASKS_MAX))
		return NULL;
	ask = calloc(1, sizeof(*ask));
	if (!ask)
		return NULL;
	ask->sampler = sampler;
	ask->round = sampler->round;
	if (!part)
		return ask;
	ask->uuids = uuids_alloc(part->n_uuids);
	if (!ask->uuids) {
		free(ask);
		return NULL;
	}
	memcpy(ask->uuids, part->uuids, part->n_uuids * VM_UUID_LEN);
	ask->n_uuids = part->n_uuids;
	return ask;
}

static void submit(struct sampler *sampler, struct ask *ask)
{
	sampler->asks_out++;
	ask->next = sampler->asks;
	sampler->asks = ask;
	workers_submit(sampler->config.workers, &ask->job);
}

/* True: the answer still counts. */
static bool come_back(const struct ask *ask)
{
	struct sampler *sampler = ask->sampler;
	struct ask **at = &sampler->asks;

	while (*at != ask)
		at = &(*at)->next;
	*at = ask->next;
	sampler->asks_out--;
	return sampler->busy && ask->round == sampler->round;
}

/*
 * Free an ask, and say so if it came too late to be of use. Last of all that comes of an answer,
 * because the owner may begin a round. What libvirt refuses says nothing new.
 */
static void dismiss(struct ask *ask, bool used)
{
	const struct sampler_config *config = &ask->sampler->config;
	bool thawed = !used && !ask->job.error;

	ask_free(ask);
	if (thawed && config->thawed)
		config->thawed(config->userdata);
}

/* ---- numbers ---- */

static int run_numbers(struct job *job, virConnectPtr conn)
{
	struct ask *ask = (struct ask *)job;

	return stats_collect_numbers(job, conn, (const char(*)[VM_UUID_LEN])ask->uuids,
				     ask->n_uuids, ask->one_by_one, &ask->batch);
}

static void take_numbers(struct sampler *sampler, const struct ask *ask)
{
	uint64_t now_ms = clock_monotonic_ms();

	for (size_t i = 0; i < ask->batch.n_domains; i++) {
		const struct domain_stats *stats = &ask->batch.domains[i];
		struct vm *vm;

		fleet_take_numbers(sampler->config.fleet, stats, now_ms);
		if (!ask->again || !stats_skipped(stats))
			continue;
		vm = fleet_find(sampler->config.fleet, stats->uuid);
		if (vm && !vm->silent_ms)
			vm->silent_ms = now_ms;
	}
}

static void done_numbers(struct job *job)
{
	struct ask *ask = (struct ask *)job;
	struct sampler *sampler = ask->sampler;
	struct part *part = &sampler->parts[ask->part];
	bool counts = come_back(ask) && !part->answered;

	if (counts && part->latest == job)
		part->latest = NULL;
	/* A call that failed is as good as one that hangs: the deadline asks again. */
	if (counts && !job->error) {
		take_numbers(sampler, ask);
		part->answered = true;
	}
	if (counts && job->error == -ENOTCONN)
		end_round(sampler, job->error, job->error_text);
	else if (counts)
		end_when_answered(sampler);
	dismiss(ask, counts);
}

/* Ask for a part. False: it cannot be, without memory or with too many calls that hang. */
static bool ask_part(struct sampler *sampler, size_t index)
{
	struct part *part = &sampler->parts[index];
	struct ask *ask = ask_new(sampler, part);

	if (!ask)
		return false;
	ask->job.run = run_numbers;
	ask->job.done = done_numbers;
	ask->part = index;
	ask->one_by_one = sampler->one_by_one;
	/* Whatever call it is that hangs, it may be at one of these. */
	ask->again = part->attempts > 0 || hanging(sampler) > 0;
	part->attempts++;
	part->latest = &ask->job;
	submit(sampler, ask);
	return true;
}

static int part_add(struct sampler *sampler, size_t index, const char *uuid, size_t capacity)
{
	struct part *part = &sampler->parts[index];

	if (!part->uuids) {
		part->uuids = uuids_alloc(capacity);
		if (!part->uuids)
			return -ENOMEM;
	}
	memcpy(part->uuids[part->n_uuids++], uuid, VM_UUID_LEN);
	return 0;
}

/* So few that all may hang. */
static size_t parts_affordable(const struct sampler *sampler, size_t wanted)
{
	unsigned int hang = hanging(sampler);
	size_t left = hang < HANGING_MAX ? HANGING_MAX - hang : 1;

	if (wanted > PARTS_HEALTHY)
		wanted = PARTS_HEALTHY;
	return wanted < left ? wanted : left;
}

/* The fleet is sorted, so its parts are; neighbours go to different ones, to spread the load. */
static int make_parts(struct sampler *sampler)
{
	const struct fleet *fleet = sampler->config.fleet;
	size_t n_silent = 0, n_healthy, n_parts, at = 0;
	int ret = 0;

	for (size_t i = 0; i < fleet->n_vms; i++)
		n_silent += fleet->vms[i]->silent_ms != 0;
	n_healthy = fleet->n_vms - n_silent;
	n_parts = parts_affordable(sampler, (n_healthy + PART_DOMAINS_MIN - 1) / PART_DOMAINS_MIN);
	sampler->n_parts = n_parts + (n_silent ? 1 : 0);
	for (size_t i = 0; i < fleet->n_vms && !ret; i++) {
		const struct vm *vm = fleet->vms[i];

		if (vm->silent_ms)
			ret = part_add(sampler, n_parts, vm->sample.uuid, n_silent);
		else
			ret = part_add(sampler, at++ % n_parts, vm->sample.uuid,
				       n_healthy / n_parts + 1);
	}
	return ret;
}

/* ---- roster ---- */

static int run_roster(struct job *job, virConnectPtr conn)
{
	struct ask *ask = (struct ask *)job;
	int ret = stats_collect_roster(job, conn, &ask->batch);

	if (!ret && ask->remote)
		ask->node = node_sample_read(conn);
	return ret;
}

/* Ask for the numbers of whom the fleet holds. */
static void ask_fleet(struct sampler *sampler)
{
	int ret = make_parts(sampler);

	sampler->has_parts = true;
	if (ret) {
		end_round(sampler, ret, "out of memory");
		return;
	}
	arm(sampler);
	for (size_t i = 0; i < sampler->n_parts; i++)
		(void)ask_part(sampler, i); /* the deadline tries again */
	end_when_answered(sampler);
}

static void done_roster(struct job *job)
{
	struct ask *ask = (struct ask *)job;
	struct sampler *sampler = ask->sampler;
	bool counts = come_back(ask) && !sampler->has_parts;

	sampler->roster_out = false;
	sampler->roster_job = NULL;
	if (counts && job->error) {
		end_round(sampler, job->error, job->error_text);
	} else if (counts) {
		sampler->node = ask->node;
		if (fleet_merge(sampler->config.fleet, &ask->batch, clock_monotonic_ms(),
				&sampler->config.observer)) {
			end_round(sampler, -ENOMEM, "out of memory");
		} else {
			sampler->has_roster = true;
			ask_fleet(sampler);
		}
	}
	dismiss(ask, counts);
}

/* The roster is not waited for: whoever was there is asked. */
static void ask_known(struct sampler *sampler)
{
	if (!sampler->config.fleet->n_vms && !sampler->has_roster) {
		end_round(sampler, -ETIMEDOUT, NO_ANSWER);
		return;
	}
	sampler->late = true;
	sampler->one_by_one = true;
	sampler->node = (struct host_sample){ 0 };
	ask_fleet(sampler);
}

static int ask_roster(struct sampler *sampler)
{
	struct ask *ask = ask_new(sampler, NULL);

	if (!ask)
		return sampler->asks_out >= ASKS_MAX ? -EBUSY : -ENOMEM;
	ask->job.run = run_roster;
	ask->remote = sampler->config.remote;
	ask->job.done = done_roster;
	sampler->roster_out = true;
	sampler->roster_job = &ask->job;
	submit(sampler, ask);
	return 0;
}

/* ---- rounds ---- */

static void numbers_missing(struct sampler *sampler)
{
	unsigned int asked = 0;

	for (size_t i = 0; i < sampler->n_parts; i++) {
		const struct part *part = &sampler->parts[i];

		if (part->answered)
			continue;
		if (part->latest)
			give_up(sampler, part->latest);
		if (part->attempts < ATTEMPTS_MAX && ask_part(sampler, i))
			asked++;
	}
	if (asked)
		arm(sampler);
	else if (any_answered(sampler))
		end_round(sampler, 0, "");
	else if (hanging(sampler) >= HANGING_MAX)
		end_round(sampler, -ETIMEDOUT, TOO_MANY);
	else
		end_round(sampler, -ETIMEDOUT, NO_ANSWER);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct sampler *sampler = userdata;

	(void)source;
	(void)usec;
	if (!sampler->busy)
		return 0;
	sampler->late = true;
	if (sampler->has_parts) {
		numbers_missing(sampler);
		return 0;
	}
	if (sampler->roster_job)
		give_up(sampler, sampler->roster_job);
	ask_known(sampler);
	return 0;
}

int sampler_new(sd_event *event, const struct sampler_config *config, struct sampler **ret_sampler)
{
	struct sampler *sampler = calloc(1, sizeof(*sampler));
	int ret;

	if (!sampler)
		return -ENOMEM;
	sampler->config = *config;
	ret = sd_event_add_time_relative(event, &sampler->deadline, CLOCK_MONOTONIC, UINT64_MAX / 4,
					 TIMER_ACCURACY_US, on_deadline, sampler);
	if (ret < 0) {
		free(sampler);
		return ret;
	}
	sd_event_source_set_enabled(sampler->deadline, SD_EVENT_OFF);
	*ret_sampler = sampler;
	return 0;
}

int sampler_begin(struct sampler *sampler, uint64_t interval_ms)
{
	int ret;

	if (sampler->busy)
		return -EBUSY;
	sampler->round++;
	sampler->late = false;
	sampler->has_parts = false;
	sampler->one_by_one = false;
	sampler->interval_ms = interval_ms;
	sampler->begun_us = clock_monotonic_us();
	if (sampler->roster_out) {
		sampler->busy = true;
		ask_known(sampler);
		return 0;
	}
	ret = ask_roster(sampler);
	if (ret)
		return ret;
	sampler->busy = true;
	arm(sampler);
	return 0;
}

struct host_sample sampler_node(const struct sampler *sampler)
{
	return sampler->node;
}

bool sampler_has_roster(const struct sampler *sampler)
{
	return sampler->has_roster;
}

bool sampler_busy(const struct sampler *sampler)
{
	return sampler->busy;
}

void sampler_cancel(struct sampler *sampler)
{
	sd_event_source_set_enabled(sampler->deadline, SD_EVENT_OFF);
	sampler->busy = false;
	sampler->has_roster = false;
	clear_parts(sampler);
}

void sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return;
	clear_parts(sampler);
	sd_event_source_disable_unref(sampler->deadline);
	free(sampler);
}
