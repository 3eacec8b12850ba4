// SPDX-License-Identifier: GPL-2.0
/*
 * Taking: from whom, how far, how fast.
 *
 * From whom. While nobody waits, from nobody: only what is above a limit, and what proactive mode
 * probes for. When somebody waits, or the float is to be filled, from those who hold most too much,
 * and from as few of them as will do: VMs are classed by the power of two of their excess, and
 * classes are asked from the highest down until that covers what is wanted and not coming already.
 * Who is alike is treated alike. While the host is low, from all who hold too much.
 *
 * How far. To the entitlement. Below what a VM needs only when somebody else waits for memory, or
 * the host is hard or low: the entitlement is then below the need by shares.
 *
 * How fast. When it is urgent (somebody waits, the float is to be filled, the host is hard) as fast
 * as ticks come, in steps of at most `reclaim_step`, and that only as far down as the demand, or
 * when the host is hard, the entitlement. Else, and below the demand, a share of the maximum a
 * second; what nobody waits for in one step every thirty seconds. When the host is low, all at once.
 */
#include "policy/internal.h"

#define FIRST_ELAPSED_MS    1000 /* taken as passed when a VM is first seen */
#define LONGEST_ELAPSED_MS  30000 /* a daemon that slept does not take it all at once */
#define STEP_GAP_MS	    30000 /* fewer, larger steps: each costs the guest's and our time */
#define URGENT_GAP_MS	    1000 /* early ticks must not turn taking into a trickle of requests */
#define PROBE_STEP_PERMILLE 50 /* of the maximum: as few steps as will do here, too */
#define CLASSES		    47 /* binary digits of KIB_CEILING */

static uint64_t excess(const struct vm_work *work)
{
	return sub_u64(work->holds_kib, work->goal_kib);
}

static bool somebody_waits(const struct tick *tick)
{
	return tick->wanted_kib > 0;
}

static bool may_shrink(const struct tick *tick, const struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;

	return vm_judged(vm) && !work->observed && !vm_kept(tick, vm) &&
	       work->target_kib <= work->holds_kib &&
	       !pace_turn_wait_ms(tick, vm->state, VM_SHRUNK, somebody_waits(tick));
}

void take_tick(struct tick *tick)
{
	uint64_t classes_kib[CLASSES] = { 0 };
	uint64_t coming_kib = 0, sum_kib = 0;
	size_t class = CLASSES;

	tick->threshold_kib = UINT64_MAX;
	for_each_vm(vm, tick) {
		const struct vm_work *work = &vm->work;
		uint64_t kib = excess(work);
		/* Asked for already, and not let go of yet. */
		uint64_t asked_kib = sub_u64(work->holds_kib, work->heading_kib);

		if (!may_shrink(tick, vm) || kib < pace_dead_band(tick, vm) || !kib)
			continue;
		coming_kib = add_u64(coming_kib, asked_kib);
		classes_kib[63 - __builtin_clzll(kib)] += sub_u64(kib, asked_kib);
	}
	tick->wanted_kib = sub_u64(tick->wanted_kib, coming_kib);
	if (!tick->wanted_kib)
		return;
	while (class > 0 && sum_kib < tick->wanted_kib)
		sum_kib = add_u64(sum_kib, classes_kib[--class]);
	tick->threshold_kib = (uint64_t)1 << class;
}

static bool probed(const struct tick *tick, const struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;
	uint64_t step_kib =
		max_u64(pace_dead_band(tick, vm), permille_of(work->max_kib, PROBE_STEP_PERMILLE));

	return tick->settings->proactive && vm->state->probing &&
	       sub_u64(work->holds_kib, vm->state->cap_kib) >= step_kib;
}

static bool chosen(const struct tick *tick, const struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;
	uint64_t kib = excess(work);

	return tick->totals.state == HOST_LOW || work->holds_kib > work->limit_kib ||
	       kib >= tick->threshold_kib || probed(tick, vm);
}

