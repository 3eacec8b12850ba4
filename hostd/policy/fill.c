// SPDX-License-Identifier: GPL-2.0
/*
 * Filling to a level (fill.h): doubling until the level lies below, then halving the interval it
 * lies in. The levels that occur are far below the highest possible one, so doubling first saves
 * about half of the passes.
 */
#include "policy/fill.h"

uint64_t fill_sum(const struct tick *tick, fill_amount amount, uint64_t level)
{
	uint64_t sum = 0;

	for_each_vm(vm, tick)
		if (vm->work.sharing)
			sum = add_u64(sum, amount(tick, vm, level));
	return sum;
}

uint64_t fill_level(const struct tick *tick, fill_amount amount, uint64_t highest,
		    uint64_t total_kib)
{
	uint64_t fits = 0, too_high = 1;

	if (fill_sum(tick, amount, highest) <= total_kib)
		return highest;
	while (too_high < highest && fill_sum(tick, amount, too_high) <= total_kib) {
		fits = too_high;
		too_high = too_high > highest / 2 ? highest : too_high * 2;
	}
	while (too_high - fits > 1) {
		uint64_t middle = fits + (too_high - fits) / 2;

		if (fill_sum(tick, amount, middle) <= total_kib)
			fits = middle;
		else
			too_high = middle;
	}
	return fits;
}
