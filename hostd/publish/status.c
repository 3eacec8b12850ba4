// SPDX-License-Identifier: GPL-2.0
/* Names of what publishers show and nobody else has to name. */
#include "publish/status.h"

#include "policy/reserve.h"

const char *run_state_to_string(enum vm_run_state state)
{
	switch (state) {
	case VM_RUNNING:
		return "running";
	case VM_PAUSED:
		return "paused";
	case VM_MIGRATING:
		return "migrating";
	}
	return "unknown";
}

struct opt_u64 status_reserve_kib(const struct status *status)
{
	return reserve_kib(&status->conf->policy, status->host.total_kib);
}

struct storage_sample status_storage(const struct status *status)
{
	return status->host_detail ? status->host_detail->storage : (struct storage_sample){ 0 };
}

struct opt_u64 vm_ballooned_permille(const struct vm *vm)
{
	uint64_t max_kib = vm->sample.max_kib, actual_kib;

	if (!opt_get(vm->sample.actual_kib, &actual_kib) || !max_kib || actual_kib > max_kib)
		return opt_none();
	return opt_some((uint64_t)((__uint128_t)(max_kib - actual_kib) * 1000 / max_kib));
}

struct opt_u64 vm_swap_estimate_kib(const struct vm *vm)
{
	uint64_t in_kib, out_kib;

	if (!opt_get(vm->sample.swap_in_kib, &in_kib) ||
	    !opt_get(vm->sample.swap_out_kib, &out_kib))
		return opt_none();
	return opt_some(out_kib > in_kib ? out_kib - in_kib : 0);
}
