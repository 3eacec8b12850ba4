// SPDX-License-Identifier: GPL-2.0
/*
 * When what happens. All of it on the loop's thread, none of it waiting:
 *
 *   timer, event --> tick: sampling job --answer--> merge, describe news, judge, act, publish
 *                              |
 *                              +--no answer by the deadline--> "late": a further job is sent,
 *                                 which skips whatever the first one hangs at; nobody is touched
 *                                 meanwhile, because without fresh numbers there is no judging
 *
 * A tick comes each interval, and sooner after an event (a balloon has moved, a VM came or went),
 * so that memory that was just freed is granted at once, but not within event_gap of the last.
 *
 * An answer that a later one has overtaken is dropped. While libvirt is away there are no ticks
 * and all VMs keep their targets; link (source/libvirt.c) keeps trying.
 */
#include "manager.h"
#include "manager_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "publish/service.h"
#include "util/log.h"

#define TIMER_ACCURACY_US 10000

/* More sampling jobs than this cannot hang: one a stopped QEMU, and workers must remain. */
#define SAMPLES_MAX (WORKERS_MAX / 2)

/* A domain that is just being destroyed can hold up an answer for about as long as this. */
#define SAMPLE_DEADLINE_MIN_MS 2000

/* Bulk statistics took 1.3 to 1.6 ms a domain where they were measured; three times that. */
#define SAMPLE_MS_PER_DOMAIN 5

/* --once gives up on what has not answered by then. */
#define ONCE_TIMEOUT_MS 30000

struct sample_job {
	struct job job; /* first */
	struct manager *manager;
	uint64_t number;
	struct stats_batch batch;
};

const char *manager_uri(const struct manager *manager)
{
	return manager->options->uri ? manager->options->uri : manager->conf->daemon.connect;
}

