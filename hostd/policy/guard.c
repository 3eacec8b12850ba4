// SPDX-License-Identifier: GPL-2.0
/*
 * Guards: is this VM's memory ours to move now?
 *
 * Four degrees of being left alone:
 *   fixed  nothing is asked of it, in either direction (off, no balloon, paused, migrating);
 *   held   its needs cannot be judged (no fresh statistics): it stays where it is, also when it was
 *          on its way further down, but is raised to its reservation, which depends on no statistics;
 *   keep   judged, but nothing is taken from it: it may grow (just booted, stuck, its balloon has no
 *          effect, or somebody else made it larger). A host that is hard takes from those that boot,
 *          too. "Somebody else" may be the guest, which deflates its balloon when it runs out of
 *          memory, and needs more;
 *   unasked  judged, but nothing is asked of it, in either direction, because libvirt has just refused that,
 *          or somebody else made it smaller a moment ago, who will have had a reason: what it holds beyond
 *          its entitlement is charged to itself (entitlement.c), or its guest, which can do that as well,
 *          would gain by it; and what it needs is not waited for.
 * In each case its memory counts as used. A VM that is only observed is judged as any other, and
 * counts as held for the others, because nothing will make it move.
 */
#include "policy/internal.h"

/* Calls into libvirt take milliseconds; when they hang, as long as a tick or two. */
#define ASKED_LATELY_MS 10000

bool guard_stats_fresh(const struct tick *tick, const struct vm_sample *sample)
{
	return opt_or(sample->stats_age_ms, UINT64_MAX) <= tick->settings->stale_ms &&
	       (sample->usable_kib.known || sample->unused_kib.known);
}

/* Reservation and limit in pages within the maximum; where they contradict, the former wins. */
static void bound_settings(const struct vm_settings *settings, struct vm_work *work)
{
	uint64_t reservation = opt_or(settings->reservation_kib,
				      permille_of(work->max_kib, settings->reservation_permille));
	uint64_t limit =
		opt_or(settings->limit_kib, permille_of(work->max_kib, settings->limit_permille));

	work->reservation_kib = min_u64(page_up(bound_kib(reservation)), work->max_kib);
	/* A maximum that is no multiple of a page must stay within reach. */
	work->limit_kib = limit >= work->max_kib ? work->max_kib : page_down(limit);
	work->limit_kib = max_u64(work->limit_kib, work->reservation_kib);
}

static enum reason why_fixed(const struct policy_vm *vm)
{
	const struct vm_sample *sample = vm->sample;

	if (vm->settings->mode == VM_MODE_OFF)
		return REASON_MODE_OFF;
	if (sample->hung)
		return REASON_HUNG;
	if (!sample->has_balloon)
		return REASON_NO_BALLOON;
	if (sample->run_state == VM_PAUSED)
		return REASON_PAUSED;
	if (sample->run_state == VM_MIGRATING)
		return REASON_MIGRATING;
	if (!sample->actual_kib.known || !sample->max_kib)
		return REASON_NO_STATS;
	return REASON_NONE;
}

static enum reason why_held(const struct tick *tick, const struct policy_vm *vm)
{
	const struct vm_sample *sample = vm->sample;

	if (guard_stats_fresh(tick, sample))
		return REASON_NONE;
	if (sample->up_ms < tick->settings->boot_grace_ms)
		return REASON_BOOTING;
	if (!sample->stats_age_ms.known || (!sample->usable_kib.known && !sample->unused_kib.known))
		return REASON_NO_STATS;
	return REASON_STALE_STATS;
}

/*
 * It went where nobody here had sent it since it was last seen. libvirt tells where a balloon is, and
 * not where it shall be; so a move by others shows when it leaves the way from where it was to where
 * it was sent, or, when nothing was asked of it, at all. What was asked a moment ago may have found it
 * on its way to what was asked before, or may be on its own way still.
 */
