// SPDX-License-Identifier: GPL-2.0
/*
 * The host's reserve: memory that is to stay available. A size or a share of the host's memory,
 * as configured; else it slides. A fixed percentage that protects a small host is waste on a large
 * one, because what the host itself needs in a hurry does not grow with its memory. The sliding
 * reserve is ESX's published one: 6 % of the first 4 GiB, 4 % of the next 8, 2 % of the next 16,
 * 1 % of the rest.
 *
 * A size meant for a larger host would leave this one's VMs nothing but their minimum, so one that does
 * not fit is as good as none.
 */
#include "policy/internal.h"

#define GIB_KIB ((uint64_t)1024 * 1024)

static uint64_t sliding(uint64_t total_kib)
{
	static const struct {
		uint64_t upto_kib;
		uint32_t permille;
	} bands[] = {
		{ 4 * GIB_KIB, 60 },
		{ 12 * GIB_KIB, 40 },
		{ 28 * GIB_KIB, 20 },
		{ KIB_CEILING, 10 },
	};
	uint64_t kib = 0, from_kib = 0;

	for (size_t i = 0; i < sizeof(bands) / sizeof(bands[0]) && from_kib < total_kib; i++) {
		uint64_t upto_kib = min_u64(total_kib, bands[i].upto_kib);

		kib += permille_of(upto_kib - from_kib, bands[i].permille);
		from_kib = upto_kib;
	}
	return kib;
}

bool reserve_fits(const struct policy_settings *settings, struct opt_u64 total_kib)
{
	uint64_t total;

	return !opt_get(total_kib, &total) ||
	       bound_kib(opt_or(settings->reserve_kib, 0)) <=
		       permille_of(bound_kib(total), RESERVE_MAX_PERMILLE);
}

struct opt_u64 reserve_kib(const struct policy_settings *settings, struct opt_u64 total_kib)
{
	uint64_t total, permille;

	if (settings->reserve_kib.known && reserve_fits(settings, total_kib))
		return opt_some(bound_kib(opt_or(settings->reserve_kib, 0)));
	if (!opt_get(total_kib, &total))
		return opt_none();
	total = bound_kib(total);
	if (opt_get(settings->reserve_permille, &permille))
		return opt_some(scale_u64(total, permille, WHOLE_PERMILLE));
	return opt_some(sliding(total));
}
