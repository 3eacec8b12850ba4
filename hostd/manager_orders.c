// SPDX-License-Identifier: GPL-2.0
/*
 * Orders take effect in the next tick, which they bring forward.
 *
 *   set    checked here against the configuration, then written into the domain's metadata by a
 *          worker; the event that follows makes the daemon read it like anybody else's change
 *   boost  for a time the VM's reservation is at least this: it gets what it lacks as soon as
 *          that is free, and nothing of it is taken
 *   pause  decisions go on, but are not carried out, as with mode observe
 */
#include "manager_orders.h"
#include "manager_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actuator/metadata.h"
#include "util/log.h"

/* Would the VM's settings be right with these changes? */
static int check_changes(const struct manager *manager, const struct vm *vm,
			 const struct tune_change *changes, size_t n_changes,
			 struct conf_error *ret_why)
{
	struct vm_tune tune = vm->tune;
	struct vm_settings settings;

	for (size_t i = 0; i < n_changes; i++) {
		int ret = metadata_check(&changes[i], &tune, ret_why);

		if (ret)
			return ret;
	}
	return conf_vm_settings(manager->conf, vm->name, &tune, &settings, ret_why);
}

int manager_order_set(struct manager *manager, const char *uuid, const struct tune_change *changes,
		      size_t n_changes, bool persistent, order_done_fn done, void *userdata,
		      struct conf_error *ret_why)
{
	struct vm *vm = fleet_find(&manager->fleet, uuid);
	int ret;

	if (!vm || !vm->described) {
		snprintf(ret_why->text, sizeof(ret_why->text), "the VM is not known yet");
		return -ENOENT;
	}
	if (manager->options->dry_run) {
		snprintf(ret_why->text, sizeof(ret_why->text), "this is a dry run");
		return -EINVAL;
	}
	ret = check_changes(manager, vm, changes, n_changes, ret_why);
	if (ret)
		return ret;
	log_info("%s: settings changed by order%s", vm->name, persistent ? ", for good" : "");
	return metadata_write(link_workers(manager->link), uuid, changes, n_changes, persistent,
			      done, userdata);
}

int manager_order_boost(struct manager *manager, const char *uuid, uint64_t size_kib,
			uint64_t duration_ms, struct conf_error *ret_why)
{
	struct vm *vm = fleet_find(&manager->fleet, uuid);

	if (!vm) {
		snprintf(ret_why->text, sizeof(ret_why->text), "the VM is gone");
		return -ENOENT;
	}
	if (duration_ms > BOOST_MAX_MS || (duration_ms && !size_kib)) {
		snprintf(ret_why->text, sizeof(ret_why->text), "%s",
			 size_kib ? "a boost lasts a week at most: for longer, set a reservation"
				  : "a boost needs a size");
		return -ERANGE;
	}
	if (size_kib > vm->sample.max_kib) {
		snprintf(ret_why->text, sizeof(ret_why->text),
			 "its maximum is %" PRIu64 " KiB: no balloon gives it more",
			 vm->sample.max_kib);
		return -ERANGE;
	}
	vm->orders.boost_kib = size_kib;
	vm->orders.boost_until_ms = duration_ms ? clock_monotonic_ms() + duration_ms : 0;
	if (duration_ms)
		log_info("%s: boosted by order: at least %" PRIu64 " KiB for %" PRIu64 " s",
			 vm->name, size_kib, duration_ms / 1000);
	else
		log_info("%s: boost ended by order", vm->name);
	manager_state_changed(manager);
	manager_tick_soon(manager);
	return 0;
}

void manager_order_pause(struct manager *manager, const char *uuid, bool pause)
{
	struct vm *vm = uuid ? fleet_find(&manager->fleet, uuid) : NULL;

	if (vm)
		vm->orders.paused = pause;
	else if (!uuid)
		manager->paused = pause;
	log_info("%s: %s by order", vm ? vm->name : "all VMs", pause ? "paused" : "resumed");
	manager_state_changed(manager);
	manager_tick_soon(manager);
}

const struct vm_settings *manager_vm_settings(const struct manager *manager, struct vm *vm,
					      uint64_t now_ms)
{
	struct vm_orders *orders = &vm->orders;

	vm->ordered = vm->settings;
	if ((manager->paused || orders->paused) && vm->ordered.mode == VM_MODE_AUTO)
		vm->ordered.mode = VM_MODE_OBSERVE;
	if (orders->boost_until_ms && now_ms >= orders->boost_until_ms) {
		log_info("%s: boost is over", vm->name);
		orders->boost_until_ms = 0;
	}
	if (orders->boost_until_ms) {
		uint64_t share_kib = vm->sample.max_kib / 1000 * vm->settings.reservation_permille;
		uint64_t usual_kib = opt_or(vm->settings.reservation_kib, share_kib);

		if (orders->boost_kib > usual_kib)
			vm->ordered.reservation_kib = opt_some(orders->boost_kib);
	}
	return &vm->ordered;
}
