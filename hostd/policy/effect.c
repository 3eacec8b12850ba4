// SPDX-License-Identifier: GPL-2.0
/*
 * Balloons without effect. Pages that an assigned device or a lock pins stay in the host's memory
 * when the guest gives them up: its size falls, its resident memory does not, and it is deprived
 * for nothing. Such a VM is left alone and reported.
 *
 * Measured from where a shrinking began: when the size has fallen by EFFECT_LEAST or more, and the
 * resident memory by less than a quarter of that, and is still more than the size explains. The
 * last condition tells it from memory that was never touched, and leaves room for what QEMU needs
 * for itself.
 */
#include "policy/internal.h"

#define EFFECT_LEAST_KIB      ((uint64_t)256 * 1024) /* QEMU's own memory is less than this */
#define EFFECT_LEAST_PERMILLE 125 /* of the maximum: its own tables grow with that */
#define EFFECT_DIVISOR	      4

bool effect_missing(struct policy_vm *vm)
{
	struct vm_state *state = vm->state;
	const struct vm_work *work = &vm->work;
	uint64_t least_kib =
		max_u64(EFFECT_LEAST_KIB, permille_of(work->max_kib, EFFECT_LEAST_PERMILLE));
	uint64_t rss_kib, fell_kib;

	if (!opt_get(vm->sample->rss_kib, &rss_kib))
		return false;
	if (!state->effect_watched || work->actual_kib >= state->effect_actual_kib) {
		state->effect_watched = true;
		state->effect_actual_kib = work->actual_kib;
		state->effect_rss_kib = rss_kib;
		return false;
	}
	fell_kib = state->effect_actual_kib - work->actual_kib;
	return fell_kib >= least_kib && sub_u64(rss_kib, work->actual_kib) >= least_kib &&
	       sub_u64(state->effect_rss_kib, rss_kib) < fell_kib / EFFECT_DIVISOR;
}
