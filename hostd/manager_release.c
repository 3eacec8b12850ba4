// SPDX-License-Identifier: GPL-2.0
/*
 * Leaving on request (--release-on-exit): every VM that is ours to move gets its maximum back, then
 * the loop may end. A VM whose last target is still on its way gets its maximum after that, because
 * two calls on two connections may overtake each other. One that hangs is not waited for long.
 */
#include "manager_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/log.h"

/* Less than the unit's TimeoutStopSec=. */
#define RELEASE_TIMEOUT_MS 5000

#define TIMER_ACCURACY_US 10000

static void finish(struct manager *manager)
{
	void (*released)(void *userdata) = manager->released;

	manager->released = NULL;
	manager->release_timer = sd_event_source_disable_unref(manager->release_timer);
	if (released)
		released(manager->released_userdata);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct manager *manager = userdata;

	(void)source;
	(void)usec;
	log_warning("not all VMs have been given back their maximum: %u calls are still out",
		    manager->setting);
	finish(manager);
	return 0;
}

static bool is_ours(const struct vm *vm)
{
	return vm->described && vm->settings.mode == VM_MODE_AUTO && vm->description.has_balloon &&
	       !vm->description.pinned && vm->sample.run_state == VM_RUNNING && !vm->silent_ms &&
	       vm->sample.max_kib;
}

static void release_vm(struct manager *manager, struct vm *vm)
{
	struct balloon_request request = {
		.id = vm->id,
		.target_kib = vm->sample.max_kib,
	};
	int ret;

	memcpy(request.uuid, vm->sample.uuid, sizeof(request.uuid));
	ret = balloon_set(&manager->actuator, &request);
	if (ret < 0)
		log_error("%s: not given back its maximum: %s", vm->name, strerror(-ret));
	if (ret <= 0)
		return;
	vm->setting = true;
	manager->setting++;
}

void manager_release_progress(struct manager *manager)
{
	bool pending = false;

	if (!manager->releasing)
		return;
	for (size_t i = 0; i < manager->fleet.n_vms; i++) {
		struct vm *vm = manager->fleet.vms[i];

		if (!vm->release)
			continue;
		pending = pending || vm->setting;
		if (vm->setting)
			continue;
		vm->release = false;
		release_vm(manager, vm);
		pending = pending || vm->setting;
	}
	if (!pending && !manager->setting)
		finish(manager);
}

void manager_release(struct manager *manager, void (*released)(void *userdata), void *userdata)
{
	unsigned int n = 0;

	if (manager->releasing)
		return;
	manager->releasing = true;
	manager->released = released;
	manager->released_userdata = userdata;
	sampler_cancel(manager->sampler);
	for (size_t i = 0; i < manager->fleet.n_vms && link_is_up(manager->link); i++) {
		struct vm *vm = manager->fleet.vms[i];

		vm->release = is_ours(vm);
		n += vm->release;
	}
	log_info("giving %u VMs back their maximum", n);
	if (sd_event_add_time_relative(manager->event, &manager->release_timer, CLOCK_MONOTONIC,
				       (uint64_t)RELEASE_TIMEOUT_MS * 1000, TIMER_ACCURACY_US,
				       on_timeout, manager) < 0)
		finish(manager);
	else
		manager_release_progress(manager);
}
