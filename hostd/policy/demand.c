// SPDX-License-Identifier: GPL-2.0
/*
 * Demand: what a VM should have to run well, from what its guest reports.
 *
 *   use      = actual - usable   what could not be given away without loss: programs, kernel,
 *                                what the balloon's size hides; page cache is not use
 *   buffer                       what programs can take at once, before anybody on the host has
 *                                noticed; a share of the use
 *   earned                       what pressure has shown to be worth its keep: see below
 *   level    = the sum of these
 *   demand   = level, smoothed   up at once, down by a share of the gap each second
 *   usual    = level, 95th percentile over a sliding window (history.c)
 *   comfort  = usual and headroom, or demand where that is more: what it takes to grow as far as
 *                                it usually does, and then some, without asking; a burst within
 *                                it moves nothing
 *
 * Where the guest swaps in, or takes major faults, and has little usable memory, what it uses says
 * too little: then the level is at least its size and `relief` more. That may be programs that were
 * swapped out, or cache that is read again and again; nobody can tell from outside, and it does not
 * matter: memory helps. So what was granted for it is remembered as earned, and forgotten by halves:
 * memory beyond use and buffer is kept as long as it earns its keep: while so little of it is usable
 * that the guest would miss more. With more than that usable it is given up in time. A guest that
 * faults with plenty usable is reading files or bringing back what was swapped out earlier; memory
 * would not help it.
 *
 * `usable` and `actual` are not of the same moment, and an error up stays long, while an error
 * down is corrected by the next statistics. So `need` is computed once for each statistics, from
 * the size the VM had when they were made (sizes.c), and kept until the next: what is taken from it
 * in between must not look as if it used less, nor what it was given as if it used more.
 */
#include "policy/internal.h"

/*
 * libvirt tells the time of statistics in whole seconds, and the two clocks we compare drift:
 * times closer than this are the same statistics.
 */
#define SAME_STATS_MS 500

#define DAY_MS ((uint64_t)24 * 60 * 60 * 1000) /* longer than any gap between ticks */

/* A counter's growth since the last statistics, a second; unknown after a reboot of the guest. */
static struct opt_u64 rate(struct opt_u64 now, struct opt_u64 last, uint64_t elapsed_ms)
{
	uint64_t value, last_value;

	if (!opt_get(now, &value) || !opt_get(last, &last_value) || value < last_value ||
	    !elapsed_ms)
		return opt_none();
	return opt_some(scale_u64(value - last_value, 1000, elapsed_ms));
}

/* Half is forgotten in each half-life; within one, 2^-x is near enough 1 - 0.693 x + 0.193 x^2. */
static uint64_t forget(uint64_t kib, uint64_t elapsed_ms, uint64_t half_ms)
{
	uint64_t part;

	for (; elapsed_ms >= half_ms && kib; elapsed_ms -= half_ms)
		kib /= 2;
	part = scale_u64(elapsed_ms, 1000, max_u64(half_ms, 1));
	return kib - scale_u64(kib, part * (693000 - 193 * part), 1000000000);
}

static uint64_t level(const struct vm_need *need)
{
	return bound_kib(add_u64(add_u64(need->use_kib, need->buffer_kib), need->earned_kib));
}

