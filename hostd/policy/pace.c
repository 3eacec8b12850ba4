// SPDX-License-Identifier: GPL-2.0
/*
 * Pace: how far towards its entitlement does each VM go in this tick?
 *
 * Giving. Only what was free at the tick's start is given, never what is being taken in the same
 * tick: that is free when the guest has really let go of it. Free memory goes, each round with
 * what the one before left,
 *   1. to VMs below their reservation;
 *   2. to VMs in need, up to the smaller of demand and entitlement: in one step, as far as it is
 *      there, the worst off first (those who have the least of what is due to them);
 *   3. to all others, up to their entitlement; not from the float, and not while the host is
 *      pressed.
 *
 * Taking is slow: a share of the VM's maximum a second; four times as much when the host is
 * pressed or somebody waits for memory, but that only as far down as the VM's demand. What an
 * entitlement below the demand takes, it takes slowly.
 *
 * Small moves are not worth their disturbance: none below the dead-band, except for need, where a
 * quarter of it counts, and except to a limit or a reservation.
 */
#include "policy/fill.h"

#define LEVEL_ONE	   ((uint64_t)1 << 20) /* a level here is the part of what is due */
#define URGENT_FACTOR	   4
#define NEED_BAND_DIVISOR  4
#define FIRST_ELAPSED_MS   1000 /* taken as passed when a VM is first seen */
#define LONGEST_ELAPSED_MS 10000 /* a daemon that slept does not take it all at once */
#define RECLAIM_GAP_MS	   1000 /* early ticks must not turn taking into a trickle of requests */
#define RESEND_MS	   30000 /* a target not reached is asked for again, not more often */

static uint64_t dead_band(const struct tick *tick, const struct policy_vm *vm)
{
	return max_u64(bound_kib(tick->settings->dead_band_kib),
		       permille_of(vm->work.actual_kib, tick->settings->dead_band_permille));
}

static uint64_t need_band(const struct tick *tick, const struct policy_vm *vm)
{
	return dead_band(tick, vm) / NEED_BAND_DIVISOR;
}

/* Up to where growing is relief. */
static uint64_t due(const struct tick *tick, const struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;
	uint64_t kib;

	if (!vm_judged(vm))
		return work->goal_kib;
	kib = max_u64(min_u64(work->goal_kib, work->demand_kib), work->reservation_kib);
	if (work->holds_kib >= work->reservation_kib && kib < work->limit_kib &&
	    sub_u64(kib, work->holds_kib) < need_band(tick, vm))
		return work->holds_kib;
	return kib;
}

static uint64_t towards(const struct policy_vm *vm, uint64_t upto_kib, uint64_t level)
{
	return sub_u64(scale_u64(upto_kib, level, LEVEL_ONE), vm->work.target_kib);
}

static uint64_t to_reservation(const struct policy_vm *vm, uint64_t level)
{
	return towards(vm, vm->work.reservation_kib, level);
}

static uint64_t to_due(const struct policy_vm *vm, uint64_t level)
{
	return towards(vm, vm->work.due_kib, level);
}

static uint64_t to_goal(const struct policy_vm *vm, uint64_t level)
{
	return towards(vm, vm->work.goal_kib, level);
}

/* One round of giving; returns what is left of `pool_kib`. */
static uint64_t give(struct tick *tick, fill_amount amount, uint64_t pool_kib)
{
	uint64_t level = fill_level(tick, amount, LEVEL_ONE, pool_kib);

	for_each_vm(vm, tick) {
		uint64_t kib;

		if (!vm->work.sharing)
			continue;
		kib = amount(vm, level);
		if (level < LEVEL_ONE)
			kib = page_down(kib);
		vm->work.target_kib += kib;
		pool_kib = sub_u64(pool_kib, kib);
	}
	return pool_kib;
}