static void finish_once(struct manager *manager)
{
	sd_event_exit(manager->event, manager->failed ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void arm_timer(sd_event_source *timer, uint64_t delay_ms)
{
	sd_event_source_set_time_relative(timer, delay_ms * 1000);
	sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

/*
 * Half an interval, so that the further job's answer still belongs to this tick; but long enough
 * for what is only slow.
 */
static uint64_t sample_deadline_ms(const struct manager *manager)
{
	const struct conf_daemon *daemon = &manager->conf->daemon;
	uint64_t deadline_ms = daemon->interval_ms / 2;

	if (deadline_ms < SAMPLE_DEADLINE_MIN_MS)
		deadline_ms = SAMPLE_DEADLINE_MIN_MS;
	if (deadline_ms > daemon->call_deadline_ms)
		deadline_ms = daemon->call_deadline_ms;
	return deadline_ms + SAMPLE_MS_PER_DOMAIN * (uint64_t)manager->fleet.n_vms;
}

static void vm_found(void *userdata, struct vm *vm)
{
	struct manager *manager = userdata;

	/* There is no later tick to wait for until its boot is over. */
	if (manager->options->once)
		vm->run_since_ms = 0;
	log_info("%s: running, uuid=%s max_kib=%" PRIu64, vm->name, vm->sample.uuid,
		 vm->sample.max_kib);
}

static void vm_lost(void *userdata, struct vm *vm)
{
	(void)userdata;
	log_info("%s: gone", vm->name);
}

static void take_batch(struct manager *manager, const struct stats_batch *batch)
{
	const struct fleet_observer observer = {
		.found = vm_found,
		.lost = vm_lost,
		.userdata = manager,
	};

	manager->sampled_ms = clock_monotonic_ms();
	if (fleet_merge(&manager->fleet, batch, manager->sampled_ms, &observer))
		log_error("out of memory; some VMs are left alone");
	manager_describe_fleet(manager);
	if (manager->options->once)
		manager_once_progress(manager);
	else
		manager_judge(manager);
}

static int run_sample(struct job *job, virConnectPtr conn)
{
	return stats_collect(job, conn, &((struct sample_job *)job)->batch);
}

static void take_answer(struct manager *manager, const struct sample_job *sj)
{
	if (sj->number <= manager->sample_accepted)
		return; /* overtaken */
	if (sj->job.error) {
		log_warning("no statistics: %s", sj->job.error_text);
		manager->telemetry.samples_failed++;
		manager->failed = true;
		if (sj->job.error == -ENOTCONN)
			link_suspect(manager->link, sj->job.error_text);
		return;
	}
	manager->sample_accepted = sj->number;
	if (sj->number == manager->sample_submitted)
		sd_event_source_set_enabled(manager->deadline_timer, SD_EVENT_OFF);
	if (manager->late_logged) {
		log_info("statistics come in time again");
		manager->late_logged = false;
	}
	take_batch(manager, &sj->batch);
}

static void done_sample(struct job *job)
{
	struct sample_job *sj = (struct sample_job *)job;
	struct manager *manager = sj->manager;

	manager->samples_in_flight--;
	if (!manager->stopping && link_is_up(manager->link))
		take_answer(manager, sj);
	stats_batch_clear(&sj->batch);
	free(sj);
}

static void submit_sample(struct manager *manager)
{
	struct sample_job *sj;

	if (manager->samples_in_flight >= SAMPLES_MAX)
		return;
	sj = calloc(1, sizeof(*sj));
	if (!sj) {
		log_error("out of memory; no statistics in this tick");
		return;
	}
	sj->job.run = run_sample;
	sj->job.done = done_sample;
	sj->manager = manager;
	sj->number = ++manager->sample_submitted;
	manager->samples_in_flight++;
	manager->sample_since_ms = clock_monotonic_ms();
	arm_timer(manager->deadline_timer, sample_deadline_ms(manager));
	workers_submit(link_workers(manager->link), &sj->job);
}

/* The latest sampling job has not come back in time. */
static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *manager = userdata;

	(void)source;
	(void)usec;
	if (!link_is_up(manager->link))
		return 0;
	if (!manager->late_logged)
		log_warning("no statistics within %" PRIu64
			    " ms: a VM or libvirt hangs; no targets are changed until they come",
			    sample_deadline_ms(manager));
	manager->late_logged = true;
	manager->telemetry.samples_late++;
	submit_sample(manager);
	return 0;
}

static bool sample_pending(const struct manager *manager)
{
	return manager->sample_submitted > manager->sample_accepted && manager->samples_in_flight &&
	       clock_monotonic_ms() - manager->sample_since_ms < sample_deadline_ms(manager);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *manager = userdata;

	(void)source;
	(void)usec;
	arm_timer(manager->tick_timer, manager->conf->daemon.interval_ms);
	if (!link_is_up(manager->link))
		return 0;
	manager->tick_ms = clock_monotonic_ms();
	manager_gather_signals(manager);
	if (!sample_pending(manager))
		submit_sample(manager);
	return 0;
}

void manager_tick_soon(struct manager *manager)
{
	uint64_t now_ms = clock_monotonic_ms();
	uint64_t gap_ms = manager->conf->daemon.event_gap_ms;
	uint64_t since_ms = now_ms - manager->tick_ms;
	uint64_t due_us;

	if (!link_is_up(manager->link) || manager->options->once)
		return;
	/* Never later than the regular tick that is armed already. */
	if (!sd_event_source_get_time(manager->tick_timer, &due_us) &&
	    due_us / 1000 <= now_ms + (since_ms < gap_ms ? gap_ms - since_ms : 0))
		return;
	arm_timer(manager->tick_timer, since_ms < gap_ms ? gap_ms - since_ms : 0);
}

void manager_once_progress(struct manager *manager)
{
	if (!manager->options->once || manager->describing || manager->setting)
		return;
	if (!manager->ticks && manager->sampled_ms)
		manager_judge(manager);
	if (manager->ticks && !manager->setting)
		finish_once(manager);
}

static int on_once_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *manager = userdata;

	(void)source;
	(void)usec;
	log_error("libvirt has not answered within %d s", ONCE_TIMEOUT_MS / 1000);
	manager->failed = true;
	finish_once(manager);
	return 0;
}

static void on_up(void *userdata)
{
	struct manager *manager = userdata;

	/* What happened while we were away nobody has told us. */
	for (size_t i = 0; i < manager->fleet.n_vms; i++) {
		manager->fleet.vms[i]->described = false;
		manager->fleet.vms[i]->describe_failed = false;
	}
	service_status("Connected to libvirt at %s%s", manager_uri(manager),
		       manager->options->dry_run ? "; dry run: nothing is changed" : "");
	on_tick(manager->tick_timer, 0, manager);
}

static void on_down(void *userdata, const char *why)
{
	struct manager *manager = userdata;

	service_status("Lost libvirt (%s); all VMs keep their targets", why);
	sd_event_source_set_enabled(manager->deadline_timer, SD_EVENT_OFF);
	manager->sample_accepted = manager->sample_submitted; /* whatever still comes is old */
	manager->late_logged = false;
	if (manager->options->once) {
		manager->failed = true;
		finish_once(manager);
	}
}

static bool on_refused(void *userdata, const char *why)
{
	struct manager *manager = userdata;

	if (!manager->options->once) {
		service_status("Waiting for libvirt: %s", why);
		return true;
	}
	log_error("%s: %s", manager_uri(manager), why);
	manager->failed = true;
	finish_once(manager);
	return false;
}

static void on_domain_event(void *userdata, const struct domain_event *event)
{
	struct manager *manager = userdata;
	struct vm *vm = fleet_find(&manager->fleet, event->uuid);

	switch (event->kind) {
	case DOMAIN_EVENT_STARTED:
		if (vm)
			fleet_vm_restarted(vm, clock_monotonic_ms());
		break;
	case DOMAIN_EVENT_CHANGED:
		if (vm)
			manager_describe_vm(manager, vm);
		break;
	case DOMAIN_EVENT_JOB:
		if (vm) {
			vm->has_job = true; /* until its description says otherwise */
			manager_describe_vm(manager, vm);
		}
		break;
	case DOMAIN_EVENT_STATE:
	case DOMAIN_EVENT_BALLOON:
		break;
	}
	manager_tick_soon(manager);
}

static int add_timers(struct manager *manager)
{
	int ret;

	ret = sd_event_add_time_relative(manager->event, &manager->tick_timer, CLOCK_MONOTONIC,
					 UINT64_MAX / 4, TIMER_ACCURACY_US, on_tick, manager);
	if (ret < 0)
		return ret;
	ret = sd_event_add_time_relative(manager->event, &manager->deadline_timer, CLOCK_MONOTONIC,
					 UINT64_MAX / 4, TIMER_ACCURACY_US, on_deadline, manager);
	if (ret < 0)
		return ret;
	if (!manager->options->once)
		return 0;
	ret = sd_event_add_time_relative(manager->event, NULL, CLOCK_MONOTONIC,
					 (uint64_t)ONCE_TIMEOUT_MS * 1000, TIMER_ACCURACY_US,
					 on_once_timeout, manager);
	return ret;
}

int manager_new(sd_event *event, struct conf *conf, const struct manager_options *options,
		struct manager **ret_manager)
{
	struct link_handlers handlers = {
		.up = on_up,
		.down = on_down,
		.refused = on_refused,
		.event = on_domain_event,
	};
	struct manager *manager;
	int ret;

	manager = calloc(1, sizeof(*manager));
	if (!manager)
		return -ENOMEM;
	manager->event = event;
	manager->options = options;
	manager->conf = conf;
	handlers.userdata = manager;
	ret = add_timers(manager);
	if (ret < 0)
		goto fail;
	ret = link_new(event, manager_uri(manager), conf->daemon.call_deadline_ms, &handlers,
		       &manager->link);
	if (ret)
		goto fail;
	manager->actuator = (struct balloon_actuator){
		.workers = link_workers(manager->link),
		.dry_run = options->dry_run,
		.done = manager_set_done,
		.userdata = manager,
	};
	*ret_manager = manager;
	return 0;

fail:
	manager->conf = NULL; /* still the caller's */
	manager_stop(manager);
	return ret;
}

void manager_reload(struct manager *manager, struct conf *conf)
{
	struct conf *old = manager->conf;

	if (!manager->options->uri && strcmp(old->daemon.connect, conf->daemon.connect) != 0)
		log_warning("daemon.connect has changed to %s: that takes effect with a restart",
			    conf->daemon.connect);
	manager->conf = conf;
	workers_set_deadline(link_workers(manager->link), conf->daemon.call_deadline_ms);
	for (size_t i = 0; i < manager->fleet.n_vms; i++)
		manager_settle_vm(manager, manager->fleet.vms[i]);
	conf_free(old);
	if (link_is_up(manager->link))
		manager_tick_soon(manager);
}

bool manager_stop(struct manager *manager)
{
	if (!manager)
		return true;
	manager->stopping = true;
	manager->tick_timer = sd_event_source_disable_unref(manager->tick_timer);
	manager->deadline_timer = sd_event_source_disable_unref(manager->deadline_timer);
	if (!link_stop(manager->link))
		return false;
	fleet_clear(&manager->fleet);
	conf_free(manager->conf);
	free(manager->policy_vms);
	signals_free(manager->signals);
	free(manager);
	return true;
}

void manager_status(const struct manager *manager, struct status *ret_status)
{
	*ret_status = (struct status){
		.fleet = &manager->fleet,
		.conf = manager->conf,
		.host = manager->host,
		.host_detail = &manager->host_detail,
		.decision = manager->host_decision,
		.ticks = manager->ticks,
		.uri = manager_uri(manager),
		.connected = link_is_up(manager->link),
		.dry_run = manager->options->dry_run,
		.paused = manager->paused,
		.sampled_ms = manager->sampled_ms,
		.lost_workers = workers_lost(link_workers(manager->link)),
		.telemetry = &manager->telemetry,
	};
}