/* Down to where the VM may be taken in this tick. */
static uint64_t lowest_now(const struct tick *tick, const struct policy_vm *vm, bool urgent)
{
	const struct vm_work *work = &vm->work;
	const struct vm_state *state = vm->state;
	uint64_t elapsed_ms = FIRST_ELAPSED_MS;
	uint64_t step_kib, slow_kib, fast_kib, lowest_kib;

	if (tick->totals.state == HOST_LOW)
		return work->goal_kib;
	if (state->seen)
		elapsed_ms = min_u64(tick->now_ms - state->reclaim_ms, LONGEST_ELAPSED_MS);
	step_kib = max_u64(permille_of(work->max_kib, tick->settings->step_permille), PAGE_KIB);
	slow_kib = scale_u64(permille_of(work->max_kib, tick->settings->reclaim_permille),
			     elapsed_ms, 1000);
	/* At least a page, or rounding would stop the smallest VMs. */
	slow_kib = clamp_u64(slow_kib, PAGE_KIB, step_kib);
	lowest_kib = sub_u64(work->actual_kib, slow_kib);
	if (urgent) {
		fast_kib = sub_u64(work->actual_kib, step_kib);
		if (tick->totals.state < HOST_HARD)
			fast_kib = max_u64(fast_kib, work->demand_kib);
		lowest_kib = min_u64(lowest_kib, fast_kib);
	}
	if (!somebody_waits(tick) && tick->totals.state < HOST_HARD)
		lowest_kib = max_u64(lowest_kib, min_u64(work->demand_kib, work->limit_kib));
	return max_u64(page_up(lowest_kib), work->goal_kib);
}

static enum reason why_taken(const struct tick *tick, const struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;

	if (work->holds_kib > work->limit_kib)
		return REASON_ABOVE_LIMIT;
	if (tick->totals.state == HOST_LOW)
		return REASON_RECLAIM_LOW;
	if (work->target_kib < work->demand_kib)
		return REASON_RECLAIM_NEED;
	if (probed(tick, vm) && excess(work) < tick->threshold_kib)
		return REASON_RECLAIM_PROBE;
	return REASON_RECLAIM;
}

/* It neither grows nor shrinks, although it is entitled to more than it holds. */
static enum reason why_not_grown(const struct tick *tick, const struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;
	uint64_t more_kib = work->goal_kib - work->holds_kib;

	if (work->holds_kib < work->due_kib)
		return REASON_NOTHING_FREE;
	if (work->foreign)
		return REASON_FOREIGN;
	if (more_kib < pace_comfort_band(tick, vm) &&
	    (work->goal_kib != work->limit_kib || tick->overcommitted))
		return REASON_DEAD_BAND;
	if (tick->totals.state >= HOST_HARD)
		return REASON_GROWTH_BLOCKED;
	if (pace_turn_wait_ms(tick, vm->state, VM_GROWN, false))
		return REASON_TURN_HOLD;
	return REASON_NOTHING_FREE;
}

static enum reason stay(const struct tick *tick, struct policy_vm *vm, enum reason reason)
{
	vm->state->reclaim_ms = tick->now_ms;
	return reason;
}

/* Of a taking that has become too much; where it would cut into what the VM needs, less counts. */
static uint64_t cut_band(const struct tick *tick, const struct policy_vm *vm)
{
	return vm->work.heading_kib < vm->work.demand_kib ? pace_need_band(tick, vm)
							  : pace_dead_band(tick, vm);
}

/* It was not grown. Take what is too much, or stop a taking that has become too much itself. */
enum reason take_settle(const struct tick *tick, struct policy_vm *vm)
{
	struct vm_work *work = &vm->work;
	struct vm_state *state = vm->state;
	uint64_t over_kib = excess(work);
	uint64_t lowest_kib = min_u64(work->goal_kib, work->actual_kib);
	bool above_limit = work->holds_kib > work->limit_kib;
	bool urgent = tick->totals.state >= HOST_HARD || somebody_waits(tick) || above_limit;
	uint64_t gap_ms = urgent ? URGENT_GAP_MS : STEP_GAP_MS;

	work->target_kib = work->heading_kib;
	if (work->heading_kib < lowest_kib &&
	    lowest_kib - work->heading_kib >= cut_band(tick, vm)) {
		work->target_kib = lowest_kib;
		return REASON_RECLAIM_CUT;
	}
	if (!over_kib)
		return stay(tick, vm,
			    work->goal_kib > work->holds_kib ? why_not_grown(tick, vm)
							     : REASON_STEADY);
	if (vm_kept(tick, vm))
		return stay(tick, vm, work->keep_reason);
	if (over_kib < pace_dead_band(tick, vm) && !above_limit)
		return stay(tick, vm, REASON_DEAD_BAND);
	if (!chosen(tick, vm))
		return stay(tick, vm, REASON_SPARE);
	if (!above_limit && pace_turn_wait_ms(tick, state, VM_SHRUNK, somebody_waits(tick)))
		return stay(tick, vm, REASON_TURN_HOLD);
	if (!state->seen || tick->now_ms - state->reclaim_ms >= gap_ms) {
		work->target_kib = min_u64(work->heading_kib, lowest_now(tick, vm, urgent));
		state->reclaim_ms = tick->now_ms;
	}
	return why_taken(tick, vm);
}
