// SPDX-License-Identifier: GPL-2.0
/*
 * Each kind is a row: what it is called, and whether it waits. What is remembered is one entry for
 * the host and one a VM.
 */
#include "publish/alarms.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "publish/by_vm.h"

#define CLEAR_NUMERATOR	  9 /* over when below nine tenths: a value at the threshold does not flap */
#define CLEAR_DENOMINATOR 10
#define WHOLE_PERMILLE	  1000
#define NAME_LEN	  256 /* QEMU's log file has the VM's name, so that is no longer */

/* Of one host or VM. */
struct entry {
	char uuid[VM_UUID_LEN];
	char name[NAME_LEN]; /* when an alarm was raised last */
	uint64_t since_ms[ALARM_KINDS_]; /* the condition holds since; counts with `holds` */
	bool holds[ALARM_KINDS_];
	bool raised[ALARM_KINDS_];
};

struct alarms {
	struct entry host;
	struct by_vm vms; /* of struct entry */
};

static const struct {
	const char *name;
	const char *sentence;
	const char *message_id; /* explained in data/aerostat.catalog */
	bool at_once;
	enum alarm_unit unit;
} kinds[ALARM_KINDS_] = {
	[ALARM_HOST_LOW] = { "host-low", "is about to swap, or does",
			     "dbda109279844f7d9397612a74d5e855", true, ALARM_YES_OR_NO },
	[ALARM_HOST_MEMORY] = { "host-memory", "has had little memory available for long",
				"fcfdc6b74fbe4ab1ae1c3aec5d9c29f7", false, ALARM_PERMILLE },
	[ALARM_STORAGE_LATENCY] = { "storage-latency", "has had slow storage for long",
				    "3f82855b559045c6a7d72ff390ec53f5", false, ALARM_US },
	[ALARM_BALLOONED] = { "ballooned", "has had much of its memory ballooned for long",
			      "9b6ab69ac2794c36a308c374c575551c", false, ALARM_PERMILLE },
	[ALARM_GUEST_SWAP] = { "guest-swap", "has had much memory in its own swap for long",
			       "56d80f1722834bae9dd0e820eefc2931", false, ALARM_PERMILLE },
	[ALARM_CPU_WAIT] = { "cpu-wait", "has waited much for CPUs for long",
			     "cf6caf55ddaa4d998784fde9b82e7987", false, ALARM_PERMILLE },
	[ALARM_IO_WAIT] = { "io-wait", "has waited much for disks for long",
			    "13fef8e3d3a7452ebeb1aeb9acdacbfb", false, ALARM_PERMILLE },
	[ALARM_STUCK] = { "stuck", "does not follow its targets",
			  "cc180376519743d2ae17e276ca422e26", true, ALARM_YES_OR_NO },
	[ALARM_SILENT] = { "silent", "has reported nothing, or nothing new, for long",
			   "0ffba0acbf004c94ada0978af3285b15", false, ALARM_YES_OR_NO },
	[ALARM_NO_EFFECT] = { "no-effect", "gives memory that is not freed on the host",
			      "5ab666466f7a427ab4d998b0d70ad082", true, ALARM_YES_OR_NO },
};

const char *alarm_to_string(enum alarm_kind kind)
{
	return kinds[kind].name;
}

const char *alarm_to_sentence(enum alarm_kind kind)
{
	return kinds[kind].sentence;
}

const char *alarm_message_id(enum alarm_kind kind)
{
	return kinds[kind].message_id;
}

enum alarm_unit alarm_unit(enum alarm_kind kind)
{
	return kinds[kind].unit;
}

