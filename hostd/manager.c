// SPDX-License-Identifier: GPL-2.0
/*
 * When what happens. All of it on the loop's thread, none of it waiting:
 *
 *   timer, event --> tick: sampling round --done--> describe news, judge, act, publish
 *
 * A round ends before the next tick is due, whatever hangs (source/sampler.h): those VMs are judged
 * whose numbers came, and one whose QEMU does not answer is left alone. Without a roster of the
 * running domains nobody is judged, and all VMs keep their targets.
 *
 * A tick comes each interval, and sooner after an event (a balloon has moved, a VM came or went),
 * so that memory that was just freed is granted at once, but not within event_gap of the last. When
 * the host begins to stall it comes at once. An answer that nobody waits for any more brings one,
 * too: a QEMU or a libvirt that hung is controlled again as soon as it answers. Once an interval at
 * most, since to a libvirt that is merely slow more questions are no help.
 *
 * While libvirt is away the timer fires and nothing else happens; link (source/libvirt.c) keeps
 * trying. That the timer fires is what the watchdog is fed for: a libvirt that is away or silent, for
 * however long, is no reason to end the daemon.
 */
#include "manager.h"
#include "manager_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "manager_reserve.h"
#include "publish/service.h"
#include "source/node.h"
#include "util/log.h"

#define TIMER_ACCURACY_US 10000

/* Of what may come and go as often as it likes, but for this process's log. */
#define OUTAGE_LINES_AT_ONCE  5
#define OUTAGE_LINES_EVERY_MS 60000

/* No round takes this long beyond an interval, whatever hangs: its deadlines end it before. */
#define STUCK_AFTER_MS 60000

/* --once gives up on what has not answered by then. */
#define ONCE_TIMEOUT_MS 30000

const char *manager_uri(const struct manager *manager)
{
	return manager->uri;
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

static void vm_found(void *userdata, struct vm *vm)
{
	struct manager *manager = userdata;

	/* There is no later tick to wait for until its boot is over. */
	if (manager->options->once)
		vm->run_since_ms = 0;
	manager_bounds_restore(manager, vm);
	manager_state_restore(manager, vm);
	log_info("%s: running, uuid=%s", vm->name, vm->sample.uuid);
	manager_reserve_started(manager, vm);
}

static void vm_lost(void *userdata, struct vm *vm)
{
	manager_bounds_keep(userdata, vm);
	log_info("%s: gone", vm->name);
}

/* Once an episode: what is worth knowing about a VM whose QEMU hangs, or answers again. */
static void log_silence(struct manager *manager, struct vm *vm)
{
	bool hung = vm_is_hung(vm, manager->sampled_ms, manager->conf->daemon.call_deadline_ms);

	if (hung && !vm->hung)
		log_warning("%s: its QEMU does not answer; it is left alone until it does",
			    vm->name);
	else if (!hung && vm->hung)
		log_info("%s: its QEMU answers again", vm->name);
	vm->hung = hung;
}

static void take_round(struct manager *manager)
{
	manager->sampled_ms = clock_monotonic_ms();
	if (manager->late_logged)
		log_info("libvirt answers again");
	manager->late_logged = false;
	for (size_t i = 0; i < manager->fleet.n_vms; i++)
		log_silence(manager, manager->fleet.vms[i]);
	manager_describe_fleet(manager);
	if (manager->options->once)
		manager_once_progress(manager);
	else
		manager_judge(manager);
}

void manager_thawed(struct manager *manager)
{
	uint64_t now_ms = clock_monotonic_ms();

	if (manager->stopping ||
	    (manager->thawed_ms && now_ms - manager->thawed_ms < manager->conf->daemon.interval_ms))
		return;
	manager->thawed_ms = now_ms;
	manager_tick_soon(manager);
}

static void on_thawed(void *userdata)
{
	manager_thawed(userdata);
}

static void round_failed(struct manager *manager, int error, const char *why)
{
	/* A libvirt that answers every other time is said now and then. */
	if (!manager->late_logged && rate_allow(&manager->outages, clock_monotonic_ms(),
						OUTAGE_LINES_EVERY_MS, OUTAGE_LINES_AT_ONCE)) {
		log_warning("no statistics: %s; no targets are changed until they come", why);
		manager->late_logged = true;
	}
	manager->judged_ms = 0; /* what comes after this is not late, but back */
	manager->failed = true;
	if (error == -ENOTCONN)
		link_suspect(manager->link, why);
}

static void round_done(void *userdata, const struct sampler_outcome *outcome)
{
	struct manager *manager = userdata;

	if (manager->stopping)
		return;
	manager->sampling_us = opt_some(outcome->took_us);
	manager->telemetry.samples_late += outcome->late;
	manager->telemetry.samples_failed += outcome->error != 0;
	if (outcome->error)
		round_failed(manager, outcome->error, outcome->why);
	else
		take_round(manager);
	if (manager->tick_again)
		manager_tick_soon(manager);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *manager = userdata;
	int ret;

	(void)source;
	(void)usec;
	arm_timer(manager->tick_timer, manager->conf->daemon.interval_ms);
	manager->timer_ms = clock_monotonic_ms();
	if (!link_is_up(manager->link) || manager->releasing)
		return 0;
	if (sampler_busy(manager->sampler)) {
		manager->tick_again = true;
		return 0;
	}
	manager->tick_ms = clock_monotonic_ms();
	manager->tick_again = false;
	manager_gather_signals(manager);
	ret = sampler_begin(manager->sampler, manager->conf->daemon.interval_ms);
	if (ret)
		round_failed(manager, ret,
			     ret == -EBUSY ? "libvirt does not answer" : "out of memory");
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
		manager_refusal_retry(manager->fleet.vms[i]);
	}
	service_status("Connected to libvirt at %s%s", manager_uri(manager),
		       manager->options->dry_run ? "; dry run: nothing is changed" : "");
	on_tick(manager->tick_timer, 0, manager);
}

