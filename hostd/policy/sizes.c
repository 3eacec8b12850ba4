// SPDX-License-Identifier: GPL-2.0
/*
 * The sizes a VM had lately.
 *
 * A size is known from the moment it is first seen, which is later than the moment it was reached
 * by up to the time between ticks. Between the two the older size is taken for the VM's: where it
 * was growing, that makes its use look smaller, which the next statistics correct; where it was
 * shrinking, it errs on its side. Only a size that was asked for is dated back, to when the guest
 * can be expected to have reached it.
 */
#include "policy/internal.h"

/*
 * A step is a few percent of a VM, and even a slow driver (0.9 GiB/s of touched memory on bare
 * metal) takes it in less than this.
 */
#define SETTLE_MS 1000

void sizes_note(struct vm_state *state, uint64_t now_ms, uint64_t actual_kib)
{
	struct vm_sizes *sizes = &state->sizes;
	uint64_t since_ms = now_ms;

	if (sizes->n && sizes->ring[sizes->newest].kib == actual_kib)
		return;
	if (state->last_target_kib.known && opt_or(state->last_target_kib, 0) == actual_kib &&
	    now_ms - state->asked_ms > SETTLE_MS)
		since_ms = state->asked_ms + SETTLE_MS;
	if (sizes->n) {
		/* In order, whatever happened between. */
		if ((int64_t)(since_ms - sizes->ring[sizes->newest].since_ms) < 0)
			since_ms = now_ms;
		sizes->newest = (sizes->newest + 1) % VM_SIZES;
	}
	if (sizes->n < VM_SIZES)
		sizes->n++;
	sizes->ring[sizes->newest].since_ms = since_ms;
	sizes->ring[sizes->newest].kib = actual_kib;
}

uint64_t sizes_at(const struct vm_sizes *sizes, uint64_t ms)
{
	uint32_t index = sizes->newest;

	/* From the newest back; what is older than all is taken for the oldest. */
	for (uint32_t i = 1; i < sizes->n; i++) {
		if ((int64_t)(ms - sizes->ring[index].since_ms) >= 0)
			break;
		index = (index + VM_SIZES - 1) % VM_SIZES;
	}
	return sizes->ring[index].kib;
}
