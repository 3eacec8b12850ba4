/* SPDX-License-Identifier: GPL-2.0 */
/* The host's reserve, for the policy and for those who show it. */
#ifndef AEROSTAT_POLICY_RESERVE_H
#define AEROSTAT_POLICY_RESERVE_H

#include "policy/settings.h"

/*
 * Memory of a host of this size that is to stay available. Unknown where that depends on a size
 * that is not known.
 */
struct opt_u64 reserve_kib(const struct policy_settings *settings, struct opt_u64 total_kib);

#endif
