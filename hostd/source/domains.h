/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The table of running domains: what the daemon knows of each. The roster is the truth about which
 * domains exist: one that it names is in the table, one that it does not name is out. Numbers come
 * separately, for some domains at a time, and never add or remove one.
 */
#ifndef AEROSTAT_SOURCE_DOMAINS_H
#define AEROSTAT_SOURCE_DOMAINS_H

#include <stddef.h>

#include "conf/tune.h"
#include "policy/policy.h"
#include "source/domain_xml.h"
#include "source/stats.h"
#include "util/rate.h"

/* What an operator has ordered; forgotten when the VM ends, or runs anew. */
struct vm_orders {
	bool paused; /* decided, but not carried out */
	uint64_t boost_kib; /* at least this is reserved for it ... */
	uint64_t boost_until_ms; /* ... until then (monotonic); 0: it is not boosted */
};

/* libvirt does not set its targets (manager_refuse.c). */
struct vm_refusal {
	uint64_t until_ms; /* monotonic; not asked again before; 0: it may be asked */
	uint64_t delay_ms; /* the last one; 0: none yet */
	bool episode; /* has been logged; until one was set */
};

/* How often its guest has done what it can do as often as it likes (manager_bounds.c). */
struct vm_bounds {
	struct rate boots;
	uint64_t run_since_ms; /* of the run that was counted last */
	uint64_t boot_ms; /* when the last one began that counts as a boot */
	struct rate early; /* ticks for its sake */
	uint64_t nearest_kib; /* its balloon has come so near to what was asked for */
};

struct vm {
	/* From statistics. sample.name points to `name`. */
	struct vm_sample sample;
	char *name; /* fit for terminals, so not always libvirt's to the byte */
	int id; /* of this run */
	struct opt_u64 last_update_s; /* of the guest's statistics, host wall time */
	uint64_t told_ms; /* monotonic; when libvirt last gave those */
	uint64_t silent_ms; /* monotonic; since when its QEMU has not answered; 0: it does */
	bool hung; /* for long enough to say so */
	bool stopped; /* libvirt has said so; it stays until a roster comes without it */
	uint64_t run_since_ms; /* monotonic; when this run began, or when it was first seen */

	/* From its description and metadata. */
	bool described; /* the fields below hold something */
	bool describing; /* a job is asking */
	bool describe_again; /* something changed meanwhile */
	bool describe_failed; /* has been logged */
	bool period_refused; /* its statistics could not be turned on */
	struct domain_description description;
	struct vm_tune tune;
	bool tune_rejected; /* its metadata is wrong: `tune` is an older one */
	bool has_job; /* migration, save, ...: looked at again in each tick until it is over */
	struct conf_error settings_error; /* the last one that was logged; "": none */

	/* What is decided and done. */
	struct vm_settings settings; /* counts once described */
	struct vm_orders orders;
	struct vm_settings ordered; /* `settings` as the orders change them, of this tick */
	bool has_settings; /* `settings` is what was asked for, not a stopgap */
	struct vm_state state;
	struct vm_decision decision; /* the last one */
	uint64_t decided_ms; /* monotonic; when this reason was first given; 0: not judged */
	bool setting; /* a target is on its way to libvirt */
	bool release; /* it is to get its maximum back, and has not been asked yet */
	struct vm_refusal refusal;
	struct vm_bounds bounds;
	struct opt_u64 asked_kib; /* the target last asked for; unknown: none in this run */
	struct opt_u64 asked_before_kib; /* while setting: to go back to when it fails */

	/* What was logged last, so that an unchanged situation is not logged again. */
	bool announced;
	enum reason announced_reason;
	struct opt_u64 announced_target_kib; /* only targets that were to be set */
};

struct fleet {
	struct vm **vms; /* sorted by UUID */
	size_t n_vms;
};

/* For the owner to hear of coming and going; the VM is valid during the call. */
struct fleet_observer {
	void (*found)(void *userdata, struct vm *vm); /* new here, or its guest runs anew */
	void (*lost)(void *userdata, struct vm *vm);
	void *userdata;
};

/*
 * Bring the table in line with a roster taken at `now_ms` (monotonic). Returns 0 or -ENOMEM, when
 * the table is in order but domains of the roster may be missing.
 */
int fleet_merge(struct fleet *fleet, const struct stats_batch *roster, uint64_t now_ms,
		const struct fleet_observer *observer);

/*
 * Take the numbers of one domain, which came at `now_ms`. Those of another run than the roster's
 * are dropped.
 */
void fleet_take_numbers(struct fleet *fleet, const struct domain_stats *stats, uint64_t now_ms);

struct vm *fleet_find(const struct fleet *fleet, const char *uuid); /* NULL: not there */

/*
 * A new run of the guest begins: nothing known of the old one counts any more, but for what the VM
 * usually needs, which takes a day to learn: a guest that was updated and rebooted does the same work
 * again. One with another maximum begins anew (policy/history.c).
 */
void fleet_vm_restarted(struct vm *vm, uint64_t now_ms);

/* Its QEMU has not answered for longer than a call may take. */
bool vm_is_hung(const struct vm *vm, uint64_t now_ms, uint64_t call_deadline_ms);

/* Forget all: what was known of them may have changed while nobody looked. */
void fleet_clear(struct fleet *fleet);

#endif
