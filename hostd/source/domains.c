// SPDX-License-Identifier: GPL-2.0
/*
 * A sorted array of pointers, found by bisection: a roster of a thousand domains merges in about
 * ten thousand comparisons.
 */
#include "source/domains.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/printable.h"

/* Setting a target or reading a description takes milliseconds; on a loaded host, a second. */
#define SKIPPED_GRACE_MS 3000

/* The index of `uuid`, or, when it is not there, the one to insert it at. */
static size_t position(const struct fleet *fleet, const char *uuid, bool *ret_found)
{
	size_t low = 0, high = fleet->n_vms;

	*ret_found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(fleet->vms[middle]->sample.uuid, uuid);

		if (!order) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct vm *fleet_find(const struct fleet *fleet, const char *uuid)
{
	bool found;
	size_t at = position(fleet, uuid, &found);

	return found ? fleet->vms[at] : NULL;
}

static void vm_free(struct vm *vm)
{
	if (!vm)
		return;
	free(vm->name);
	free(vm);
}

/*
 * As it is shown, logged, and matched by classes: tenants choose names, and libvirt lets through
 * what acts on terminals. Calls into libvirt go by UUID, so nobody needs the very bytes.
 */
static char *shown_name(const char *name)
{
	char *shown = strdup(name);

	if (shown)
		text_make_printable(shown);
	return shown;
}

static struct vm *insert(struct fleet *fleet, const char *uuid, const char *name)
{
	struct vm **larger;
	struct vm *vm;
	bool found;
	size_t at;

	larger = realloc(fleet->vms, (fleet->n_vms + 1) * sizeof(struct vm *));
	if (!larger)
		return NULL;
	fleet->vms = larger;
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return NULL;
	vm->name = shown_name(name);
	if (!vm->name) {
		free(vm);
		return NULL;
	}
	memcpy(vm->sample.uuid, uuid, sizeof(vm->sample.uuid));
	at = position(fleet, uuid, &found);
	memmove(&fleet->vms[at + 1], &fleet->vms[at], (fleet->n_vms - at) * sizeof(struct vm *));
	fleet->vms[at] = vm;
	fleet->n_vms++;
	return vm;
}

void fleet_vm_restarted(struct vm *vm, uint64_t now_ms)
{
	vm->run_since_ms = now_ms;
	vm->stopped = false;
	vm->state = (struct vm_state){ .history = vm->state.history };
	vm->decision = (struct vm_decision){ 0 };
	vm->refusal = (struct vm_refusal){ 0 };
	vm->announced = false;
	vm->decided_ms = 0;
}

bool vm_is_hung(const struct vm *vm, uint64_t now_ms, uint64_t call_deadline_ms)
{
	return vm->silent_ms && now_ms - vm->silent_ms >= call_deadline_ms;
}

/* What the guest said, and what else comes with it or not at all. */
static void take_guest_numbers(struct vm *vm, const struct domain_stats *stats)
{
	struct vm_sample *sample = &vm->sample;

	vm->last_update_s = stats->last_update_s;
	sample->rss_kib = stats->rss_kib;
	sample->total_kib = stats->total_kib;
	sample->usable_kib = stats->usable_kib;
	sample->unused_kib = stats->unused_kib;
	sample->cache_kib = stats->cache_kib;
	sample->swap_in_kib = stats->swap_in_kib;
	sample->swap_out_kib = stats->swap_out_kib;
	sample->major_faults = stats->major_faults;
}

/*
 * A batch skips the guest's numbers of a domain that some other call is at. Usually that is over
 * in a moment, so what libvirt said shortly before still counts, with its true age; otherwise one
 * call of our own would make its VM look silent, and the others pay for that. If it lasts, the
 * numbers are missing and unknown; but that the guest has reported before stays true.
 */
static void skip_guest_numbers(struct vm *vm, const struct domain_stats *stats, uint64_t now_ms)
{
	struct opt_u64 last_update_s = vm->last_update_s;

	if (last_update_s.known && now_ms - vm->told_ms <= SKIPPED_GRACE_MS)
		return;
	take_guest_numbers(vm, stats);
	vm->last_update_s = last_update_s;
}

/*
 * Memory that is plugged in or out changes the maximum, and by as much what is held, because the
 * balloon stays as large as it is. A target from before says nothing about that; compared with what
 * is held now, it would look as if somebody else had moved it.
 */
static void take_max(struct vm *vm, struct opt_u64 max_kib)
{
	uint64_t before_kib = vm->sample.max_kib;

	vm->sample.max_kib = opt_or(max_kib, before_kib);
	if (before_kib && vm->sample.max_kib != before_kib)
		vm->asked_kib = vm->asked_before_kib = opt_none();
}

void fleet_take_numbers(struct fleet *fleet, const struct domain_stats *stats, uint64_t now_ms)
{
	struct vm *vm = fleet_find(fleet, stats->uuid);
	struct vm_sample *sample;

	if (!vm || vm->id != stats->id)
		return;
	sample = &vm->sample;
	sample->run_state = stats->run_state;
	take_max(vm, stats->max_kib);
	if (stats->actual_kib.known)
		sample->actual_kib = stats->actual_kib;
	if (!stats_skipped(stats))
		vm->silent_ms = 0;
	if (stats->last_update_s.known) {
		take_guest_numbers(vm, stats);
		vm->told_ms = now_ms;
	} else {
		skip_guest_numbers(vm, stats, now_ms);
	}
}

/* Only an inactive domain can be renamed, but it may have been so between two looks. */
static void rename_vm(struct vm *vm, const char *name)
{
	char *shown = shown_name(name);

	if (!shown || !strcmp(vm->name, shown)) {
		free(shown);
		return;
	}
	free(vm->name);
	vm->name = shown;
}

/* Of an earlier run: they say nothing about this one. */
static void forget_numbers(struct vm *vm)
{
	struct vm_sample nothing = { 0 };

	memcpy(nothing.uuid, vm->sample.uuid, sizeof(nothing.uuid));
	vm->sample = nothing;
	vm->last_update_s = opt_none();
	vm->told_ms = 0;
	vm->silent_ms = 0;
	vm->hung = false;
}

static int merge_one(struct fleet *fleet, const struct domain_stats *stats, uint64_t now_ms,
		     const struct fleet_observer *observer)
{
	struct vm *vm = fleet_find(fleet, stats->uuid);
	bool anew = !vm || vm->id != stats->id;

	if (!vm)
		vm = insert(fleet, stats->uuid, stats->name);
	if (!vm)
		return -ENOMEM;
	rename_vm(vm, stats->name);
	if (anew) {
		forget_numbers(vm);
		vm->id = stats->id;
		vm->asked_kib = opt_none();
		vm->orders = (struct vm_orders){ 0 };
		fleet_vm_restarted(vm, now_ms);
		vm->described = false;
	}
	vm->stopped = false;
	vm->sample.name = vm->name;
	vm->sample.run_state = stats->run_state;
	if (anew)
		observer->found(observer->userdata, vm);
	return 0;
}

static int compare_uuid(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Drop whatever the roster does not name. */
static int drop_missing(struct fleet *fleet, const struct stats_batch *roster,
			const struct fleet_observer *observer)
{
	const char **uuids;
	size_t kept = 0;

	uuids = calloc(roster->n_domains + 1, sizeof(*uuids));
	if (!uuids)
		return -ENOMEM;
	for (size_t i = 0; i < roster->n_domains; i++)
		uuids[i] = roster->domains[i].uuid;
	qsort(uuids, roster->n_domains, sizeof(*uuids), compare_uuid);
	for (size_t i = 0; i < fleet->n_vms; i++) {
		struct vm *vm = fleet->vms[i];
		const char *uuid = vm->sample.uuid;

		if (bsearch(&uuid, uuids, roster->n_domains, sizeof(*uuids), compare_uuid)) {
			fleet->vms[kept++] = vm;
			continue;
		}
		observer->lost(observer->userdata, vm);
		vm_free(vm);
	}
	fleet->n_vms = kept;
	free(uuids);
	return 0;
}

int fleet_merge(struct fleet *fleet, const struct stats_batch *roster, uint64_t now_ms,
		const struct fleet_observer *observer)
{
	int ret = drop_missing(fleet, roster, observer);

	for (size_t i = 0; i < roster->n_domains; i++)
		if (merge_one(fleet, &roster->domains[i], now_ms, observer))
			ret = -ENOMEM;
	return ret;
}

void fleet_clear(struct fleet *fleet)
{
	for (size_t i = 0; i < fleet->n_vms; i++)
		vm_free(fleet->vms[i]);
	free(fleet->vms);
	*fleet = (struct fleet){ 0 };
}
