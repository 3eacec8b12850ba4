// SPDX-License-Identifier: GPL-2.0
/*
 * Giving. Only what was free at the tick's start is given, never what is being taken in the same
 * tick: that is free when the guest has really let go of it. Free memory goes, each round with
 * what the one before left,
 *   1. to VMs below their reservation;
 *   2. to VMs in need (they hold less than their demand, and than their entitlement), up to their
 *      entitlement, which is where they can grow again without asking: in one step, as far as it
 *      is there, the worst off first (those who have the least of what is due to them);
 *   3. to all others, up to their entitlement; not from the float, and not while the host is
 *      hard or low.
 * What is still missing after that is what VMs wait for, and take.c takes.
 */
#include "policy/fill.h"

#define LEVEL_ONE ((uint64_t)1 << 20) /* a level here is the part of what is due */

/* Up to where growing is relief. */
static uint64_t due(const struct tick *tick, const struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;
	uint64_t kib;

	if (!vm_judged(vm))
		return work->goal_kib;
	kib = max_u64(min_u64(work->goal_kib, work->demand_kib), work->reservation_kib);
	if (work->holds_kib < work->reservation_kib || kib <= work->holds_kib)
		return kib;
	if (kib < work->limit_kib && kib - work->holds_kib < pace_need_band(tick, vm))
		return work->holds_kib;
	return max_u64(kib, work->goal_kib);
}

static uint64_t towards(const struct policy_vm *vm, uint64_t upto_kib, uint64_t level)
{
	return sub_u64(scale_u64(upto_kib, level, LEVEL_ONE), vm->work.target_kib);
}

static uint64_t to_reservation(const struct tick *tick, const struct policy_vm *vm, uint64_t level)
{
	(void)tick;
	return towards(vm, vm->work.reservation_kib, level);
}

static uint64_t to_due(const struct tick *tick, const struct policy_vm *vm, uint64_t level)
{
	(void)tick;
	return towards(vm, vm->work.due_kib, level);
}

static uint64_t to_goal(const struct tick *tick, const struct policy_vm *vm, uint64_t level)
{
	(void)tick;
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
		kib = amount(tick, vm, level);
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

/* Whether it takes part in the last round: enough is missing, and nothing forbids it. */
static bool may_grow(const struct tick *tick, const struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;
	uint64_t more_kib = sub_u64(work->goal_kib, work->target_kib);
	bool to_the_last = work->goal_kib == work->limit_kib && !tick->overcommitted;

	/* Of one that is stuck a promise it does not need is withdrawn as soon as it is made. */
	return vm_judged(vm) && more_kib && !vm->state->movement.stuck && !work->foreign &&
	       (more_kib >= pace_comfort_band(tick, vm) || to_the_last) &&
	       !pace_turn_wait_ms(tick, vm->state, VM_GROWN, false);
}

void give_tick(struct tick *tick)
{
	uint64_t free_kib = opt_or(tick->totals.free_kib, 0), pool_kib = free_kib;
	uint64_t growth_kib = 0, kept_kib = 0, wanted_kib;
	uint64_t over_kib =
		sub_u64(tick->totals.charged_kib, opt_or(tick->totals.capacity_kib, UINT64_MAX));

	for_each_vm(vm, tick) {
		struct vm_work *work = &vm->work;
		const struct vm_movement *movement = &vm->state->movement;

		work->sharing = !work->fixed && !work->observed && !work->unasked &&
				!(movement->stuck && movement->stuck_growing);
		work->target_kib = work->holds_kib;
		work->due_kib = due(tick, vm);
	}
	tick->totals.shortage_kib = fill_sum(tick, to_due, LEVEL_ONE);
	pool_kib = give(tick, to_reservation, pool_kib);
	pool_kib = give(tick, to_due, pool_kib);
	for_each_vm(vm, tick)
		vm->work.sharing = vm->work.sharing && may_grow(tick, vm);
	if (tick->totals.state < HOST_HARD) {
		/* What is due to them and not there is in the shortage already. */
		growth_kib = sub_u64(fill_sum(tick, to_goal, LEVEL_ONE),
				     fill_sum(tick, to_due, LEVEL_ONE));
		pool_kib = give(tick, to_goal, sub_u64(pool_kib, tick->float_kib));
	}
	if (growth_kib || tick->state->filling)
		kept_kib = tick->float_kib;
	wanted_kib = add_u64(add_u64(tick->totals.shortage_kib, growth_kib), kept_kib);
	tick->wanted_kib = add_u64(sub_u64(wanted_kib, free_kib), over_kib);
	for_each_vm(vm, tick)
		if (vm->work.observed && vm_judged(vm))
			give_observed(vm, pool_kib);
}

/*
 * What was given in parts may have become too small a move; then it is not made. True when the
 * VM grows.
 */
bool give_settle(const struct tick *tick, struct policy_vm *vm)
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
	if (move_kib >= (in_need ? pace_need_band(tick, vm) : pace_dead_band(tick, vm)))
		return true;
	work->target_kib = work->holds_kib;
	return false;
}

enum reason give_reason(const struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;

	if (work->holds_kib < work->reservation_kib)
		return REASON_BELOW_RESERVATION;
	if (work->holds_kib >= work->due_kib)
		return REASON_GROW;
	return work->target_kib >= work->due_kib ? REASON_RELIEF : REASON_RELIEF_PARTIAL;
}
