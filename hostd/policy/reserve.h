/* SPDX-License-Identifier: GPL-2.0 */
/* The host's reserve, for the policy and for those who show it. */
#ifndef AEROSTAT_POLICY_RESERVE_H
#define AEROSTAT_POLICY_RESERVE_H

#include "policy/settings.h"

#define RESERVE_MAX_PERMILLE 900 /* of the host's memory: with more it has no use for VMs */

/* Whether a reserve that is given as a size is one for a host of this size; true: not known, or not one. */
bool reserve_fits(const struct policy_settings *settings, struct opt_u64 total_kib);

/*
 * Memory of a host of this size that is to stay available. Unknown where that depends on a size
 * that is not known. A size that does not fit is not taken, but what would hold without it.
 */
struct opt_u64 reserve_kib(const struct policy_settings *settings, struct opt_u64 total_kib);

#endif
