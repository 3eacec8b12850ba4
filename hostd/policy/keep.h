/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What of a VM's state outlives the daemon: how much the VM usually needs, which takes a day to
 * learn, and that it is stuck, which would otherwise be tried again after each restart. Without
 * absolute times, because the clock that the policy goes by begins anew with the host.
 */
#ifndef AEROSTAT_POLICY_KEEP_H
#define AEROSTAT_POLICY_KEEP_H

#include "policy/policy.h"

struct vm_kept {
	uint64_t max_kib; /* that the history is of; 0: none yet */
	uint64_t slice_age_ms; /* since the newest slice began */
	uint32_t newest; /* index of it */
	uint32_t ms[HISTORY_SLICES][HISTORY_BINS];
	bool stuck;
	bool stuck_growing;
	uint64_t retry_ms; /* the last back-off; 0: it moves well */
	uint64_t retry_in_ms; /* until it is asked again */
};

void vm_keep(const struct vm_state *state, uint64_t now_ms, struct vm_kept *ret_kept);

/*
 * Put it into the state of a VM that was not judged yet, `elapsed_ms` after it was kept. Values that
 * vm_keep() does not make are bounded, not trusted.
 */
void vm_take_back(const struct vm_kept *kept, uint64_t now_ms, uint64_t elapsed_ms,
		  struct vm_state *state);

#endif