static void take_statistics(const struct tick *tick, struct policy_vm *vm, uint64_t stats_ms)
{
	const struct policy_settings *settings = tick->settings;
	const struct vm_sample *sample = vm->sample;
	struct vm_state *state = vm->state;
	uint64_t max_kib = vm->work.max_kib;
	uint64_t size = min_u64(sizes_at(&state->sizes, stats_ms), max_kib);
	/* Guests that cannot estimate what is usable at least know what is free. */
	uint64_t usable = min_u64(opt_or(sample->usable_kib, opt_or(sample->unused_kib, 0)), size);
	uint64_t relief = permille_of(size, settings->relief_permille);
	uint64_t elapsed_ms = state->has_demand ? stats_ms - state->last_stats_ms : 0;
	struct vm_need need = { .size_kib = size, .use_kib = size - usable };

	/* The clock was set back: no rate can be told. */
	if ((int64_t)elapsed_ms < 0)
		elapsed_ms = 0;
	need.swap_in_kib_s = rate(sample->swap_in_kib, state->last_swap_in_kib, elapsed_ms);
	need.faults_s = rate(sample->major_faults, state->last_major_faults, elapsed_ms);
	need.pressed = usable < relief &&
		       (opt_or(need.swap_in_kib_s, 0) > settings->swap_rate_limit_kib ||
			opt_or(need.faults_s, 0) > settings->fault_rate_limit);
	need.buffer_kib = max_u64(permille_of(need.use_kib, vm->settings->buffer_permille),
				  bound_kib(settings->buffer_min_kib));
	need.earned_kib = state->earned_kib;
	if (usable >= relief)
		need.earned_kib = forget(state->earned_kib, elapsed_ms, settings->earned_half_ms);
	if (need.pressed)
		need.earned_kib = max_u64(need.earned_kib, sub_u64(add_u64(size, relief),
								   need.use_kib + need.buffer_kib));

	state->need_kib = level(&need);
	history_note(&state->history, tick->now_ms, elapsed_ms, settings->window_ms,
		     min_u64(level(&need), max_kib), max_kib);
	state->need = need;
	state->earned_kib = need.earned_kib;
	state->last_stats_ms = stats_ms;
	state->last_swap_in_kib = sample->swap_in_kib;
	state->last_major_faults = sample->major_faults;
}

/* Towards the need: up at once; down by a share of the gap a second, and at least a little. */
static void smooth(const struct tick *tick, struct vm_state *state)
{
	uint64_t elapsed_ms = tick->now_ms - state->last_ms;
	uint64_t gap, step;

	if (state->need_kib >= state->demand_kib) {
		state->demand_kib = state->need_kib;
		return;
	}
	gap = state->demand_kib - state->need_kib;
	/* permille a second, so millionths a millisecond */
	step = scale_u64(gap, min_u64(elapsed_ms, DAY_MS) * tick->settings->decay_permille,
			 1000000);
	state->demand_kib -= min_u64(gap, add_u64(step, 1));
}

void demand_vm(const struct tick *tick, struct policy_vm *vm)
{
	struct vm_state *state = vm->state;
	struct vm_work *work = &vm->work;
	uint64_t stats_ms, change_ms, usual_kib;

	vm->decision.demand_kib = opt_none();
	vm->decision.usual_kib = opt_none();
	if (vm->sample->actual_kib.known)
		sizes_note(state, tick->now_ms, work->actual_kib);
	if (!vm->sample->actual_kib.known || !guard_stats_fresh(tick, vm->sample))
		return;
	/* Differences of these are right even where the host is younger than the statistics. */
	stats_ms = tick->now_ms - opt_or(vm->sample->stats_age_ms, 0);
	change_ms = stats_ms - state->last_stats_ms;
	if ((int64_t)change_ms < 0)
		change_ms = -change_ms;
	if (!state->has_demand || change_ms >= SAME_STATS_MS)
		take_statistics(tick, vm, stats_ms);
	if (!state->has_demand)
		state->demand_kib = state->need_kib;
	else
		smooth(tick, state);
	state->has_demand = true;

	vm->decision.usual_kib = history_usual(&state->history, tick->now_ms);
	usual_kib = opt_or(vm->decision.usual_kib, level(&state->need));
	work->demand_kib = page_up(state->demand_kib);
	work->comfort_kib = max_u64(
		work->demand_kib,
		page_up(add_u64(usual_kib,
				permille_of(work->max_kib, tick->settings->headroom_permille))));
	vm->decision.demand_kib = opt_some(state->demand_kib);
	vm->decision.need = state->need;
}
