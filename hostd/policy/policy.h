/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The reclaim policy: from what was measured (snapshot.h) and what is wanted (settings.h) to a
 * decision for each VM. Pure: no clock, no I/O, no logging, no allocation. The same inputs and
 * the same state give the same decisions. Daemon, simulator and tests call policy_tick().
 *
 *   guards       is this VM's memory ours to move now?            guard.c
 *   demand       what does it need?                               demand.c
 *   capacity     how much may all VMs have, how much is free?     capacity.c
 *   entitlement  how is that shared?                              entitlement.c
 *   pace         how far towards it in this tick?                 pace.c
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
 * What the policy remembers of a VM between ticks. The caller keeps it with the VM, zeroed when
 * the VM is first seen, and never looks inside but for last_target_kib.
 */
struct vm_state {
	bool seen; /* the fields below hold something */
	uint64_t last_ms; /* when this VM was last judged */
	uint64_t demand_kib; /* smoothed: up at once, down slowly */
	uint64_t last_swap_in_kib; /* counters at last_ms, for the rates */
	uint64_t last_major_faults;
	uint64_t last_stats_ms; /* host time of the statistics those counters came from */
	struct opt_u64 last_target_kib; /* what we last asked for; unknown: nothing yet */
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

struct policy_vm {
	const struct vm_sample *sample;
	const struct vm_settings *settings;
	struct vm_state *state;
	struct vm_decision decision; /* out */
};

enum host_state {
	HOST_UNKNOWN, /* no host numbers and no budget: nothing is taken, nothing granted */
	HOST_RELAXED, /* everybody can have everything */
	HOST_SHORT, /* less than the sum of maxima: memory is shared out */
	HOST_PRESSED, /* below the reserve, or stalling: memory is taken faster */
};

/* The tick's totals, for the log and the status. */
struct host_decision {
	enum host_state state;
	struct opt_u64 capacity_kib; /* what all VMs together may have */
	struct opt_u64 free_kib; /* of that, not held by any VM at the tick's start */
	uint64_t charged_kib; /* held by the VMs at the tick's start */
	uint64_t reclaim_kib; /* decided in this tick */
	uint64_t grant_kib;
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
