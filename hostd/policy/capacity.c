// SPDX-License-Identifier: GPL-2.0
/*
 * Capacity: how much memory may all VMs together have, and how much of that is free now?
 *
 *   from the host    what the VMs hold, plus what the host has available above its reserve,
 *                    minus what they hold but have not touched yet: that is still in the host's
 *                    available memory, and they may touch it at any time without asking
 *   from the budget  the budget
 *   capacity         the smaller of those that are known
 *   free             capacity minus what the VMs hold or were promised
 *
 * Memory moves between VMs, the host and the balloons without changing this sum, so the
 * entitlements that follow from it hold still while targets are being reached.
 */
#include "policy/internal.h"

/* The host memory to be kept available. */
static struct opt_u64 reserve(const struct tick *tick)
{
	uint64_t total;

	if (tick->settings->reserve_kib.known)
		return opt_some(bound_kib(opt_or(tick->settings->reserve_kib, 0)));
	if (!opt_get(tick->host->total_kib, &total))
		return opt_none();
	return opt_some(permille_of(bound_kib(total), tick->settings->reserve_permille));
}

/*
 * What the VM holds but has not touched. Resident memory includes QEMU's own, so this is rather
 * too little; where it was never known, everything counts as touched, and what is touched later
 * shows in the host's available memory.
 */
static uint64_t untouched(struct policy_vm *vm)
{
	uint64_t rss;

	if (vm->sample->rss_kib.known)
		vm->state->last_rss_kib = vm->sample->rss_kib;
	return opt_get(vm->state->last_rss_kib, &rss) ? sub_u64(vm->work.holds_kib, rss) : 0;
}

static bool stalling(const struct tick *tick)
{
	return opt_or(tick->host->psi_some_permille, 0) > tick->settings->psi_limit_permille;
}

void capacity_tick(struct tick *tick)
{
	struct host_decision *totals = &tick->totals;
	uint64_t untouched_kib = 0, limits_kib = 0, capacity = UINT64_MAX;
	uint64_t available, kept = 0;

	for_each_vm(vm, tick) {
		bool movable = vm_judged(vm) && !vm->work.observed;

		totals->charged_kib = add_u64(totals->charged_kib, vm->work.holds_kib);
		untouched_kib = add_u64(untouched_kib, untouched(vm));
		limits_kib = add_u64(limits_kib, movable ? vm->work.limit_kib : vm->work.holds_kib);
	}
	totals->state = HOST_UNKNOWN;
	if (tick->settings->budget_kib.known)
		capacity = bound_kib(opt_or(tick->settings->budget_kib, 0));
	if (opt_get(tick->host->available_kib, &available) && opt_get(reserve(tick), &kept)) {
		uint64_t of_host = add_u64(totals->charged_kib, bound_kib(available));

		capacity = min_u64(capacity, sub_u64(of_host, add_u64(kept, untouched_kib)));
	}
	if (capacity == UINT64_MAX)
		return;

	totals->capacity_kib = opt_some(capacity);
	totals->free_kib = opt_some(sub_u64(capacity, totals->charged_kib));
	tick->float_kib = permille_of(capacity, tick->settings->float_permille);
	/* Below its reserve, the host has less capacity than is charged. */
	if (totals->charged_kib > capacity || stalling(tick))
		totals->state = HOST_PRESSED;
	else if (sub_u64(capacity, tick->float_kib) >= limits_kib)
		totals->state = HOST_RELAXED;
	else
		totals->state = HOST_SHORT;
}