/* An observed VM is shown what it would have got of what is left; it uses none of it up. */
static void give_observed(struct policy_vm *vm, uint64_t pool_kib)
{
	struct vm_work *work = &vm->work;

	work->target_kib += page_down(min_u64(sub_u64(work->goal_kib, work->holds_kib), pool_kib));
}

static void give_all(struct tick *tick)
{
	uint64_t pool_kib = opt_or(tick->totals.free_kib, 0);

	for_each_vm(vm, tick) {
		struct vm_work *work = &vm->work;

		work->sharing = !work->fixed && !work->observed;
		work->target_kib = work->holds_kib;
		work->due_kib = due(tick, vm);
	}
	tick->totals.shortage_kib = fill_sum(tick, to_due, LEVEL_ONE);
	pool_kib = give(tick, to_reservation, pool_kib);
	pool_kib = give(tick, to_due, pool_kib);
	for_each_vm(vm, tick) {
		struct vm_work *work = &vm->work;
		uint64_t more_kib = sub_u64(work->goal_kib, work->target_kib);

		if (!vm_judged(vm) ||
		    (more_kib < dead_band(tick, vm) && work->goal_kib != work->limit_kib))
			work->sharing = false;
	}
	if (tick->totals.state != HOST_PRESSED)
		pool_kib = give(tick, to_goal, sub_u64(pool_kib, tick->float_kib));
	for_each_vm(vm, tick)
		if (vm->work.observed && vm_judged(vm))
			give_observed(vm, pool_kib);
}

/*
 * What was given in parts may have become too small a move; then it is not made. True when the
 * VM grows.
 */
static bool settle_grant(const struct tick *tick, struct policy_vm *vm)
{
	struct vm_work *work = &vm->work;
	uint64_t move_kib = work->target_kib - work->holds_kib;
	bool in_need = work->holds_kib < work->due_kib;

	if (!move_kib)
		return false;
	if (work->holds_kib < work->reservation_kib)
		return true; /* each page of a reservation counts */
	if (work->target_kib >= (in_need ? work->due_kib : work->goal_kib))
		return true;
	if (move_kib >= (in_need ? need_band(tick, vm) : dead_band(tick, vm)))
		return true;
	work->target_kib = work->holds_kib;
	return false;
}

static enum reason why_grown(const struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;

	if (work->holds_kib < work->reservation_kib)
		return REASON_BELOW_RESERVATION;
	if (work->holds_kib >= work->due_kib)
		return REASON_GROW;
	return work->target_kib >= work->due_kib ? REASON_RELIEF : REASON_RELIEF_PARTIAL;
}

/* Down to where the VM may be taken in this tick; its entitlement is below what it holds. */
static uint64_t lowest_now(const struct tick *tick, const struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;
	const struct vm_state *state = vm->state;
	uint64_t elapsed_ms = FIRST_ELAPSED_MS;
	uint64_t slow, urgent, lowest;

	if (state->seen)
		elapsed_ms = min_u64(tick->now_ms - state->reclaim_ms, LONGEST_ELAPSED_MS);
	slow = scale_u64(permille_of(work->max_kib, tick->settings->reclaim_permille), elapsed_ms,
			 1000);
	slow = max_u64(slow, PAGE_KIB); /* or rounding would stop the smallest VMs for ever */
	lowest = sub_u64(work->actual_kib, slow);
	if (tick->totals.state == HOST_PRESSED || work->holds_kib > work->limit_kib ||
	    tick->totals.shortage_kib > opt_or(tick->totals.free_kib, 0)) {
		urgent = sub_u64(work->actual_kib, scale_u64(slow, URGENT_FACTOR, 1));
		lowest = min_u64(lowest, max_u64(urgent, work->demand_kib));
	}
	return max_u64(page_up(lowest), work->goal_kib);
}

