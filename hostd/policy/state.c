// SPDX-License-Identifier: GPL-2.0
/*
 * The host's state: how short is memory, and so how far may we go?
 *
 *   relaxed  all VMs' limits fit: nothing is taken, and what was taken goes back
 *   soft     they do not all fit: free and idle memory is taken, bounded in pace, so that the
 *            float stays free and nobody waits
 *   hard     the host has less available than a part of its reserve, or swaps, or less than its
 *            reserve and stalls, or VMs wait for what it has swapped (harm.c), or hold more than the
 *            budget by half of the float, or memory that is held for a VM about to start: what VMs
 *            need is taken too, by shares, down to reservations, also from VMs that boot
 *   low      less than a smaller part: all that is too much at once;
 *            nobody grows; an alarm
 *
 * Low is judged by what is available, the others by the margin (capacity.c), in which memory counts
 * as used that VMs hold and have not touched yet: it can be touched faster than anybody here looks.
 * Each state is left only when it would not be entered with half as much; relaxed is entered only
 * when a quarter of the reserve would be left over, and swapping counts for a while after it was
 * seen.
 *
 * The float is like a tank: when half of it is used up, it is filled again, to the brim. In between
 * nobody is disturbed for it.
 */
#include "policy/internal.h"

#define LEAVE_FACTOR	   2 /* ESX leaves a state at the threshold before: 16, 32, 64 % */
#define RELAX_DIVISOR	   4 /* of the reserve */
#define SWAP_MEMORY_MS	   ((uint64_t)30 * 1000) /* swapping comes in waves */
#define HOST_PAGE_KIB	   4
#define FILL_BELOW_DIVISOR 2

static void note_swapping(struct tick *tick)
{
	struct policy_state *state = tick->state;
	uint64_t now_pages, before_pages, elapsed_ms = tick->now_ms - state->last_ms;

	if (opt_get(tick->host->swap_out_pages, &now_pages)) {
		if (opt_get(state->last_swap_out_pages, &before_pages) && elapsed_ms &&
		    now_pages >= before_pages)
			tick->totals.swap_out_kib_s = opt_some(scale_u64(
				now_pages - before_pages, HOST_PAGE_KIB * 1000, elapsed_ms));
		state->last_swap_out_pages = tick->host->swap_out_pages;
	}
	if (opt_or(tick->totals.swap_out_kib_s, 0) > tick->settings->host_swap_limit_kib ||
	    harm_presses(tick)) {
		state->swapped = true;
		state->swapped_ms = tick->now_ms;
	} else if (tick->now_ms - state->swapped_ms >= SWAP_MEMORY_MS) {
		state->swapped = false;
	}
}

/* Less than this much left; to leave the state takes more than to enter it. */
static bool below(uint64_t left_kib, uint64_t reserved_kib, uint32_t permille, bool inside)
{
	uint64_t threshold_kib = permille_of(reserved_kib, permille);

	return left_kib < (inside ? threshold_kib * LEAVE_FACTOR : threshold_kib);
}

/* More than they may have by order: by the budget, or for the sake of a VM about to start. */
static bool over_budget(const struct tick *tick, bool inside)
{
	struct opt_u64 budget_kib = tick->settings->hold_kib ? tick->totals.capacity_kib
							     : tick->settings->budget_kib;
	uint64_t over_kib = sub_u64(tick->totals.charged_kib, opt_or(budget_kib, UINT64_MAX));

	return over_kib > (inside ? 0 : tick->float_kib / FILL_BELOW_DIVISOR);
}

/*
 * Tasks also stall on memory that only they are short of, by the limit of their control group, or on a
 * disk that has to bring back their page cache. So stalls say that the host is short only while it
 * has less left than is to be, or swaps, or does not tell how much it has.
 */
static bool stalls(const struct tick *tick, struct opt_u64 stall_permille, uint64_t left_kib)
{
	bool short_of_memory = !tick->totals.margin_kib.known || tick->state->swapped ||
			       left_kib < opt_or(tick->totals.reserve_kib, 0);

	return short_of_memory && opt_or(stall_permille, 0) > tick->settings->psi_limit_permille;
}

static enum host_state judge(const struct tick *tick)
{
	const struct policy_settings *settings = tick->settings;
	const struct host_decision *totals = &tick->totals;
	enum host_state before = tick->state->state;
	uint64_t reserved_kib = opt_or(totals->reserve_kib, 0);
	uint64_t left_kib = opt_or(totals->margin_kib, reserved_kib);
	uint64_t available_kib = totals->margin_kib.known ? opt_or(tick->host->available_kib, 0)
							  : reserved_kib;
	uint64_t to_limits_kib = sub_u64(opt_or(totals->capacity_kib, 0), tick->float_kib);

	if (below(available_kib, reserved_kib, settings->low_permille, before == HOST_LOW) ||
	    stalls(tick, tick->host->psi_full_permille, available_kib))
		return HOST_LOW;
	if (below(left_kib, reserved_kib, settings->hard_permille, before >= HOST_HARD) ||
	    stalls(tick, tick->host->psi_some_permille, left_kib) || tick->state->swapped ||
	    over_budget(tick, before >= HOST_HARD))
		return HOST_HARD;
	if (before >= HOST_SOFT)
		to_limits_kib = sub_u64(to_limits_kib, reserved_kib / RELAX_DIVISOR);
	return to_limits_kib >= totals->limits_kib ? HOST_RELAXED : HOST_SOFT;
}

void state_tick(struct tick *tick)
{
	struct policy_state *state = tick->state;
	uint64_t free_kib;

	note_swapping(tick);
	if (opt_get(tick->totals.free_kib, &free_kib)) {
		tick->totals.state = judge(tick);
		if (free_kib < tick->float_kib / FILL_BELOW_DIVISOR)
			state->filling = true;
		else if (free_kib >= tick->float_kib)
			state->filling = false;
	}
	tick->overcommitted = tick->totals.state != HOST_RELAXED;
	state->state = tick->totals.state;
	state->last_ms = tick->now_ms;
	state->seen = true;
}
