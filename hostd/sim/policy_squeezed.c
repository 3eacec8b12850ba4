// SPDX-License-Identifier: GPL-2.0
/*
 * Xen's squeezed, as a peer.
 *
 * It asks no guest anything. All memory above the minimums is shared out in the same proportion:
 *   surplus  max(0, free + sum of max(0, size - minimum) - free memory to be kept)
 *   gamma    surplus / sum of (maximum - minimum), at most 1
 *   target   minimum + gamma · (maximum - minimum)
 * Free is what no VM holds, touched or not, as on Xen. Shrinking comes first, and only what has
 * become free is given. A VM that does not move for 5 s is counted at what it has, and so is left
 * out of the round; it is asked again in the next, and after 20 s it is uncooperative: left out
 * until it moves. Looked at every second; a round ends when all have arrived, and begins when VMs
 * come and go, or one has moved of itself.
 */
#include <errno.h>
#include <stdlib.h>

#include "sim/model.h"
#include "sim/policy.h"

#define KEEP_FREE_KIB	(10.0 * 1024)
#define STUCK_S		5
#define UNCOOPERATIVE_S 20
#define TOLERANCE_KIB	1024.0 /* closer than this is there */

struct squeezed_vm {
	double last_kib; /* where it was a second ago */
	int64_t moved_s; /* when it last moved, or had nothing to do */
	double target_kib;
};

struct squeezed {
	double memory_kib; /* of the host, that VMs may have */
	struct squeezed_vm vms[];
};

static int squeezed_init(const struct sim_policy_setup *setup, void **ret_self)
{
	struct squeezed *squeezed =
		calloc(1, sizeof(*squeezed) + setup->n_specs * sizeof(squeezed->vms[0]));

	if (!squeezed)
		return -ENOMEM;
	squeezed->memory_kib = (setup->ram_mib - MODEL_HOST_OWN_MIB) * MODEL_KIB_PER_MIB;
	*ret_self = squeezed;
	return 0;
}

static double at_least(double a, double b)
{
	return a > b ? a : b;
}

static double size_of(const struct sim_vm *vm)
{
	return (double)opt_or(vm->sample->actual_kib, 0);
}

static bool left_out(const struct squeezed_vm *vm, int64_t now_s)
{
	int64_t still_s = now_s - vm->moved_s;

	if (still_s >= UNCOOPERATIVE_S)
		return true;
	return still_s >= STUCK_S && still_s % STUCK_S != 0;
}

static void watch(struct squeezed_vm *state, const struct sim_vm *vm, int64_t now_s)
{
	double size_kib = size_of(vm), to_go_kib = (double)vm->target_kib - size_kib;

	if (vm->started || size_kib != state->last_kib ||
	    (to_go_kib < TOLERANCE_KIB && to_go_kib > -TOLERANCE_KIB))
		state->moved_s = now_s;
	state->last_kib = size_kib;
}

static void squeezed_tick(void *self, struct sim_tick *tick)
{
	struct squeezed *squeezed = self;
	double free_kib = squeezed->memory_kib, surplus_kib, range_kib = 0, gamma;

	surplus_kib = 0;
	for (size_t i = 0; i < tick->n_vms; i++) {
		const struct sim_vm *vm = &tick->vms[i];
		struct squeezed_vm *state = &squeezed->vms[vm->index];
		double min_kib = (double)vm->reservation_kib;

		watch(state, vm, tick->now_s);
		free_kib -= size_of(vm);
		if (left_out(state, tick->now_s))
			continue;
		surplus_kib += at_least(size_of(vm) - min_kib, 0);
		range_kib += (double)vm->limit_kib - min_kib;
	}
	surplus_kib = at_least(surplus_kib + free_kib - KEEP_FREE_KIB, 0);
	gamma = range_kib > 0 && surplus_kib < range_kib ? surplus_kib / range_kib : 1;
	free_kib -= KEEP_FREE_KIB;
	for (size_t i = 0; i < tick->n_vms; i++) {
		const struct sim_vm *vm = &tick->vms[i];
		double min_kib = (double)vm->reservation_kib;

		squeezed->vms[vm->index].target_kib =
			min_kib + gamma * ((double)vm->limit_kib - min_kib);
		/* What was granted and is not there yet is not free. */
		free_kib -= at_least((double)vm->target_kib - size_of(vm), 0);
	}
	for (size_t i = 0; i < tick->n_vms; i++) {
		struct sim_vm *vm = &tick->vms[i];
		double target_kib = squeezed->vms[vm->index].target_kib;
		double now_kib = (double)vm->target_kib, more_kib = target_kib - now_kib;

		if (left_out(&squeezed->vms[vm->index], tick->now_s) ||
		    (more_kib < TOLERANCE_KIB && more_kib > -TOLERANCE_KIB))
			continue;
		if (more_kib > 0) {
			if (more_kib > free_kib)
				continue;
			free_kib -= more_kib;
		}
		sim_set(vm, (uint64_t)target_kib);
	}
}

const struct sim_policy sim_squeezed = {
	.name = "squeezed",
	.summary = "Xen's squeezed: in proportion, no guest input",
	.interval_s = 1,
	.init = squeezed_init,
	.tick = squeezed_tick,
	.free = free,
};