struct opt_u64 alarm_limit(enum alarm_kind kind, const struct conf *conf)
{
	switch (kind) {
	case ALARM_HOST_MEMORY:
		return opt_some(conf->alarms.host_used_permille);
	case ALARM_STORAGE_LATENCY:
		return opt_some((uint64_t)conf->alarms.storage_latency_ms * 1000);
	case ALARM_BALLOONED:
		return opt_some(conf->alarms.ballooned_permille);
	case ALARM_GUEST_SWAP:
		return opt_some(conf->alarms.guest_swap_permille);
	case ALARM_CPU_WAIT:
		return opt_some(conf->alarms.cpu_wait_permille);
	case ALARM_IO_WAIT:
		return opt_some(conf->alarms.io_wait_permille);
	case ALARM_HOST_LOW:
	case ALARM_STUCK:
	case ALARM_SILENT:
	case ALARM_NO_EFFECT:
	case ALARM_KINDS_:
		break;
	}
	return opt_none();
}

struct alarms *alarms_new(void)
{
	struct alarms *alarms = calloc(1, sizeof(*alarms));

	if (alarms)
		alarms->vms.size = sizeof(struct entry);
	return alarms;
}

void alarms_free(struct alarms *alarms)
{
	if (!alarms)
		return;
	by_vm_clear(&alarms->vms);
	free(alarms);
}

static struct opt_u64 share_permille(struct opt_u64 part, struct opt_u64 whole)
{
	uint64_t part_kib, whole_kib;

	if (!opt_get(part, &part_kib) || !opt_get(whole, &whole_kib) || !whole_kib)
		return opt_none();
	if (part_kib >= whole_kib)
		return opt_some(WHOLE_PERMILLE);
	return opt_some((uint64_t)((__uint128_t)part_kib * WHOLE_PERMILLE / whole_kib));
}

static struct opt_u64 used_permille(const struct host_sample *host)
{
	struct opt_u64 available = share_permille(host->available_kib, host->total_kib);

	return available.known ? opt_some(WHOLE_PERMILLE - opt_or(available, 0)) : opt_none();
}

/* What is judged; for kinds without a threshold 1 or 0. Unknown: nothing changes. */
static struct opt_u64 host_value(enum alarm_kind kind, const struct status *status)
{
	if (kind == ALARM_HOST_LOW)
		return status->ticks ? opt_some(status->decision.state == HOST_LOW) : opt_none();
	if (kind == ALARM_STORAGE_LATENCY)
		return status_storage(status).latency_us;
	return used_permille(&status->host);
}

static struct opt_u64 vm_value(enum alarm_kind kind, const struct vm *vm)
{
	enum reason reason = vm->decision.reason;

	if (!vm->decided_ms)
		return opt_none();
	switch (kind) {
	case ALARM_BALLOONED:
		return vm_ballooned_permille(vm);
	case ALARM_GUEST_SWAP:
		return share_permille(vm_swap_estimate_kib(vm), opt_some(vm->sample.max_kib));
	case ALARM_CPU_WAIT:
		return vm->sample.host.cpu_wait_permille;
	case ALARM_IO_WAIT:
		return vm->sample.host.io_wait_permille;
	case ALARM_STUCK:
		return opt_some(vm->state.movement.stuck);
	case ALARM_SILENT:
		return opt_some(reason == REASON_STALE_STATS || reason == REASON_NO_STATS);
	case ALARM_NO_EFFECT:
		return opt_some(reason == REASON_NO_EFFECT);
	case ALARM_HOST_LOW:
	case ALARM_HOST_MEMORY:
	case ALARM_STORAGE_LATENCY:
	case ALARM_KINDS_:
		break;
	}
	return opt_none();
}

/* Does the condition hold? It takes more to begin than to go on. */
static bool holds(uint64_t value, struct opt_u64 limit, bool before)
{
	uint64_t least;

	if (!opt_get(limit, &least))
		return value != 0;
	if (before)
		least = least * CLEAR_NUMERATOR / CLEAR_DENOMINATOR;
	return value > least;
}

