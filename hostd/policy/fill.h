/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Filling to a level: a total is shared out by finding the one level up to which everybody is
 * filled, each in its own measure, as water finds its level in vessels of different shapes. It
 * needs neither sorting nor memory, and the result depends on no order: n VMs cost n times the
 * number of binary digits of the highest level.
 */
#ifndef AEROSTAT_POLICY_FILL_H
#define AEROSTAT_POLICY_FILL_H

#include "policy/internal.h"

/* What the VM gets at `level`: never less at a higher one. */
typedef uint64_t (*fill_amount)(const struct tick *tick, const struct policy_vm *vm,
				uint64_t level);

/* Of all VMs with work.sharing set. */
uint64_t fill_sum(const struct tick *tick, fill_amount amount, uint64_t level);

/*
 * The highest level from 0 to `highest` at which the VMs with work.sharing set get no more than
 * `total_kib` together; 0 when even that is too much.
 */
uint64_t fill_level(const struct tick *tick, fill_amount amount, uint64_t highest,
		    uint64_t total_kib);

#endif
