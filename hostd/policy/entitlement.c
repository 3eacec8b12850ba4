// SPDX-License-Identifier: GPL-2.0
/*
 * Entitlement: how the capacity is shared. What VMs hold that are not judged, and the float, are
 * set aside; of the rest everybody gets
 *   1. its reservation, also when that is more than there is: a reservation holds. Who is below it is
 *      raised as far as memory is free, all to the same part of theirs (give.c). In any case what its
 *      kernel needs: with less there is no guest, whatever the others are due;
 *   2. what follows from the price of memory, up to its upper bound: its limit when all limits
 *      fit; else its comfort, because beyond that memory does more good on the host, where any VM
 *      can have it at once, than as cache in a VM that reads it once.
 *
 * The price is that of Waldspurger's idle memory tax (Memory Resource Management in VMware ESX
 * Server, 2002): a VM with shares S that holds P, of which the fraction f is used, pays
 *
 *     rho = S / (P * (f + k * (1 - f))),   k = 1 / (1 - tax)
 *
 * for each page, and memory goes from who pays least to who pays most, until all pay the same.
 * With A = f * P used, P = A + (S / rho - A) * (1 - tax) where S / rho exceeds A, and S / rho where
 * it does not: each has S / rho by its shares, but of what it does not need the tax is taken. So
 * what VMs need is served by shares alone, and an idle VM keeps more than it needs only as far as
 * its shares outweigh the tax. We find 1 / rho by filling to a level (fill.h).
 *
 * Shares are weighed with the VM's maximum, as ESX does by default: equal shares mean equal parts
 * of what each was provisioned with, not a small VM's need before a large one's. What nobody needs
 * is weighed with the mean of all maxima instead: equal shares mean equal parts of that, whatever
 * the size. It is there for bursts, a burst is as large as its VM, and only room for all of it
 * helps; so the same memory covers the bursts of many small VMs, or a part of one of a large VM.
 *
 * A guest that is stuck above its entitlement is charged to itself: what the others need is served as
 * if it had followed; only of what they do not need they have to make do without what it withholds.
 * Where even that is not there, they wait for it rather than pay for it. So is one that grew or shrank by
 * itself: guests can, and must not gain by it. And so is one that libvirt does not move: others are not to
 * lose by it either.
 *
 * VMs that are only observed are given the part they would have if they took part, in a sharing
 * of its own; in the others' sharing they keep what they hold.
 */
#include "policy/fill.h"

#define LEVEL_BITS 24 /* a level is KiB for each KiB of weight, with this many binary places */

/*
 * With this each bound is reached, also by a VM with a single share of the 1000 that weigh
 * its maximum, a tax of 99.9 %, and a maximum that is 16,000 times the mean: 1000 * 1000 * 16000,
 * and some.
 */
#define LEVEL_HIGHEST ((uint64_t)1 << (LEVEL_BITS + 35))

#define SHARES_STANDARD 1000 /* these weigh the maximum as it is */

/*
 * The simulator's model of a guest's kernel (sim/model.h): a fixed part, and page tables and slabs. Of
 * a small guest no more than this share of its maximum, which is what is reserved by default.
 */
#define KERNEL_KIB		((uint64_t)64 * 1024)
#define KERNEL_PERMILLE		20
#define KERNEL_HIGHEST_PERMILLE 100

static uint64_t at_price(const struct policy_vm *vm, uint64_t level)
{
	unsigned __int128 kib = ((unsigned __int128)vm->work.weight * level) >> LEVEL_BITS;

	return kib > UINT64_MAX ? UINT64_MAX : (uint64_t)kib;
}

static uint64_t floor_amount(const struct tick *tick, const struct policy_vm *vm, uint64_t level)
{
	(void)tick;
	(void)level;
	return vm->work.floor_kib;
}

/* Up to its demand at full price; what is idle is taxed, and weighed without the size. */
static uint64_t taxed_amount(const struct tick *tick, const struct policy_vm *vm, uint64_t level)
{
	const struct vm_work *work = &vm->work;
	uint64_t kib = at_price(vm, level);

	if (kib > work->want_kib) {
		uint64_t idle_kib = permille_of(kib - work->want_kib,
						WHOLE_PERMILLE - tick->settings->idle_tax_permille);

		kib = add_u64(work->want_kib,
			      scale_u64(idle_kib, tick->mean_max_kib, max_u64(work->max_kib, 1)));
	}
	return clamp_u64(kib, work->floor_kib, work->upper_kib);
}

static uint64_t mean_max(const struct tick *tick)
{
	uint64_t sum_kib = 0, n = 0;

	for_each_vm(vm, tick) {
		if (!vm->work.sharing)
			continue;
		sum_kib = add_u64(sum_kib, vm->work.max_kib);
		n++;
	}
	return sum_kib / max_u64(n, 1);
}

