// SPDX-License-Identifier: GPL-2.0
/*
 * The tick, read top-down: complete the snapshot, let the policy decide, act, log.
 *
 * Acting means handing targets to the actuator, which sends them from workers' threads; the
 * answers come later (manager_set_done). A VM whose last target is still on its way is left out,
 * so that one that hangs holds up nobody but itself.
 */
#include "manager_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "manager_reserve.h"
#include "publish/journal.h"
#include "publish/service.h"
#include "source/host.h"
#include "util/log.h"
#include "watchdog.h"

/* For a VM that is not described yet: its memory counts, but nobody may touch it. */
static const struct vm_settings left_alone = {
	.shares = 1,
	.limit_permille = 1000,
	.mode = VM_MODE_OFF,
};

/* What statistics alone do not say: ages by the clocks, and what the description adds. */
static void complete_sample(struct manager *manager, struct vm *vm, uint64_t now_ms)
{
	struct vm_sample *sample = &vm->sample;

	sample->stats_age_ms =
		stats_age_ms(vm->last_update_s, clock_wall_ms(&manager->options->clock));
	sample->up_ms = manager_up_ms(manager, vm, now_ms);
	sample->has_balloon = vm->description.has_balloon && !vm->description.pinned;
	sample->apart = vm->description.hugepages;
	sample->hung = vm->hung;
	sample->refused_ms = manager_refused_ms(vm, now_ms);
	if (vm->described && vm->has_job)
		sample->run_state = VM_MIGRATING;
}

