// SPDX-License-Identifier: GPL-2.0
/*
 * Pace: how far towards its entitlement does each VM go in this tick, and why not further?
 *
 * First memory is given (give.c), then it is known who waits for how much, and that is taken
 * (take.c). Here is what both go by:
 *
 * Bands. Small moves are not worth their disturbance: none below the dead-band, except for need,
 * where a quarter of it counts, and except to a limit or a reservation. On an overcommitted host
 * entitlements beyond the demand move with everybody's use all day; so between demand and
 * entitlement a VM may be off by half of that before it is moved, and is then moved all the way.
 *
 * Turns. After a move one way, no move the other way for `turn_hold`: that ends flapping at its
 * root, whatever the cause. Need does not wait; nor does anybody while the host is hard or low.
 */
#include "policy/internal.h"

#define NEED_BAND_DIVISOR    4
#define COMFORT_BAND_DIVISOR 2

uint64_t pace_dead_band(const struct tick *tick, const struct policy_vm *vm)
{
	return max_u64(bound_kib(tick->settings->dead_band_kib),
		       permille_of(vm->work.actual_kib, tick->settings->dead_band_permille));
}

uint64_t pace_need_band(const struct tick *tick, const struct policy_vm *vm)
{
	return pace_dead_band(tick, vm) / NEED_BAND_DIVISOR;
}

uint64_t pace_comfort_band(const struct tick *tick, const struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;
	uint64_t band_kib = pace_dead_band(tick, vm);

	if (!tick->overcommitted)
		return band_kib;
	return max_u64(band_kib, sub_u64(work->goal_kib, work->demand_kib) * 3 / 4);
}

uint64_t pace_turn_wait_ms(const struct tick *tick, const struct vm_state *state,
			   enum vm_direction direction, bool urgent)
{
	uint64_t hold_ms = urgent ? tick->settings->turn_hold_urgent_ms
				  : tick->settings->turn_hold_ms;

	if (state->direction == VM_STILL || state->direction == direction ||
	    tick->totals.state >= HOST_HARD)
		return 0;
	return sub_u64(hold_ms, tick->now_ms - state->moved_ms);
}

static uint64_t rest_of(uint64_t hold_ms, uint64_t since_ms, uint64_t now_ms)
{
	return sub_u64(hold_ms, now_ms - since_ms);
}

/* How long until time alone ends what holds the VM back. */
static uint64_t wait_ms(const struct tick *tick, const struct policy_vm *vm, enum reason reason)
{
	const struct policy_settings *settings = tick->settings;
	const struct vm_state *state = vm->state;

	if (reason == REASON_STUCK)
		return sub_u64(state->movement.retry_at_ms, tick->now_ms);
	if (reason == REASON_REFUSED)
		return vm->sample->refused_ms;
	if (reason == REASON_FOREIGN)
		return rest_of(settings->foreign_hold_ms, state->foreign_ms, tick->now_ms);
	if (reason == REASON_BOOTING)
		return sub_u64(settings->boot_grace_ms, vm->sample->up_ms);
	if (reason == REASON_TURN_HOLD) {
		/* It was held back from the other way; taking is urgent while somebody waits. */
		bool taking = state->direction == VM_GROWN;

		return pace_turn_wait_ms(tick, state, taking ? VM_SHRUNK : VM_GROWN,
					 taking && tick->wanted_kib);
	}
	return 0;
}

/* It does not follow: ask for no more than it has, once. */
static enum reason settle_stuck(struct policy_vm *vm)
{
	vm->work.target_kib = vm->work.actual_kib;
	return REASON_STUCK;
}

/* Nothing is known of what it needs, so neither is it taken further than it has come. */
static enum reason settle_held(const struct tick *tick, struct policy_vm *vm)
{
	struct vm_work *work = &vm->work;

	work->target_kib = work->heading_kib;
	if (work->heading_kib < work->actual_kib &&
	    work->actual_kib - work->heading_kib >= pace_need_band(tick, vm))
		work->target_kib = work->actual_kib;
	return work->held;
}

static enum reason settle(const struct tick *tick, struct policy_vm *vm)
{
	struct vm_work *work = &vm->work;
	enum reason reason;

	if (work->fixed) {
		work->target_kib = work->heading_kib;
		return work->held;
	}
	if (work->unasked) {
		work->target_kib = work->heading_kib;
		if (work->foreign)
			return REASON_FOREIGN;
		return vm_judged(vm) ? REASON_REFUSED : work->held;
	}
	if (give_settle(tick, vm)) {
		vm->state->reclaim_ms = tick->now_ms;
		return give_reason(vm);
	}
	if (vm->state->movement.stuck)
		return settle_stuck(vm);
	if (!vm_judged(vm))
		return settle_held(tick, vm);
	reason = take_settle(tick, vm);
	if (work->keep && (reason == REASON_STEADY || reason == REASON_DEAD_BAND))
		reason = work->keep_reason;
	return reason;
}

static void note_move(struct tick *tick, struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;
	struct vm_state *state = vm->state;

	state->asked_before_kib = work->heading_kib;
	state->last_target_kib = opt_some(work->target_kib);
	state->asked_ms = tick->now_ms;
	if (vm->decision.reason == REASON_STUCK)
		return; /* no move */
	state->direction = work->target_kib > work->heading_kib ? VM_GROWN : VM_SHRUNK;
	state->moved_ms = tick->now_ms;
}

static void publish(struct tick *tick, struct policy_vm *vm, enum reason reason)
{
	struct host_decision *totals = &tick->totals;
	struct vm_work *work = &vm->work;

	vm->decision.set = !work->observed && !work->fixed && work->target_kib != work->heading_kib;
	vm->decision.reason = reason;
	if (work->observed && vm_judged(vm))
		vm->decision.reason = REASON_MODE_OBSERVE;
	vm->decision.wait_ms = wait_ms(tick, vm, vm->decision.reason);
	vm->decision.target_kib = work->target_kib;
	if (!vm->decision.set)
		return;
	note_move(tick, vm);
	totals->grant_kib = add_u64(totals->grant_kib, sub_u64(work->target_kib, work->holds_kib));
	totals->reclaim_kib =
		add_u64(totals->reclaim_kib, sub_u64(work->heading_kib, work->target_kib));
}

void pace_tick(struct tick *tick)
{
	give_tick(tick);
	take_tick(tick);
	for_each_vm(vm, tick)
		publish(tick, vm, settle(tick, vm));
}
