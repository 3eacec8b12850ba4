// SPDX-License-Identifier: GPL-2.0
/*
 * What a guest can bring about, as often as it likes: it can reboot, and crash so that libvirt starts it
 * anew, and move its balloon up and down. Each boot is a time in which nothing is taken from it, and each
 * event is a reason to look at all VMs at once; so both are counted, also over runs.
 */
#include "manager_internal.h"

#include <stdlib.h>
#include <string.h>

/* Boots that count as such at once; then one in so many times the grace. */
#define BOOTS_AT_ONCE 3
#define BOOTS_EVERY   10

/* Early ticks at once; then one an interval. */
#define EARLY_AT_ONCE	     10
#define EARLY_AT_ONCE_OTHERS 20 /* for all VMs together that are not known yet */

/* A balloon that goes where it was asked to, by so much at least, is what a tick is wanted for. */
#define PROGRESS_KIB 4096

/* Of VMs that are gone, the latest. */
#define GONE_MAX 1024

struct gone_vm {
	char uuid[VM_UUID_LEN];
	struct vm_bounds bounds;
};

struct gone_vms {
	struct gone_vm vms[GONE_MAX];
	size_t next; /* overwritten next */
};

void manager_bounds_keep(struct manager *manager, const struct vm *vm)
{
	struct gone_vm *gone;

	if (!manager->gone)
		manager->gone = calloc(1, sizeof(*manager->gone));
	if (!manager->gone)
		return;
	gone = &manager->gone->vms[manager->gone->next];
	manager->gone->next = (manager->gone->next + 1) % GONE_MAX;
	memcpy(gone->uuid, vm->sample.uuid, sizeof(gone->uuid));
	gone->bounds = vm->bounds;
}

void manager_bounds_restore(struct manager *manager, struct vm *vm)
{
	for (size_t i = 0; manager->gone && i < GONE_MAX; i++) {
		struct gone_vm *gone = &manager->gone->vms[i];

		if (strcmp(gone->uuid, vm->sample.uuid) != 0)
			continue;
		vm->bounds = gone->bounds;
		gone->uuid[0] = '\0';
		return;
	}
}

uint64_t manager_up_ms(const struct manager *manager, struct vm *vm, uint64_t now_ms)
{
	uint64_t every_ms = (uint64_t)manager->conf->policy.boot_grace_ms * BOOTS_EVERY;
	struct vm_bounds *bounds = &vm->bounds;

	if (bounds->run_since_ms != vm->run_since_ms &&
	    rate_allow(&bounds->boots, vm->run_since_ms, every_ms, BOOTS_AT_ONCE))
		bounds->boot_ms = vm->run_since_ms;
	bounds->run_since_ms = vm->run_since_ms;
	return now_ms - bounds->boot_ms;
}

static bool makes_progress(struct vm *vm, uint64_t actual_kib)
{
	uint64_t asked_kib, away_kib;

	if (!opt_get(vm->asked_kib, &asked_kib))
		return false;
	away_kib = actual_kib > asked_kib ? actual_kib - asked_kib : asked_kib - actual_kib;
	if (vm->bounds.nearest_kib < PROGRESS_KIB ||
	    away_kib > vm->bounds.nearest_kib - PROGRESS_KIB)
		return false;
	vm->bounds.nearest_kib = away_kib;
	return true;
}

bool manager_event_counts(struct manager *manager, struct vm *vm, const struct domain_event *event)
{
	uint64_t interval_ms = manager->conf->daemon.interval_ms;
	uint64_t now_ms = clock_monotonic_ms();

	if (!vm)
		return rate_allow(&manager->early_others, now_ms, interval_ms,
				  EARLY_AT_ONCE_OTHERS);
	if (event && event->kind == DOMAIN_EVENT_BALLOON && makes_progress(vm, event->actual_kib))
		return true;
	return rate_allow(&vm->bounds.early, now_ms, interval_ms, EARLY_AT_ONCE);
}
