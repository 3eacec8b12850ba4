// SPDX-License-Identifier: GPL-2.0
/*
 * Guests that do not follow. A guest on its way to a target is judged by its rate over stretches
 * of `stuck_after`: one that is slower than `stuck_rate` counts as stuck, whether it never moved,
 * stopped half way, or only seems alive. Then
 *   - its target becomes where it is, so that what it was promised and does not take is not held
 *     for it, and it does not move on at a moment nobody expects;
 *   - it is not asked again until a back-off is over that doubles each time;
 *   - one that gave nothing may still be relieved meanwhile;
 *   - what it holds above its entitlement is charged to it: the others' entitlements stay what
 *     they would be if it had followed (entitlement.c).
 */
#include "policy/internal.h"

#define ARRIVED_KIB	 ((uint64_t)4 * 1024) /* nearer than this is there: no rate can be told */
#define ARRIVED_PERMILLE 10 /* of the maximum, likewise */

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

static void watch(const struct tick *tick, struct vm_movement *movement, const struct vm_work *work)
{
	movement->watched = true;
	movement->target_kib = work->heading_kib;
	movement->since_ms = tick->now_ms;
	movement->from_kib = work->actual_kib;
}

static void give_up(const struct tick *tick, struct vm_movement *movement)
{
	const struct policy_settings *settings = tick->settings;

	movement->watched = false;
	movement->stuck = true;
	movement->stuck_growing = movement->target_kib > movement->from_kib;
	movement->retry_ms = min_u64(max_u64(2 * movement->retry_ms, settings->retry_ms),
				     max_u64(settings->retry_max_ms, settings->retry_ms));
	movement->retry_at_ms = tick->now_ms + movement->retry_ms;
}

void movement_vm(const struct tick *tick, struct policy_vm *vm)
{
	struct vm_movement *movement = &vm->state->movement;
	const struct vm_work *work = &vm->work;
	uint64_t elapsed_ms = tick->now_ms - movement->since_ms, moved_kib, left_kib;

	if (movement->stuck && (int64_t)(tick->now_ms - movement->retry_at_ms) >= 0)
		movement->stuck = false;
	if (work->fixed || work->observed || movement->stuck) {
		movement->watched = false;
		return;
	}
	left_kib = distance(work->actual_kib, work->heading_kib);
	if (left_kib <= max_u64(ARRIVED_KIB, permille_of(work->max_kib, ARRIVED_PERMILLE))) {
		/* It arrived, which a guest that only said so would not have. */
		if (movement->watched || work->actual_kib != vm->state->last_actual_kib)
			movement->retry_ms = 0;
		movement->watched = false;
		return;
	}
	if (!movement->watched ||
	    (work->heading_kib > work->actual_kib) != (movement->target_kib > movement->from_kib)) {
		watch(tick, movement, work);
		return;
	}
	movement->target_kib = work->heading_kib;
	if (elapsed_ms < tick->settings->stuck_after_ms)
		return;
	moved_kib = work->heading_kib > work->actual_kib
			    ? sub_u64(work->actual_kib, movement->from_kib)
			    : sub_u64(movement->from_kib, work->actual_kib);
	if (scale_u64(moved_kib, 1000, elapsed_ms) < tick->settings->stuck_rate_kib)
		give_up(tick, movement);
	else
		watch(tick, movement, work);
}
