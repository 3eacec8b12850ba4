// SPDX-License-Identifier: GPL-2.0
/*
 * Proxmox VE's automatic ballooning, as a peer.
 *
 * Every 10 s the host should use 80 % of its memory: goal = 80 % of it - what is used. Beyond
 * 10 MiB either way, the VMs' memory above their minimums, plus the goal, is shared out by shares,
 *   desired = minimum + (sum of (size - minimum) + goal) / sum of shares · own shares
 * within minimum and maximum, what a bound cuts off going to the others; each VM moves at most
 * 100 MiB towards that. Growing is for VMs short of memory, shrinking for those with more than a
 * quarter of their minimum free; where that moves nothing, for all. VMs start at their minimum.
 */
#include <errno.h>
#include <stdlib.h>

#include "sim/policy.h"

#define PERIOD_S      10
#define HOST_GOAL     0.80
#define DEAD_KIB      (10.0 * 1024)
#define STEP_KIB      (100.0 * 1024)
#define FREE_FRACTION 0.25 /* of the minimum: above this a VM has memory to give */

struct pve_vm {
	double min_kib;
	double max_kib;
	double now_kib;
	double shares;
	double desired_kib;
	bool has_free;
	bool settled; /* its desired size is at a bound */
};

static int pve_init(const struct sim_policy_setup *setup, void **ret_self)
{
	struct pve_vm *vms = calloc(setup->n_specs + 1, sizeof(*vms));

	if (!vms)
		return -ENOMEM;
	*ret_self = vms;
	return 0;
}

static void load(struct pve_vm *vm, const struct sim_vm *from)
{
	uint64_t unused_kib = opt_or(from->sample->unused_kib, 0);

	*vm = (struct pve_vm){
		.min_kib = (double)from->reservation_kib,
		.max_kib = (double)from->limit_kib,
		.now_kib = (double)opt_or(from->sample->actual_kib, 0),
		.shares = (double)from->settings->shares,
	};
	vm->has_free = (double)unused_kib > FREE_FRACTION * vm->min_kib;
}

/* Share the memory above the minimums out; at each bound hit, again among the others. */
static void share_out(struct pve_vm *vms, size_t n, double goal_kib)
{
	double pool_kib = goal_kib;

	for (size_t i = 0; i < n; i++)
		pool_kib += vms[i].now_kib - vms[i].min_kib;
	for (bool again = true; again;) {
		double shares = 0, left_kib = pool_kib;

		again = false;
		for (size_t i = 0; i < n; i++) {
			if (vms[i].settled)
				left_kib -= vms[i].desired_kib - vms[i].min_kib;
			else
				shares += vms[i].shares;
		}
		for (size_t i = 0; i < n; i++) {
			struct pve_vm *vm = &vms[i];

			if (vm->settled)
				continue;
			vm->desired_kib = vm->min_kib + left_kib / shares * vm->shares;
			if (vm->desired_kib >= vm->min_kib && vm->desired_kib <= vm->max_kib)
				continue;
			vm->desired_kib = vm->desired_kib < vm->min_kib ? vm->min_kib : vm->max_kib;
			vm->settled = true;
			again = true;
		}
	}
}

/* Move all VMs, or those alone that should go first. True when one moved. */
static bool move(struct sim_tick *tick, const struct pve_vm *vms, double goal_kib, bool all)
{
	bool moved = false;
	double left_kib = goal_kib < 0 ? -goal_kib : goal_kib;

	for (size_t i = 0; i < tick->n_vms && left_kib > 0; i++) {
		const struct pve_vm *vm = &vms[i];
		bool first = goal_kib > 0 ? !vm->has_free : vm->has_free;
		double step_kib = vm->desired_kib - vm->now_kib;
		double most_kib = left_kib < STEP_KIB ? left_kib : STEP_KIB;

		if ((!all && !first) || step_kib * goal_kib <= 0)
			continue;
		if (step_kib > most_kib)
			step_kib = most_kib;
		if (step_kib < -most_kib)
			step_kib = -most_kib;
		sim_set(&tick->vms[i], (uint64_t)(vm->now_kib + step_kib));
		left_kib -= step_kib < 0 ? -step_kib : step_kib;
		moved = true;
	}
	return moved;
}

static void pve_tick(void *self, struct sim_tick *tick)
{
	struct pve_vm *vms = self;
	double total_kib = (double)opt_or(tick->host.total_kib, 0);
	double used_kib = total_kib - (double)opt_or(tick->host.available_kib, 0);
	double goal_kib = total_kib * HOST_GOAL - used_kib;

	for (size_t i = 0; i < tick->n_vms; i++)
		load(&vms[i], &tick->vms[i]);
	if (goal_kib > DEAD_KIB || goal_kib < -DEAD_KIB) {
		share_out(vms, tick->n_vms, goal_kib);
		if (!move(tick, vms, goal_kib, false))
			move(tick, vms, goal_kib, true);
	}
	for (size_t i = 0; i < tick->n_vms; i++)
		if (tick->vms[i].started)
			sim_set(&tick->vms[i], tick->vms[i].reservation_kib);
}

const struct sim_policy sim_pve = {
	.name = "pve",
	.summary = "Proxmox VE's automatic ballooning",
	.interval_s = PERIOD_S,
	.init = pve_init,
	.tick = pve_tick,
	.free = free,
};