static void on_down(void *userdata, const char *why)
{
	struct manager *manager = userdata;

	service_status("Lost libvirt (%s); all VMs keep their targets", why);
	sampler_cancel(manager->sampler);
	manager->judged_ms = 0;
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
	case DOMAIN_EVENT_STOPPED:
		if (vm)
			vm->stopped = true;
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
	if (manager_event_counts(manager, vm, event))
		manager_tick_soon(manager);
}

/* The kernel fires once a window at most, so no gap has to be kept. */
static void on_pressure(void *userdata)
{
	struct manager *manager = userdata;

	manager->pressed = true;
	if (link_is_up(manager->link) && !manager->options->once)
		on_tick(manager->tick_timer, 0, manager);
}

static void add_pressure(struct manager *manager)
{
	int ret = pressure_new(manager->event, manager->options->root, on_pressure, manager,
			       &manager->pressure);

	if (ret && !*manager->options->root)
		log_info("no pressure triggers: %s; pressure of the host is seen in each tick",
			 strerror(-ret));
}

static int add_timers(struct manager *manager)
{
	int ret;

	ret = sd_event_add_time_relative(manager->event, &manager->tick_timer, CLOCK_MONOTONIC,
					 (uint64_t)manager->conf->daemon.interval_ms * 1000,
					 TIMER_ACCURACY_US, on_tick, manager);
	if (ret < 0)
		return ret;
	if (!manager->options->once)
		return 0;
	ret = sd_event_add_time_relative(manager->event, NULL, CLOCK_MONOTONIC,
					 (uint64_t)ONCE_TIMEOUT_MS * 1000, TIMER_ACCURACY_US,
					 on_once_timeout, manager);
	return ret;
}

static int add_sampler(struct manager *manager)
{
	const struct sampler_config config = {
		.remote = manager->remote,
		.workers = link_workers(manager->link),
		.fleet = &manager->fleet,
		.observer = {
			.found = vm_found,
			.lost = vm_lost,
			.userdata = manager,
		},
		.done = round_done,
		.thawed = on_thawed,
		.userdata = manager,
	};

	return sampler_new(manager->event, &config, &manager->sampler);
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
	manager->timer_ms = clock_monotonic_ms();
	handlers.userdata = manager;
	manager->uri = strdup(options->uri ? options->uri : conf->daemon.connect);
	ret = manager->uri ? add_timers(manager) : -ENOMEM;
	if (ret < 0)
		goto fail;
	ret = link_new(event, manager_uri(manager), conf->daemon.call_deadline_ms, &handlers,
		       &manager->link);
	if (ret)
		goto fail;
	manager->remote = uri_is_remote(manager_uri(manager));
	if (manager->remote)
		log_info(
			"%s is a remote host: its available memory is estimated from what libvirt "
			"tells; its pressure and swapping, and what VMs wait for there, are not known",
			manager_uri(manager));
	else
		add_pressure(manager);
	ret = add_sampler(manager);
	if (ret)
		goto fail;
	manager->actuator = (struct balloon_actuator){
		.workers = link_workers(manager->link),
		.dry_run = options->dry_run,
		.done = manager_set_done,
		.userdata = manager,
	};
	ret = manager_state_load(manager);
	if (ret)
		goto fail;
	*ret_manager = manager;
	return 0;

fail:
	manager->conf = NULL; /* still the caller's */
	manager_stop(manager);
	return ret;
}

bool manager_proceeds(const struct manager *manager)
{
	uint64_t slack_ms = (uint64_t)manager->conf->daemon.interval_ms + STUCK_AFTER_MS;

	return clock_monotonic_ms() - manager->timer_ms <
		       slack_ms + manager->conf->daemon.interval_ms &&
	       (!sampler_busy(manager->sampler) ||
		clock_monotonic_ms() - manager->tick_ms < slack_ms);
}

bool manager_stop(struct manager *manager)
{
	bool stopped;

	if (!manager)
		return true;
	manager->stopping = true;
	manager->tick_timer = sd_event_source_disable_unref(manager->tick_timer);
	manager->release_timer = sd_event_source_disable_unref(manager->release_timer);
	stopped = link_stop(manager->link);
	manager_state_end(manager);
	if (!stopped)
		return false;
	pressure_free(manager->pressure);
	sampler_free(manager->sampler);
	manager_reserve_clear(manager);
	fleet_clear(&manager->fleet);
	conf_free(manager->conf);
	free(manager->policy_vms);
	signals_free(manager->signals);
	free(manager->uri);
	free(manager->gone);
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
		.late_ticks = manager->late_ticks,
		.uri = manager_uri(manager),
		.connected = link_is_up(manager->link),
		.dry_run = manager->options->dry_run,
		.paused = manager->paused,
		.sampled_ms = manager->sampled_ms,
		.sampling_us = manager->sampling_us,
		.lost_workers = workers_lost(link_workers(manager->link)),
		.telemetry = &manager->telemetry,
	};
}
