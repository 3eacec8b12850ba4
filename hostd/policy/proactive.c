// SPDX-License-Identifier: GPL-2.0
/*
 * Proactive mode: find out how little a VM can do with while nobody needs its memory, for density.
 * Statistics cannot tell that, taking can. The law is Senpai's: while there is less pressure than
 * a target, a little more is taken, the less pressure the more; where there is more, far more is
 * given back than was taken in the same time.
 *
 *   pressure = the larger of swap-in and major faults a second, each over its limit
 *   step     = probe * (1 - pressure) each minute while that is positive
 *   back off by BACK_OFF * probe a minute else, and by all that is short in the usual way
 *
 * It ends at the demand: below that is what the guest itself says to need.
 */
#include "policy/internal.h"

#define BACK_OFF	100 /* as much faster is Senpai's back-off than its probing */
#define MINUTE_MS	60000
#define LONGEST_STEP_MS 60000

/* Over 1000: more than the target. */
static uint64_t pressure_permille(const struct tick *tick, const struct vm_need *need)
{
	const struct policy_settings *settings = tick->settings;
	uint64_t swap = scale_u64(opt_or(need->swap_in_kib_s, 0), WHOLE_PERMILLE,
				  max_u64(settings->swap_rate_limit_kib, 1));
	uint64_t faults = scale_u64(opt_or(need->faults_s, 0), WHOLE_PERMILLE,
				    max_u64(settings->fault_rate_limit, 1));

	return max_u64(swap, faults);
}

uint64_t proactive_cap(const struct tick *tick, struct policy_vm *vm)
{
	const struct vm_work *work = &vm->work;
	struct vm_state *state = vm->state;
	uint64_t pressure, step_kib, elapsed_ms;

	if (!tick->settings->proactive || !vm_judged(vm) || work->keep || work->unasked) {
		state->probing = false;
		return work->limit_kib;
	}
	if (!state->probing) {
		state->probing = true;
		state->cap_kib = work->holds_kib;
	}
	elapsed_ms = state->seen ? min_u64(tick->now_ms - state->last_ms, LONGEST_STEP_MS) : 0;
	step_kib = scale_u64(permille_of(work->max_kib, tick->settings->probe_permille), elapsed_ms,
			     MINUTE_MS);
	pressure = pressure_permille(tick, &state->need);
	if (pressure < WHOLE_PERMILLE)
		state->cap_kib =
			sub_u64(state->cap_kib, permille_of(step_kib, WHOLE_PERMILLE - pressure));
	else
		state->cap_kib = add_u64(state->cap_kib, BACK_OFF * step_kib);
	state->cap_kib = clamp_u64(state->cap_kib, max_u64(work->demand_kib, work->reservation_kib),
				   work->limit_kib);
	return page_up(state->cap_kib);
}