/* Of those that run; who has stopped and is still in the fleet holds nothing any more. */
static int build_snapshot(struct manager *manager, uint64_t now_ms, size_t *ret_n)
{
	struct fleet *fleet = &manager->fleet;
	size_t n = 0;

	if (manager->policy_vms_size < fleet->n_vms) {
		struct policy_vm *larger =
			reallocarray(manager->policy_vms, fleet->n_vms, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		manager->policy_vms = larger;
		manager->policy_vms_size = fleet->n_vms;
	}
	for (size_t i = 0; i < fleet->n_vms; i++) {
		struct vm *vm = fleet->vms[i];

		if (vm->stopped)
			continue;
		complete_sample(manager, vm, now_ms);
		/* The policy takes its decisions as sent; not all of them were. */
		vm->state.last_target_kib = vm->asked_kib;
		manager->policy_vms[n++] = (struct policy_vm){
			.sample = &vm->sample,
			.settings = vm->described ? manager_vm_settings(manager, vm, now_ms)
						  : &left_alone,
			.state = &vm->state,
		};
	}
	*ret_n = n;
	return 0;
}

static void take_decision(struct manager *manager, struct vm *vm,
			  const struct vm_decision *decision, uint64_t now_ms)
{
	enum reason before = vm->decision.reason;
	bool changed;

	vm->decision = *decision;
	changed = !vm->decided_ms || before != decision->reason;
	/* Whoever turned the statistics off meanwhile, or down, did not tell: look, and mend it. */
	if (changed && vm->decided_ms && decision->reason == REASON_STALE_STATS)
		manager_describe_vm(manager, vm);
	if (changed)
		vm->decided_ms = now_ms;
	manager->telemetry.decisions[decision->reason]++;
	/* What was asked for before somebody else asked for something else no longer holds. */
	if (!vm->state.last_target_kib.known)
		vm->asked_kib = opt_none();
}

static void take_decisions(struct manager *manager, uint64_t now_ms)
{
	const struct policy_vm *decided = manager->policy_vms;

	for (size_t i = 0; i < manager->fleet.n_vms; i++) {
		struct vm *vm = manager->fleet.vms[i];

		if (vm->stopped)
			continue;
		if (vm->described && !vm->setting)
			take_decision(manager, vm, &decided->decision, now_ms);
		decided++;
	}
}

static bool shrinks(const struct vm *vm)
{
	/* Where the size is not known, the careful answer. */
	return vm->decision.target_kib < opt_or(vm->sample.actual_kib, UINT64_MAX);
}

static void send_target(struct manager *manager, struct vm *vm)
{
	struct balloon_request request = {
		.id = vm->id,
		.target_kib = vm->decision.target_kib,
		.shrink = shrinks(vm),
	};
	int ret;

	memcpy(request.uuid, vm->sample.uuid, sizeof(request.uuid));
	ret = balloon_set(&manager->actuator, &request);
	if (ret < 0)
		log_error("%s: target not set: %s", vm->name, strerror(-ret));
	if (ret <= 0)
		return;
	vm->setting = true;
	vm->asked_before_kib = vm->asked_kib;
	/* Promised from now on, so that the next tick does not give the same memory twice. */
	vm->asked_kib = opt_some(request.target_kib);
	vm->bounds.nearest_kib = UINT64_MAX;
	manager->setting++;
	if (request.shrink)
		manager->telemetry.targets_lowered++;
	else
		manager->telemetry.targets_raised++;
}

/* Log and send all decisions of one direction. */
static void act(struct manager *manager, bool shrinking)
{
	for (size_t i = 0; i < manager->fleet.n_vms; i++) {
		struct vm *vm = manager->fleet.vms[i];

		/* A call for a VM that is silent would only hang, too. */
		if (!vm->described || vm->stopped || vm->setting || vm->silent_ms ||
		    shrinks(vm) != shrinking)
			continue;
		/* A decision that is only tried again is no news. */
		if (!vm->refusal.episode || !vm->decision.set)
			journal_decision(vm, &manager->host_decision, manager->options->dry_run);
		if (vm->decision.set)
			send_target(manager, vm);
	}
}

/*
 * The kernel's average goes over ten seconds and is slow to say what a trigger says at once: in the
 * last window the host stalled this much.
 */
static void note_pressure(struct manager *manager)
{
	struct opt_u64 *some_permille = &manager->host.psi_some_permille;

	if (manager->pressed && opt_or(*some_permille, 0) < PRESSURE_STALL_PERMILLE)
		*some_permille = opt_some(PRESSURE_STALL_PERMILLE);
	manager->pressed = false;
}

static void count_tick(struct manager *manager, uint64_t now_ms)
{
	uint64_t interval_ms = manager->conf->daemon.interval_ms;

	manager->ticks++;
	if (manager->judged_ms && now_ms - manager->judged_ms > 2 * interval_ms)
		manager->late_ticks++;
	manager->judged_ms = now_ms;
}

void manager_judge(struct manager *manager)
{
	const struct host_decision before = manager->host_decision;
	struct policy_settings settings = manager->conf->policy;
	uint64_t now_ms = clock_monotonic_ms(), begin_us;
	size_t n_vms;

	watchdog_phase("deciding");
	manager->host = manager->remote ? sampler_node(manager->sampler)
					: host_sample_read(manager->options->root);
	note_pressure(manager);
	manager_check_reserve(manager);
	if (build_snapshot(manager, now_ms, &n_vms)) {
		log_error("out of memory; no decisions in this tick");
		return;
	}
	begin_us = clock_monotonic_us();
	/* Nothing is asked for in a dry run, so whatever moves would count as moved by others. */
	if (manager->options->dry_run)
		settings.foreign_hold_ms = 0;
	settings.hold_kib = manager_reserve_hold_kib(manager);
	policy_tick(now_ms, &settings, &manager->host, &manager->policy_state, manager->policy_vms,
		    n_vms, &manager->host_decision);
	histogram_note(&manager->telemetry.decide, clock_monotonic_us() - begin_us);
	take_decisions(manager, now_ms);
	if (!manager->ticks || before.state != manager->host_decision.state)
		journal_host(&manager->host, &manager->host_decision);
	count_tick(manager, now_ms);
	watchdog_phase("sending targets");
	act(manager, true);
	act(manager, false);
	manager_state_save(manager);
	manager_reserve_judged(manager);
	watchdog_phase("waiting for events, or handling one");
	service_ready();
	histogram_note(&manager->telemetry.tick, (clock_monotonic_ms() - manager->tick_ms) * 1000);
	if (manager->options->ticked)
		manager->options->ticked(manager->options->userdata);
}

void manager_set_done(void *userdata, const char *uuid, uint64_t target_kib, int error,
		      const char *why)
{
	struct manager *manager = userdata;
	struct vm *vm;

	manager->setting--;
	if (manager->stopping)
		return;
	vm = fleet_find(&manager->fleet, uuid);
	if (error) {
		manager->failed = true;
		manager->telemetry.targets_failed++;
	}
	if (vm && vm->setting) {
		vm->setting = false;
		if (!error) {
			manager_taken(vm);
		} else {
			vm->asked_kib = vm->asked_before_kib;
			manager_refused(manager, vm, target_kib, error, why);
		}
	}
	if (error == -ENOTCONN)
		link_suspect(manager->link, why);
	else if (vm && vm->silent_ms)
		manager_thawed(manager);
	manager_once_progress(manager);
	manager_release_progress(manager);
}
