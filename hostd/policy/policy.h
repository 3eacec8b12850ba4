/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The reclaim policy: from what was measured (snapshot.h) and what is wanted (settings.h) to a
 * decision for each VM. Pure: no clock, no I/O, no logging, no allocation. The same inputs and
 * the same state give the same decisions. Daemon, simulator and tests call policy_tick().
 *
 *   guards       is this VM's memory ours to move now?            guard.c
 *   demand       what does it need?                               demand.c, sizes.c
 *   capacity     how much may all VMs have, how much is free?     capacity.c
 *   entitlement  how is that shared?                              entitlement.c
 *   pace         how far towards it in this tick?                 pace.c
 *
 * Each step is one pass over the VMs, or a bounded number of them (fill.h), and adds up what it
 * needs; none depends on their order.
 */
#ifndef AEROSTAT_POLICY_POLICY_H
#define AEROSTAT_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/reason.h"
#include "policy/settings.h"
#include "policy/snapshot.h"

/*
 * The sizes a VM had lately, because statistics belong to the size it had when they were made.
 * Changes only, so this reaches back further than the time between reports in all but the most
 * restless moments.
 */
#define VM_SIZES 16
struct vm_sizes {
	struct {
		uint64_t since_ms;
		uint64_t kib;
	} ring[VM_SIZES];
	uint32_t n;
	uint32_t newest;
};

/*
 * What the policy remembers of a VM between ticks. The caller keeps it with the VM, zeroed when
 * the VM is first seen, and touches nothing inside but last_target_kib: policy_tick() sets it
 * when it decides a target, so that what is promised counts as held from then on. When that
 * request is refused, or not made at all (dry run), the caller sets it to opt_none().
 */
struct vm_state {
	struct opt_u64 last_target_kib; /* what the device was last asked for; unknown: nothing */
	uint64_t asked_ms; /* when */

	bool seen; /* the fields up to reclaim_ms hold something */
	uint64_t last_ms; /* when this VM was last judged */
	struct vm_sizes sizes;
	struct opt_u64 last_rss_kib; /* resident memory, when it was last known */
	uint64_t reclaim_ms; /* from here on the right to take memory adds up */

	bool has_demand; /* the fields below hold something */
	uint64_t demand_kib; /* smoothed: up at once, down slowly */
	uint64_t need_kib; /* the demand that the latest statistics showed */
	bool pressed; /* they showed the guest to lack memory */
	uint64_t last_stats_ms; /* host time of those statistics */
	struct opt_u64 last_swap_in_kib; /* counters in them, for the rates */
	struct opt_u64 last_major_faults;
};

/* One VM's decision, with the numbers that led to it. */
struct vm_decision {
	enum reason reason;
	bool set; /* target_kib is to be sent to the device */
	uint64_t target_kib; /* without `set`: where the VM is left */
	struct opt_u64 demand_kib; /* unknown: no fresh statistics */
	uint64_t entitlement_kib; /* what it may have now: reservation, limit, shares, need */
	uint64_t reservation_kib; /* as applied, after bounding by the maximum */
	uint64_t limit_kib;
};

/* Scratch of one tick, written and read by the policy only (internal.h says what it holds). */
struct vm_work {
	enum reason held; /* why its needs cannot be judged; REASON_NONE: they can */
	bool fixed; /* held, and may not even be raised to its reservation */
	bool keep; /* nothing may be taken from it */
	bool observed; /* decided, but not carried out */
	uint64_t max_kib;
	uint64_t actual_kib;
	uint64_t heading_kib; /* where its device has been asked to go: last target, or actual */
	uint64_t holds_kib; /* the larger of both: what it has, or was promised */
	uint64_t reservation_kib;
	uint64_t limit_kib;
	uint64_t demand_kib;
	uint64_t floor_kib; /* the entitlement's lower bound, */
	uint64_t want_kib; /* what it should have if there is enough, */
	uint64_t goal_kib; /* and the entitlement itself */
	uint64_t due_kib; /* up to here growing is relief, beyond it growth */
	uint64_t
		target_kib; /* where it is told to go: what it holds and was granted in this tick */
	bool sharing; /* takes part in the sharing or granting that is going on */
};

struct policy_vm {
	const struct vm_sample *sample;
	const struct vm_settings *settings;
	struct vm_state *state;
	struct vm_decision decision; /* out */
	struct vm_work work; /* needs no initialisation */
};

enum host_state {
	HOST_UNKNOWN, /* no host numbers and no budget: nothing is taken, nothing granted */
	HOST_RELAXED, /* everybody can have everything */
	HOST_SHORT, /* less than the sum of limits: memory is shared out */
	HOST_PRESSED, /* below the reserve, over the budget, or stalling: taken faster */
};

/* The tick's totals, for the log and the status. */
struct host_decision {
	enum host_state state;
	struct opt_u64 capacity_kib; /* what all VMs together may have */
	struct opt_u64 free_kib; /* of that, not held by any VM at the tick's start */
	uint64_t charged_kib; /* held by the VMs at the tick's start, or promised to them */
	uint64_t reclaim_kib; /* decided in this tick */
	uint64_t grant_kib;
	uint64_t shortage_kib; /* what VMs in need of memory lack at the tick's start */
};

/*
 * Decide for all VMs at host time `now_ms` (monotonic; only differences count).
 * `vms` may be in any order, which does not change the decisions; each `decision` and `state` is
 * written. Shrinking decisions are to be carried out before growing ones.
 */
void policy_tick(uint64_t now_ms, const struct policy_settings *settings,
		 const struct host_sample *host, struct policy_vm *vms, size_t n_vms,
		 struct host_decision *ret_host);

const char *host_state_to_string(enum host_state state);

#endif