/* It holds enough. Take what is too much, or stop a taking that has become too much itself. */
static enum reason settle_reclaim(const struct tick *tick, struct policy_vm *vm)
{
	struct vm_work *work = &vm->work;
	struct vm_state *state = vm->state;
	uint64_t over_kib = sub_u64(work->holds_kib, work->goal_kib);
	uint64_t lowest_kib = min_u64(work->goal_kib, work->actual_kib);
	bool above_limit = work->holds_kib > work->limit_kib;
	bool waits = state->seen && tick->now_ms - state->reclaim_ms < RECLAIM_GAP_MS;

	work->target_kib = work->heading_kib;
	if (work->heading_kib < lowest_kib &&
	    lowest_kib - work->heading_kib >= need_band(tick, vm)) {
		work->target_kib = lowest_kib;
		return REASON_RECLAIM_CUT;
	}
	if (!over_kib || (over_kib < dead_band(tick, vm) && !above_limit)) {
		state->reclaim_ms = tick->now_ms;
		return over_kib ? REASON_DEAD_BAND : REASON_STEADY;
	}
	if (!waits) {
		work->target_kib = min_u64(work->heading_kib, lowest_now(tick, vm));
		state->reclaim_ms = tick->now_ms;
	}
	return above_limit ? REASON_ABOVE_LIMIT : REASON_RECLAIM;
}

/* The VM neither grows nor shrinks, although it is entitled to more than it holds. */
static enum reason why_not_grown(const struct tick *tick, const struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;

	if (work->holds_kib < work->due_kib)
		return REASON_NOTHING_FREE;
	if (work->goal_kib - work->holds_kib >= dead_band(tick, vm) ||
	    work->goal_kib == work->limit_kib)
		return REASON_NOTHING_FREE;
	return REASON_DEAD_BAND;
}

static enum reason settle(const struct tick *tick, struct policy_vm *vm)
{
	struct vm_work *work = &vm->work;
	enum reason reason;

	if (work->fixed) {
		work->target_kib = work->heading_kib;
		return work->held;
	}
	if (!vm_judged(vm)) {
		if (settle_grant(tick, vm))
			return why_grown(vm);
		work->target_kib = work->heading_kib;
		return work->held;
	}
	if (settle_grant(tick, vm)) {
		vm->state->reclaim_ms = tick->now_ms;
		return why_grown(vm);
	}
	reason = settle_reclaim(tick, vm);
	if (work->goal_kib > work->holds_kib && reason == REASON_STEADY)
		reason = why_not_grown(tick, vm);
	if (work->keep && (reason == REASON_STEADY || reason == REASON_DEAD_BAND))
		reason = REASON_BOOTING;
	return reason;
}

/* Whether the device has to be told: a new target, or one that it has long failed to reach. */
static bool to_be_sent(const struct tick *tick, const struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;

	if (work->observed || work->fixed)
		return false;
	if (work->target_kib != work->heading_kib)
		return true;
	return vm_judged(vm) && vm->state->last_target_kib.known &&
	       work->target_kib != work->actual_kib &&
	       tick->now_ms - vm->state->asked_ms >= RESEND_MS;
}

static void publish(struct tick *tick, struct policy_vm *vm, enum reason reason)
{
	struct host_decision *totals = &tick->totals;
	struct vm_work *work = &vm->work;

	vm->decision.set = to_be_sent(tick, vm);
	vm->decision.reason = reason;
	if (work->observed && vm_judged(vm))
		vm->decision.reason = REASON_MODE_OBSERVE;
	vm->decision.target_kib = work->target_kib;
	if (!vm->decision.set)
		return;
	vm->state->last_target_kib = opt_some(work->target_kib);
	vm->state->asked_ms = tick->now_ms;
	totals->grant_kib = add_u64(totals->grant_kib, sub_u64(work->target_kib, work->holds_kib));
	totals->reclaim_kib =
		add_u64(totals->reclaim_kib, sub_u64(work->heading_kib, work->target_kib));
}

void pace_tick(struct tick *tick)
{
	give_all(tick);
	for_each_vm(vm, tick)
		publish(tick, vm, settle(tick, vm));
}
