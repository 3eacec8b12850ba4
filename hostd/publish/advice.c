// SPDX-License-Identifier: GPL-2.0
/*
 * The best VM to move (advice.h). What leaving frees is what the VM holds or was promised; what it
 * costs is copying its resident memory. A VM that cannot migrate is no advice: assigned devices or
 * locked memory hold it, or a migration or save is at it already.
 */
#include "publish/advice.h"

static uint64_t sub(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/*
 * What VMs need beyond what they have. The shortage that the policy serves is less: where there is
 * not enough for all, entitlements are below needs, and everybody has what is due to him.
 */
static uint64_t unmet_kib(const struct status *status)
{
	uint64_t total_kib = 0;

	for (size_t i = 0; i < status->fleet->n_vms; i++) {
		const struct vm *vm = status->fleet->vms[i];
		uint64_t need_kib = vm->decided_ms ? opt_or(vm->decision.demand_kib, 0) : 0;

		if (need_kib > vm->decision.limit_kib)
			need_kib = vm->decision.limit_kib;
		/* All are bounded far below where a sum of them would overflow (policy). */
		total_kib += sub(need_kib, opt_or(vm->sample.actual_kib, need_kib));
	}
	return total_kib;
}

/* What is missing on the host: to its reserve, or to what VMs need, whichever is more. */
static uint64_t missing_kib(const struct status *status)
{
	const struct host_decision *decision = &status->decision;
	uint64_t to_reserve_kib =
		sub(opt_or(decision->reserve_kib, 0), opt_or(decision->margin_kib, UINT64_MAX));
	uint64_t lack_kib = unmet_kib(status), to_need_kib;

	if (decision->shortage_kib > lack_kib)
		lack_kib = decision->shortage_kib;
	to_need_kib = sub(lack_kib, opt_or(decision->free_kib, 0));
	return to_reserve_kib > to_need_kib ? to_reserve_kib : to_need_kib;
}

static bool can_leave(const struct vm *vm)
{
	return vm->described && !vm->has_job && !vm->description.pinned &&
	       vm->sample.run_state == VM_RUNNING;
}

static uint64_t frees_kib(const struct vm *vm)
{
	uint64_t actual_kib = opt_or(vm->sample.actual_kib, 0);
	uint64_t asked_kib = opt_or(vm->asked_kib, 0);

	return actual_kib > asked_kib ? actual_kib : asked_kib;
}

static uint64_t cost_kib(const struct vm *vm)
{
	return opt_or(vm->sample.rss_kib, frees_kib(vm));
}

static bool better(const struct vm *vm, const struct vm *best, uint64_t missing)
{
	bool enough = frees_kib(vm) >= missing;

	if (!best)
		return true;
	if (enough != (frees_kib(best) >= missing))
		return enough;
	return enough ? cost_kib(vm) < cost_kib(best) : frees_kib(vm) > frees_kib(best);
}

const struct vm *advice_migration(const struct status *status)
{
	uint64_t missing = missing_kib(status);
	const struct vm *best = NULL;

	if (!status->ticks || !missing || status->decision.state < HOST_HARD)
		return NULL;
	for (size_t i = 0; i < status->fleet->n_vms; i++)
		if (can_leave(status->fleet->vms[i]) &&
		    better(status->fleet->vms[i], best, missing))
			best = status->fleet->vms[i];
	return best;
}
