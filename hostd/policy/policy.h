/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The reclaim policy: from what was measured (snapshot.h) and what is wanted (settings.h) to a
 * decision for each VM. Pure: no clock, no I/O, no logging, no allocation. The same inputs and
 * the same state give the same decisions. Daemon, simulator and tests call policy_tick().
 *
 *   guards       is this VM's memory ours to move now?            guard.c, movement.c
 *   demand       what does it need, now and usually?              demand.c, sizes.c, history.c
 *   capacity     how much may all VMs have, how much is free?     capacity.c, reserve.c
 *   state        how short is the host?                           state.c, harm.c
 *   entitlement  how is that shared?                              entitlement.c, proactive.c
 *   pace         how far towards it in this tick?                 pace.c, give.c, take.c
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

/* How long the VM needed how much, over a sliding window (history.c). 1 KiB a VM. */
#define HISTORY_BINS   64
#define HISTORY_SLICES 4
struct vm_history {
	uint32_t ms[HISTORY_SLICES][HISTORY_BINS]; /* bins are equal parts of max_kib */
	uint64_t max_kib;
	uint64_t since_ms; /* when the newest slice began */
	uint32_t newest;
	struct opt_u64 usual_kib; /* the percentile, as of usual_ms */
	uint64_t usual_ms;
};

/* What the latest statistics showed, each as it entered the need. */
struct vm_need {
	uint64_t size_kib; /* the VM's size when they were made */
	uint64_t use_kib; /* of it, what could not be given away without loss */
	uint64_t buffer_kib;
	uint64_t earned_kib; /* beyond that: what pressure has shown to be worth its keep */
	struct opt_u64 swap_in_kib_s; /* rates since the statistics before; unknown: none to tell */
	struct opt_u64 faults_s;
	bool pressed; /* they showed the guest to lack memory */
};

enum vm_direction {
	VM_STILL,
	VM_GROWN,
	VM_SHRUNK,
};

/* A guest on its way to a target, and how it kept up (movement.c). */
struct vm_movement {
	bool watched; /* it is on its way */
	uint64_t target_kib; /* to here */
	uint64_t since_ms; /* the stretch being judged began here, ... */
	uint64_t from_kib; /* ... at this size */
	bool stuck; /* it did not move, and is left alone until retry_at_ms */
	bool stuck_growing; /* it takes nothing; else it gives nothing */
	uint64_t retry_at_ms;
	uint64_t retry_ms; /* the last back-off; 0: it moves well */
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
	uint64_t asked_before_kib; /* where it was going when that was asked */

	bool seen; /* the fields up to `movement` hold something */
	uint64_t last_ms; /* when this VM was last judged */
	uint64_t last_actual_kib; /* where it was then */
	uint64_t last_max_kib; /* and its maximum */
	struct vm_sizes sizes;
	struct opt_u64 last_rss_kib; /* resident memory, when it was last known */
	uint64_t reclaim_ms; /* from here on the right to take memory adds up */
	enum vm_direction direction; /* of the last move asked for, at ... */
	uint64_t moved_ms;
	struct vm_movement movement;

	bool foreign; /* somebody else resized it, at ... */
	uint64_t foreign_ms;
	bool foreign_up; /* to more than it was to have */
	bool effect_watched; /* the fields below hold where a shrinking began */
	uint64_t effect_actual_kib;
	uint64_t effect_rss_kib;

	bool has_demand; /* the fields below hold something */
	uint64_t demand_kib; /* smoothed: up at once, down slowly */
	uint64_t need_kib; /* the demand that the latest statistics showed */
	struct vm_need need; /* its parts */
	uint64_t earned_kib; /* forgotten slowly */
	uint64_t last_stats_ms; /* host time of those statistics */
	struct opt_u64 last_swap_in_kib; /* counters in them, for the rates */
	struct opt_u64 last_major_faults;
	struct vm_history history;
	bool probing; /* proactive mode has brought it down to cap_kib */
	uint64_t cap_kib;
};

/* One VM's decision, with the numbers that led to it. */
struct vm_decision {
	enum reason reason;
	bool set; /* target_kib is to be sent to the device */
	uint64_t target_kib; /* without `set`: where the VM is left */
	struct opt_u64 demand_kib; /* unknown: no fresh statistics */
	struct opt_u64 usual_kib; /* what it needs 95 % of the time; unknown: not seen for long */
	struct vm_need need; /* counts where demand_kib is known */
	struct opt_u64 harm_permille; /* waiting for what the host has swapped (harm.c) */
	bool harmed; /* that is more than the host may let it wait */
	uint64_t entitlement_kib; /* what it may have now: reservation, limit, shares, need */
	uint64_t reservation_kib; /* as applied, after bounding by the maximum */
	uint64_t limit_kib;
	uint64_t wait_ms; /* until what holds it back is over; 0: nothing that time ends */
};