static void share_out(struct tick *tick, uint64_t total_kib, bool to_observed)
{
	fill_amount amount = floor_amount;
	uint64_t level = 0;

	if (fill_sum(tick, floor_amount, 0) < total_kib) {
		tick->mean_max_kib = mean_max(tick);
		amount = taxed_amount;
		level = fill_level(tick, amount, LEVEL_HIGHEST, total_kib);
	}
	for_each_vm(vm, tick) {
		struct vm_work *work = &vm->work;

		if (!work->sharing || work->observed != to_observed)
			continue;
		work->goal_kib = amount(tick, vm, level);
		/* Bounds are in pages already, and may be a maximum that is not. */
		if (work->goal_kib != work->upper_kib)
			work->goal_kib = max_u64(page_down(work->goal_kib), work->floor_kib);
	}
}

/* It would not give up what it holds beyond its entitlement. */
static bool withholds(const struct policy_vm *vm)
{
	const struct vm_movement *movement = &vm->state->movement;

	return (movement->stuck && !movement->stuck_growing) || vm->work.foreign ||
	       vm->work.unasked;
}

/* Less than this no VM is entitled to, unless its limit says so. */
static uint64_t kernel_kib(const struct vm_work *work)
{
	uint64_t kib = min_u64(KERNEL_KIB + permille_of(work->max_kib, KERNEL_PERMILLE),
			       permille_of(work->max_kib, KERNEL_HIGHEST_PERMILLE));

	return min_u64(page_up(kib), work->limit_kib);
}

static void find_bounds(const struct tick *tick, struct policy_vm *vm)
{
	struct vm_work *work = &vm->work;
	uint64_t limit_kib = min_u64(work->limit_kib, proactive_cap(tick, vm));

	work->weight = max_u64(
		scale_u64(work->max_kib, max_u64(vm->settings->shares, 1), SHARES_STANDARD), 1);
	work->floor_kib = max_u64(work->reservation_kib, kernel_kib(work));
	if (vm_kept(tick, vm) && !withholds(vm))
		work->floor_kib = max_u64(work->floor_kib, work->charge_kib);
	work->want_kib = clamp_u64(work->demand_kib, work->floor_kib, work->limit_kib);
	work->upper_kib = limit_kib;
	if (tick->overcommitted)
		work->upper_kib = min_u64(limit_kib, work->comfort_kib);
	/* What it is offered and does not take, others can use. */
	if (vm->state->movement.stuck && vm->state->movement.stuck_growing)
		work->want_kib = work->upper_kib = work->holds_kib;
	/* Never below the floor, which of a VM that just booted may be above its limit. */
	work->upper_kib = max_u64(work->upper_kib, max_u64(work->want_kib, work->floor_kib));
}

/* After a sharing among those that would follow: now among those that do. */
static void share_without_stuck(struct tick *tick, uint64_t total_kib)
{
	bool any = false;

	for_each_vm(vm, tick) {
		struct vm_work *work = &vm->work;

		if (!work->sharing)
			continue;
		if (withholds(vm)) {
			any = true;
			work->sharing = false;
			total_kib = sub_u64(total_kib, work->charge_kib);
		} else {
			work->floor_kib =
				max_u64(work->floor_kib, min_u64(work->goal_kib, work->want_kib));
		}
	}
	if (any)
		share_out(tick, total_kib, false);
}

void entitlement_tick(struct tick *tick)
{
	uint64_t capacity = opt_or(tick->totals.capacity_kib, 0);
	uint64_t held_kib = 0, observed_kib = 0;
	bool any_observed = false;

	for_each_vm(vm, tick) {
		struct vm_work *work = &vm->work;

		work->sharing = vm_judged(vm) && !work->observed;
		find_bounds(tick, vm);
		if (vm_judged(vm) && work->observed) {
			any_observed = true;
			observed_kib = add_u64(observed_kib, work->charge_kib);
		} else if (!vm_judged(vm)) {
			held_kib = add_u64(held_kib, work->charge_kib);
			/* It will be raised to its reservation, where it may be. */
			if (work->fixed || work->observed ||
			    work->holds_kib >= work->reservation_kib)
				continue;
			work->goal_kib = work->reservation_kib;
			held_kib = add_u64(held_kib, work->reservation_kib - work->holds_kib);
		}
	}
	capacity = sub_u64(sub_u64(capacity, tick->float_kib), held_kib);
	share_out(tick, sub_u64(capacity, observed_kib), false);
	share_without_stuck(tick, sub_u64(capacity, observed_kib));
	if (!any_observed)
		return;
	for_each_vm(vm, tick)
		vm->work.sharing = vm_judged(vm);
	share_out(tick, capacity, true);
}
