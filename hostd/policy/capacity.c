// SPDX-License-Identifier: GPL-2.0
/*
 * Capacity: how much memory may all VMs together have, and how much of that is free now?
 *
 *   margin           what would be available on the host if the VMs touched all they hold: what is
 *                    available, minus what they hold but have not touched yet. They may touch it
 *                    at any time without asking.
 *   from the host    what the VMs hold, plus the margin, minus the reserve
 *   from the budget  the budget
 *   capacity         the smaller of those that are known, minus what is held for VMs about to start
 *   free             capacity minus what the VMs hold or were promised
 *
 * Memory moves between VMs, the host and the balloons without changing this sum, so the
 * entitlements that follow from it hold still while targets are being reached.
 */
#include "policy/internal.h"

/* Of its maximum; what a VM that boots may touch before anybody has looked again. */
#define BOOT_ALLOWANCE_PERMILLE 250

/*
 * Resident memory, as libvirt or the kernel tells it. While a VM comes in, nobody may: libvirt is busy
 * with it, and the kernel is asked a tick later. Then nothing counts as touched of one that does not
 * run yet, and all of one that runs; what is touched later shows in the host's available memory.
 */
static struct opt_u64 resident(struct policy_vm *vm)
{
	const struct vm_sample *sample = vm->sample;
	struct vm_state *state = vm->state;

	if (sample->rss_kib.known)
		state->last_rss_kib = sample->rss_kib;
	else if (sample->host.resident_kib.known)
		state->last_rss_kib = sample->host.resident_kib;
	if (!state->last_rss_kib.known && sample->run_state != VM_RUNNING)
		return opt_some(0);
	return state->last_rss_kib;
}

/*
 * What is charged for the VM, and how much of that it has not touched. Resident memory includes
 * QEMU's own, so that is rather too little.
 *
 * A VM that boots holds its maximum, most of which it will not need, and for the moment cannot give
 * back. It is charged for what it has touched and some on top, from tick to tick, so that nobody
 * else is squeezed for memory that it is not going to use. One that migrates in is charged for all:
 * what it had elsewhere it will have here.
 *
 * One in huge pages is charged for nothing: they were taken out of the host's ordinary memory before
 * it started, whoever uses them, and are not in its resident memory. So neither would it give
 * anything back.
 */
static uint64_t charge(struct policy_vm *vm)
{
	struct vm_work *work = &vm->work;
	uint64_t rss;

	work->charge_kib = vm->sample->apart ? 0 : work->holds_kib;
	if (!opt_get(resident(vm), &rss))
		return 0;
	rss = bound_kib(rss);
	if (work->keep_reason == REASON_BOOTING && vm->sample->run_state != VM_MIGRATING)
		work->charge_kib =
			min_u64(work->charge_kib,
				max_u64(work->reservation_kib,
					page_up(rss + permille_of(work->max_kib,
								  BOOT_ALLOWANCE_PERMILLE))));
	return sub_u64(work->charge_kib, rss);
}

void capacity_tick(struct tick *tick)
{
	struct host_decision *totals = &tick->totals;
	uint64_t untouched_kib = 0, capacity = UINT64_MAX;
	uint64_t available, reserved;

	for_each_vm(vm, tick) {
		bool movable = vm_judged(vm) && !vm->work.observed;

		untouched_kib = add_u64(untouched_kib, charge(vm));
		totals->charged_kib = add_u64(totals->charged_kib, vm->work.charge_kib);
		totals->limits_kib = add_u64(totals->limits_kib,
					     movable ? vm->work.limit_kib : vm->work.charge_kib);
		totals->reservations_kib =
			add_u64(totals->reservations_kib,
				movable ? vm->work.reservation_kib : vm->work.charge_kib);
	}
	totals->reserve_kib = reserve_kib(tick->settings, tick->host->total_kib);
	if (tick->settings->budget_kib.known)
		capacity = bound_kib(opt_or(tick->settings->budget_kib, 0));
	if (opt_get(tick->host->available_kib, &available) &&
	    opt_get(totals->reserve_kib, &reserved)) {
		uint64_t of_host = add_u64(totals->charged_kib, bound_kib(available));

		totals->margin_kib = opt_some(sub_u64(bound_kib(available), untouched_kib));
		capacity = min_u64(capacity, sub_u64(of_host, add_u64(reserved, untouched_kib)));
		tick->state->host_told = true;
	} else if (tick->state->host_told) {
		return; /* not known for the moment: that is not what the budget alone leaves */
	}
	if (capacity == UINT64_MAX)
		return;
	totals->holdable_kib = sub_u64(capacity, totals->reservations_kib);
	totals->held_kib =
		min_u64(tick->settings->hold_kib, sub_u64(capacity, totals->charged_kib));
	capacity = sub_u64(capacity, tick->settings->hold_kib);
	totals->capacity_kib = opt_some(capacity);
	totals->free_kib = opt_some(sub_u64(capacity, totals->charged_kib));
	tick->float_kib = permille_of(capacity, tick->settings->float_permille);
}