static bool resized_by_others(const struct tick *tick, const struct policy_vm *vm)
{
	const struct vm_state *state = vm->state;
	const struct vm_work *work = &vm->work;
	uint64_t slack = bound_kib(tick->settings->dead_band_kib);
	uint64_t target = opt_or(state->last_target_kib, state->last_actual_kib);
	uint64_t low = min_u64(state->last_actual_kib, target);
	uint64_t high = max_u64(state->last_actual_kib, target);

	/* With its guest a balloon begins anew, and with another maximum the VM has another size. */
	if (!state->seen || vm->sample->up_ms < tick->settings->boot_grace_ms ||
	    state->last_max_kib != work->max_kib)
		return false;
	if (state->last_target_kib.known && (state->asked_ms == state->last_ms ||
					     tick->now_ms - state->asked_ms < ASKED_LATELY_MS)) {
		low = min_u64(low, state->asked_before_kib);
		high = max_u64(high, state->asked_before_kib);
	}
	return work->actual_kib < sub_u64(low, slack) || work->actual_kib > add_u64(high, slack);
}

/* For foreign_hold after the last such move; so if we disagree, we do so that often at most. */
static bool foreign(const struct tick *tick, struct policy_vm *vm)
{
	struct vm_state *state = vm->state;

	if (resized_by_others(tick, vm)) {
		state->foreign = true;
		state->foreign_ms = tick->now_ms;
		state->foreign_up = vm->work.actual_kib > state->last_actual_kib;
		state->last_target_kib = opt_none();
		state->movement = (struct vm_movement){ 0 };
	}
	if (state->foreign && tick->now_ms - state->foreign_ms >= tick->settings->foreign_hold_ms)
		state->foreign = false;
	return state->foreign;
}

/* Of those that may move, whether it may be shrunk. */
static enum reason why_kept(const struct tick *tick, struct policy_vm *vm)
{
	if (vm->work.foreign)
		return REASON_FOREIGN;
	if (vm->sample->up_ms < tick->settings->boot_grace_ms)
		return REASON_BOOTING;
	if (vm->state->movement.stuck)
		return REASON_STUCK;
	if (effect_missing(vm))
		return REASON_NO_EFFECT;
	return REASON_NONE;
}

void guard_vm(const struct tick *tick, struct policy_vm *vm)
{
	const struct vm_sample *sample = vm->sample;
	struct vm_work *work = &vm->work;

	*work = (struct vm_work){ .max_kib = bound_kib(sample->max_kib) };
	work->actual_kib = min_u64(opt_or(sample->actual_kib, UINT64_MAX), work->max_kib);
	bound_settings(vm->settings, work);

	work->held = why_fixed(vm);
	work->observed = vm->settings->mode == VM_MODE_OBSERVE;
	work->foreign = work->held == REASON_NONE && !work->observed && foreign(tick, vm);
	work->unasked = !work->observed &&
			(sample->refused_ms || (work->foreign && !vm->state->foreign_up));
	work->fixed = work->held != REASON_NONE;
	if (!work->fixed)
		work->held = why_held(tick, vm);

	/* What was asked of a device that is gone, or is not ours, no longer counts. */
	work->heading_kib = work->actual_kib;
	if (sample->has_balloon && vm->settings->mode == VM_MODE_AUTO)
		work->heading_kib = min_u64(opt_or(vm->state->last_target_kib, work->actual_kib),
					    work->max_kib);
	movement_vm(tick, vm);
	work->keep_reason = why_kept(tick, vm);
	work->keep = work->keep_reason != REASON_NONE;
	work->holds_kib = max_u64(work->actual_kib, work->heading_kib);
	/* What it was promised and does not take is not held for it. */
	if (vm->state->movement.stuck && vm->state->movement.stuck_growing)
		work->holds_kib = work->actual_kib;
	work->target_kib = work->heading_kib;
	work->goal_kib = work->holds_kib;
}
