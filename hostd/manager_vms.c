// SPDX-License-Identifier: GPL-2.0
/*
 * Learning about VMs. A VM is described when it appears, when libvirt says that it changed, after
 * each reconnection, and in every tick while a job (migration, save, ...) is at it. At most one
 * such question a VM is in flight. Until the first answer the VM is left alone.
 */
#include "manager_internal.h"

#include <string.h>

#include "source/describe.h"
#include "util/log.h"

/*
 * Something is wrong with a VM's settings: say so once, and keep the settings it had. Where it
 * had none, watching is all that can be done without risking what its owner wanted to forbid.
 */
static void reject_settings(struct manager *manager, struct vm *vm, const struct conf_error *error)
{
	struct conf_error ignored;

	if (!vm->has_settings &&
	    conf_vm_settings(manager->conf, vm->name, NULL, &vm->settings, &ignored))
		vm->settings = (struct vm_settings){ .shares = 1, .limit_permille = 1000 };
	if (!vm->has_settings)
		vm->settings.mode = VM_MODE_OBSERVE;
	if (strcmp(vm->settings_error.text, error->text) != 0)
		log_warning("%s: %s; %s", vm->name, error->text,
			    vm->has_settings ? "it keeps the settings it had"
					     : "it is only observed until that is mended");
	vm->settings_error = *error;
}

/* A guest that reports less often has nothing but stale numbers for most of the time. */
static uint32_t period_max_s(const struct manager *manager)
{
	return manager->conf->policy.stale_ms / 1000;
}

/*
 * The period at which this VM's statistics may be turned on where they are off, or as good as off;
 * 0: not at all. Only its settings tell, so the first description of a VM changes nothing.
 */
static uint32_t period_to_set(const struct manager *manager, const struct vm *vm)
{
	if (manager->options->dry_run || !vm->has_settings || vm->settings.mode == VM_MODE_OFF)
		return 0;
	return manager->conf->daemon.stats_period_s;
}

static bool lacks_statistics(const struct manager *manager, const struct vm *vm)
{
	return vm->description.has_balloon &&
	       stats_period_useless(vm->description.stats_period_s, period_max_s(manager)) &&
	       !vm->period_refused && period_to_set(manager, vm);
}

void manager_settle_vm(struct manager *manager, struct vm *vm)
{
	struct vm_settings settings;
	struct conf_error error;

	if (!vm->described || vm->tune_rejected)
		return;
	if (conf_vm_settings(manager->conf, vm->name, &vm->tune, &settings, &error)) {
		reject_settings(manager, vm, &error);
		return;
	}
	vm->settings = settings;
	vm->has_settings = true;
	vm->settings_error.text[0] = '\0';
	if (lacks_statistics(manager, vm))
		manager_describe_vm(manager, vm);
}

static void take_description(struct manager *manager, struct vm *vm,
			     const struct describe_result *result)
{
	bool pinned_before = vm->described && vm->description.pinned;

	vm->description = result->description;
	if (vm->has_job && !result->has_job)
		manager_refusal_retry(vm);
	vm->has_job = result->has_job;
	vm->describe_failed = false;
	vm->described = true;
	if (vm->description.pinned && !pinned_before)
		log_info("%s: left alone, because %s", vm->name, vm->description.pinned);
	if (result->period_set && !result->period_was_s)
		log_info("%s: statistics turned on, every %u s", vm->name,
			 result->description.stats_period_s);
	else if (result->period_set)
		log_info("%s: statistics every %u s, since with every %u s they are stale before "
			 "the next ones come",
			 vm->name, result->description.stats_period_s, result->period_was_s);
	vm->period_refused = result->period_error != 0;
	if (vm->period_refused)
		log_warning("%s: cannot turn on statistics: %s", vm->name,
			    result->period_error_text);
	vm->tune_rejected = result->tune_error != 0;
	if (vm->tune_rejected) {
		reject_settings(manager, vm, &result->tune_error_text);
	} else {
		vm->tune = result->tune;
		manager_settle_vm(manager, vm);
	}
}

/* Returns whether a tick is due because of it, sooner than the next one comes. */
static bool take_answer(struct manager *manager, struct vm *vm,
			const struct describe_result *result, const char *why)
{
	bool news = !vm->described || !vm->has_job || (result && !result->has_job);

	vm->describing = false;
	if (result) {
		take_description(manager, vm, result);
	} else {
		news = false; /* asked again in the next tick */
		manager->failed = true;
		if (!vm->describe_failed)
			log_warning("%s: %s; it is left alone until it can be asked", vm->name,
				    why);
		vm->describe_failed = true;
	}
	if (vm->describe_again)
		manager_describe_vm(manager, vm);
	return news;
}

static void done_describe(void *userdata, const char *uuid, const struct describe_result *result,
			  int error, const char *why)
{
	struct manager *manager = userdata;
	struct vm *vm;

	(void)error;
	manager->describing--;
	if (manager->stopping)
		return;
	vm = fleet_find(&manager->fleet, uuid);
	if (vm && take_answer(manager, vm, result, why) && manager_event_counts(manager, vm, NULL))
		manager_tick_soon(manager);
	else if (vm && vm->silent_ms)
		manager_thawed(manager);
	manager_once_progress(manager);
}

void manager_describe_vm(struct manager *manager, struct vm *vm)
{
	struct describe_request request = {
		.stats_period_s = period_to_set(manager, vm),
		.stats_period_max_s = period_max_s(manager),
		.done = done_describe,
		.userdata = manager,
	};

	vm->describe_again = vm->describing;
	if (vm->describing)
		return;
	memcpy(request.uuid, vm->sample.uuid, sizeof(request.uuid));
	if (describe_submit(link_workers(manager->link), &request)) {
		log_error("%s: out of memory", vm->name);
		return;
	}
	vm->describing = true;
	manager->describing++;
}

void manager_describe_fleet(struct manager *manager)
{
	for (size_t i = 0; i < manager->fleet.n_vms; i++) {
		struct vm *vm = manager->fleet.vms[i];

		if ((!vm->described || vm->has_job) && !vm->describing && !vm->silent_ms)
			manager_describe_vm(manager, vm);
	}
}
