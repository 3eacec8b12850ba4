// SPDX-License-Identifier: GPL-2.0
/*
 * Entitlement: how the capacity is shared. What VMs hold that are not judged, and the float, are
 * set aside; the rest goes out in three rounds, each only as far as the one before leaves some:
 *
 *   1. everybody its reservation, also when that is more than there is: a reservation holds;
 *   2. up to what each wants (its demand, within reservation and limit): in proportion to shares,
 *      a reservation counting towards its owner's part;
 *   3. up to the limits, what is left, in proportion to shares: memory nobody needs is cache
 *      for whoever holds it, and when there is enough for everybody all limits are reached.
 *
 * VMs that are only observed are given the part they would have if they took part, in a sharing
 * of its own; in the others' sharing they keep what they hold.
 */
#include "policy/fill.h"

#define LEVEL_BITS 16 /* a level is KiB a share, with this many binary places */

/* `level` in KiB for this VM's shares. */
static uint64_t at_level(const struct policy_vm *vm, uint64_t level)
{
	uint64_t shares = max_u64(vm->settings->shares, 1);
	uint64_t amount;

	if (__builtin_mul_overflow(shares, level, &amount))
		amount = UINT64_MAX;
	return amount >> LEVEL_BITS;
}

/* With a single share this is KIB_CEILING twice, so each bound is reached. */
#define LEVEL_HIGHEST ((KIB_CEILING << LEVEL_BITS) * 2)

static uint64_t floor_amount(const struct policy_vm *vm, uint64_t level)
{
	(void)level;
	return vm->work.floor_kib;
}

static uint64_t want_amount(const struct policy_vm *vm, uint64_t level)
{
	return clamp_u64(at_level(vm, level), vm->work.floor_kib, vm->work.want_kib);
}

/* Never below the floor, which of a VM that just booted may be above its limit. */
static uint64_t upper_bound(const struct policy_vm *vm)
{
	return max_u64(vm->work.limit_kib, vm->work.floor_kib);
}

static uint64_t surplus_amount(const struct policy_vm *vm, uint64_t level)
{
	return vm->work.want_kib +
	       min_u64(at_level(vm, level), upper_bound(vm) - vm->work.want_kib);
}

static void share_out(struct tick *tick, uint64_t total_kib, bool to_observed)
{
	fill_amount amount = floor_amount;
	uint64_t level = 0;

	if (fill_sum(tick, floor_amount, 0) < total_kib) {
		amount = want_amount;
		if (fill_sum(tick, want_amount, LEVEL_HIGHEST) <= total_kib)
			amount = surplus_amount;
		level = fill_level(tick, amount, LEVEL_HIGHEST, total_kib);
	}
	for_each_vm(vm, tick) {
		struct vm_work *work = &vm->work;

		if (!work->sharing || work->observed != to_observed)
			continue;
		work->goal_kib = amount(vm, level);
		/* Bounds are in pages already, and may be a maximum that is not. */
		if (work->goal_kib != upper_bound(vm))
			work->goal_kib = max_u64(page_down(work->goal_kib), work->floor_kib);
	}
}

void entitlement_tick(struct tick *tick)
{
	uint64_t capacity = opt_or(tick->totals.capacity_kib, 0);
	uint64_t held_kib = 0, observed_kib = 0;
	bool any_observed = false;

	for_each_vm(vm, tick) {
		struct vm_work *work = &vm->work;

		work->sharing = vm_judged(vm) && !work->observed;
		work->floor_kib = work->reservation_kib;
		if (work->keep)
			work->floor_kib = max_u64(work->floor_kib, work->holds_kib);
		work->want_kib = clamp_u64(work->demand_kib, work->floor_kib, work->limit_kib);
		if (vm_judged(vm) && work->observed) {
			any_observed = true;
			observed_kib = add_u64(observed_kib, work->holds_kib);
		} else if (!vm_judged(vm)) {
			/* It will be raised to its reservation, where it may be. */
			if (!work->fixed && !work->observed)
				work->goal_kib = max_u64(work->holds_kib, work->reservation_kib);
			held_kib = add_u64(held_kib, work->goal_kib);
		}
	}
	capacity = sub_u64(sub_u64(capacity, tick->float_kib), held_kib);
	share_out(tick, sub_u64(capacity, observed_kib), false);
	if (!any_observed)
		return;
	for_each_vm(vm, tick)
		vm->work.sharing = vm_judged(vm);
	share_out(tick, capacity, true);
}
