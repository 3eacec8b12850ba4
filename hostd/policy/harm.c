// SPDX-License-Identifier: GPL-2.0
/*
 * Harm: what the host's shortage of memory does to a VM behind its guest's back. A guest that the
 * host has swapped out reports all to be well, and is slow.
 *
 * It is the larger of the times the VM's threads waited for memory that the host had swapped out,
 * or had taken a moment before; they may overlap, so they are not added. Where the kernel does not
 * account for that, but the VM is partly swapped out, the stalls of its control group say it less
 * exactly: they also count what its own limit there does to it.
 *
 * Harm says that the host is short, not that this VM needs more: memory taken from whoever can
 * spare it lets the host bring back what it had swapped out. So it counts as pressure on the host
 * (state.c), while the host has little to spare; with plenty left, bringing pages back is all there
 * is to wait for.
 */
#include "policy/internal.h"

#define SPARE_PERMILLE 2000 /* of the reserve: with more left, waiting mends itself */

struct opt_u64 harm_of(const struct vm_host *host)
{
	uint64_t swapped_kib =
		max_u64(opt_or(host->swapped_kib, 0), opt_or(host->cgroup_swap_kib, 0));

	if (host->swap_wait_permille.known || host->thrash_wait_permille.known)
		return opt_some(max_u64(opt_or(host->swap_wait_permille, 0),
					opt_or(host->thrash_wait_permille, 0)));
	if (swapped_kib)
		return host->stall_some_permille;
	return opt_none();
}

void harm_vm(struct tick *tick, struct policy_vm *vm)
{
	vm->decision.harm_permille = harm_of(&vm->sample->host);
	vm->decision.harmed = opt_or(vm->decision.harm_permille, 0) >
			      tick->settings->psi_limit_permille;
	tick->totals.harmed_vms += vm->decision.harmed;
}

bool harm_presses(const struct tick *tick)
{
	uint64_t margin_kib,
		spare_kib = permille_of(opt_or(tick->totals.reserve_kib, 0), SPARE_PERMILLE);

	return tick->totals.harmed_vms && opt_get(tick->totals.margin_kib, &margin_kib) &&
	       margin_kib < spare_kib;
}