/* Returns whether the alarm has been raised or is over with this value. */
static bool judge(struct entry *entry, enum alarm_kind kind, uint64_t value,
		  const struct conf *conf, uint64_t now_ms)
{
	bool now = holds(value, alarm_limit(kind, conf), entry->raised[kind]);

	if (now && !entry->holds[kind])
		entry->since_ms[kind] = now_ms;
	entry->holds[kind] = now;
	if (now == entry->raised[kind])
		return false;
	if (now && !kinds[kind].at_once && now_ms - entry->since_ms[kind] < conf->alarms.hold_ms)
		return false;
	entry->raised[kind] = now;
	return true;
}

static void judge_host(struct alarms *alarms, const struct status *status, uint64_t now_ms,
		       alarm_fn tell, void *userdata)
{
	for (int i = 0; i < ALARM_FIRST_OF_VM; i++) {
		enum alarm_kind kind = (enum alarm_kind)i;
		const struct storage_sample storage = status_storage(status);
		struct opt_u64 value = host_value(kind, status);
		struct alarm alarm = {
			.kind = kind,
			.limit = alarm_limit(kind, status->conf),
		};

		if (!value.known ||
		    !judge(&alarms->host, kind, opt_or(value, 0), status->conf, now_ms))
			continue;
		alarm.raised = alarms->host.raised[kind];
		if (kind == ALARM_STORAGE_LATENCY && storage.device[0])
			alarm.device = storage.device;
		if (alarm.limit.known)
			alarm.value = value;
		tell(userdata, &alarm);
	}
}

static void judge_vm(struct entry *entry, const struct vm *vm, const struct conf *conf,
		     uint64_t now_ms, alarm_fn tell, void *userdata)
{
	for (int i = ALARM_FIRST_OF_VM; i < ALARM_KINDS_; i++) {
		enum alarm_kind kind = (enum alarm_kind)i;
		struct opt_u64 value = vm_value(kind, vm);
		struct alarm alarm = {
			.kind = kind,
			.vm = vm->name,
			.uuid = vm->sample.uuid,
			.limit = alarm_limit(kind, conf),
		};

		if (!value.known || !judge(entry, kind, opt_or(value, 0), conf, now_ms))
			continue;
		alarm.raised = entry->raised[kind];
		if (alarm.raised)
			snprintf(entry->name, sizeof(entry->name), "%s", vm->name);
		if (alarm.limit.known)
			alarm.value = value;
		tell(userdata, &alarm);
	}
}

struct listener {
	const struct conf *conf;
	alarm_fn tell;
	void *userdata;
};

/* With its VM an alarm is over; there is no value any more. */
static void vm_gone(void *userdata, void *gone)
{
	const struct listener *listener = userdata;
	const struct entry *entry = gone;

	for (int i = ALARM_FIRST_OF_VM; i < ALARM_KINDS_; i++) {
		enum alarm_kind kind = (enum alarm_kind)i;
		const struct alarm alarm = {
			.kind = kind,
			.vm = entry->name,
			.uuid = entry->uuid,
			.limit = alarm_limit(kind, listener->conf),
		};

		if (entry->raised[kind])
			listener->tell(listener->userdata, &alarm);
	}
}

int alarms_tick(struct alarms *alarms, const struct status *status, uint64_t now_ms, alarm_fn tell,
		void *userdata)
{
	struct listener listener = { .conf = status->conf, .tell = tell, .userdata = userdata };
	const struct by_vm_observer observer = { .go = vm_gone, .userdata = &listener };

	judge_host(alarms, status, now_ms, tell, userdata);
	if (by_vm_follow(&alarms->vms, status->fleet, &observer))
		return -ENOMEM;
	for (size_t i = 0; i < status->fleet->n_vms; i++)
		judge_vm(by_vm_at(&alarms->vms, i), status->fleet->vms[i], status->conf, now_ms,
			 tell, userdata);
	return 0;
}

bool alarms_raised(const struct alarms *alarms, enum alarm_kind kind, const char *uuid)
{
	const struct entry *entry = uuid ? by_vm_find(&alarms->vms, uuid) : &alarms->host;

	return entry && entry->raised[kind];
}