/* Scratch of one tick, written and read by the policy only (internal.h says what it holds). */
struct vm_work {
	/* What sharing and granting go over again and again comes first, so that it lies together. */
	uint64_t weight; /* shares of its maximum */
	uint64_t max_kib;
	uint64_t floor_kib; /* the entitlement's lower bound, */
	uint64_t want_kib; /* what it should have if there is enough, */
	uint64_t upper_kib; /* its upper bound, */
	uint64_t goal_kib; /* and the entitlement itself */
	uint64_t
		target_kib; /* where it is told to go: what it holds and was granted in this tick */
	uint64_t due_kib; /* up to here growing is relief, beyond it growth */
	uint64_t reservation_kib;
	bool sharing; /* takes part in the sharing or granting that is going on */

	bool fixed; /* held, and may not even be raised to its reservation */
	bool keep; /* nothing may be taken from it, for keep_reason */
	bool foreign; /* somebody else resized it a moment ago */
	bool observed; /* decided, but not carried out */
	bool unasked; /* may be judged, but nothing is asked of it, in either direction */
	enum reason held; /* why its needs cannot be judged; REASON_NONE: they can */
	enum reason keep_reason;
	uint64_t actual_kib;
	uint64_t heading_kib; /* where its device has been asked to go: last target, or actual */
	uint64_t holds_kib; /* the larger of both: what it has, or was promised */
	uint64_t limit_kib;
	uint64_t
		charge_kib; /* what others find missing: what it holds, or may soon touch of that */
	uint64_t demand_kib;
	uint64_t comfort_kib; /* beyond this a VM of an overcommitted host is not filled */
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
	HOST_RELAXED, /* everybody can have everything: nothing is taken, all goes back */
	HOST_SOFT, /* not everybody can: free and idle memory is taken */
	HOST_HARD, /* the reserve is being used up: what VMs need is taken too, by shares */
	HOST_LOW, /* next to nothing is left: all at once, nobody grows, and an alarm */
};

/* What the policy remembers of the host between ticks; the caller zeroes it once, at the start. */
struct policy_state {
	bool seen;
	uint64_t last_ms;
	uint64_t ahead_ms; /* of the caller's time, which went back by so much */
	enum host_state state; /* with hysteresis: left later than entered */
	bool filling; /* the float is being filled up again */
	bool host_told; /* what the host has available has been known */
	struct opt_u64 last_swap_out_pages;
	bool swapped; /* the host swapped more than it may, or harmed VMs by it, last at ... */
	uint64_t swapped_ms;
};

/* The tick's totals, for the log and the status. */
struct host_decision {
	enum host_state state;
	struct opt_u64 reserve_kib; /* what is to stay available */
	struct opt_u64 margin_kib; /* what would be, if the VMs touched all they hold */
	struct opt_u64 capacity_kib; /* what all VMs together may have */
	uint64_t holdable_kib; /* the most that could be held: what all reservations leave over */
	uint64_t held_kib; /* of settings.hold_kib, what is free now */
	struct opt_u64 free_kib; /* of that, not held by any VM at the tick's start */
	struct opt_u64 swap_out_kib_s; /* of the host */
	uint64_t charged_kib; /* held by the VMs at the tick's start, or promised to them */
	uint64_t limits_kib; /* what they would hold if all had their limits */
	uint64_t reservations_kib; /* likewise, if none had more than its reservation */
	uint64_t reclaim_kib; /* decided in this tick */
	uint64_t grant_kib;
	uint64_t shortage_kib; /* what VMs in need of memory lack at the tick's start */
	size_t harmed_vms; /* that wait for what the host has swapped */
};

/*
 * Decide for all VMs at host time `now_ms` (monotonic; only differences count; where it goes back all
 * the same, it is taken to stand still once, or all that waits for its time would be over).
 * `vms` may be in any order, which does not change the decisions; each `decision` and `state` is
 * written. Shrinking decisions are to be carried out before growing ones.
 */
void policy_tick(uint64_t now_ms, const struct policy_settings *settings,
		 const struct host_sample *host, struct policy_state *state, struct policy_vm *vms,
		 size_t n_vms, struct host_decision *ret_host);

const char *host_state_to_string(enum host_state state);

#endif
