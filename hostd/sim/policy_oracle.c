// SPDX-License-Identifier: GPL-2.0
/*
 * The oracle: what could be reached by somebody who knows each working set ten minutes ahead.
 *
 * A copy of the VMs' demand runs ten minutes ahead of time; of each VM the highest working set of
 * each ten seconds is kept until they have passed. What a VM needs for a time ahead is its kernel,
 * the highest working set in that time, and the cache that is useful with it.
 *   - The longest time ahead is taken for which all needs fit into the host's memory, and
 *     everybody gets that; what is left goes to all, in the same proportion of what each lacks of
 *     its limit.
 *   - Where not even the next ten seconds fit, those who lack least are served first: that
 *     leaves the fewest in want.
 * Reservations and limits hold for it as for all others, and only what is free is given.
 *
 * No manager can know what it knows. What of its success is foresight, and what is freshness, two
 * more show that share its planning: `present` sees each working set exactly, as it is, in each
 * second, and nothing of what is to come; `late` sees the same, but as old as statistics are when a
 * daemon acts on them.
 */
#include <errno.h>
#include <stdlib.h>

#include "sim/demand.h"
#include "sim/model.h"
#include "sim/policy.h"

#define AHEAD_S	   600
#define LATE_S	   6 /* half of a period of 5 s, half of an interval of 5 s, and 1 s of their own */
#define BLOCK_S	   10
#define BLOCKS	   (AHEAD_S / BLOCK_S)
#define MOVE_MIB   16.0 /* smaller moves, */
#define MOVE_PART  0.02 /* of the limit: smaller moves are not worth a call */
#define SPARE_PART 0.97 /* of the memory: beyond that nothing is given that is not needed */
#define PAGE_MIB   (1.0 / 256)

/* Times ahead to be tried, in blocks. */
static const size_t horizons[] = { BLOCKS, BLOCKS / 2, BLOCKS / 5, BLOCKS / 10, BLOCKS / 20, 1 };

#define HORIZONS (sizeof(horizons) / sizeof(horizons[0]))

struct oracle_vm {
	double highest_mib[BLOCKS]; /* ring by time / BLOCK_S */
	double kernel_mib;
	double need_mib[HORIZONS];
	double target_mib;
};

struct oracle {
	double memory_mib;
	size_t n;
	int64_t sees_s; /* how far from now `ahead` is; negative: in the past */
	struct demand ahead;
	size_t *order; /* scratch: VMs of the tick by what they lack */
	double *lacks_mib; /* scratch: by place in the tick */
	struct oracle_vm vms[];
};

static void oracle_free(void *self)
{
	struct oracle *oracle = self;

	if (!oracle)
		return;
	demand_free(&oracle->ahead);
	free(oracle->order);
	free(oracle->lacks_mib);
	free(oracle);
}

static int init(const struct sim_policy_setup *setup, int64_t sees_s, void **ret_self)
{
	size_t n = setup->n_specs;
	struct oracle *oracle = calloc(1, sizeof(*oracle) + n * sizeof(oracle->vms[0]));
	struct demand_source *sources = calloc(n + 1, sizeof(*sources));
	int ret = -ENOMEM;

	if (oracle && sources) {
		oracle->n = n;
		oracle->sees_s = sees_s;
		oracle->memory_mib = setup->ram_mib - MODEL_HOST_OWN_MIB;
		oracle->order = calloc(n + 1, sizeof(*oracle->order));
		oracle->lacks_mib = calloc(n + 1, sizeof(*oracle->lacks_mib));
		for (size_t i = 0; i < n; i++) {
			sources[i] = setup->specs[i].demand;
			oracle->vms[i].kernel_mib =
				demand_kernel_mib(sources[i].vm->provisioned_mib);
		}
		if (oracle->order && oracle->lacks_mib)
			ret = demand_init(&oracle->ahead, sources, n, setup->seed);
	}
	free(sources);
	if (ret)
		oracle_free(oracle);
	else
		*ret_self = oracle;
	return ret;
}

static int oracle_init(const struct sim_policy_setup *setup, void **ret_self)
{
	return init(setup, AHEAD_S - 1, ret_self);
}

static int present_init(const struct sim_policy_setup *setup, void **ret_self)
{
	return init(setup, 0, ret_self);
}

static int late_init(const struct sim_policy_setup *setup, void **ret_self)
{
	return init(setup, -LATE_S, ret_self);
}

/* Let the copy run to what can be seen from now: at most ten minutes from it. */
static void look_ahead(struct oracle *oracle, int64_t now_s)
{
	while (oracle->ahead.now_s < now_s + oracle->sees_s) {
		size_t block;

		demand_step(&oracle->ahead);
		block = (size_t)(oracle->ahead.now_s / BLOCK_S) % BLOCKS;
		for (size_t i = 0; i < oracle->n; i++) {
			double *highest_mib = &oracle->vms[i].highest_mib[block];
			double mib = oracle->ahead.working_set_mib[i];

			if (oracle->ahead.now_s % BLOCK_S == 0 || mib > *highest_mib)
				*highest_mib = mib;
		}
	}
}

static double need_mib(const struct oracle_vm *vm, double working_set_mib)
{
	return working_set_mib > 0 ? vm->kernel_mib + working_set_mib * (1 + MODEL_USEFUL_CACHE)
				   : 0;
}

/* Who sees no future takes it to be like what it sees. */
static void take_as_it_is(struct oracle *oracle)
{
	for (size_t i = 0; i < oracle->n; i++)
		for (size_t horizon = 0; horizon < HORIZONS; horizon++)
			oracle->vms[i].need_mib[horizon] =
				need_mib(&oracle->vms[i], oracle->ahead.working_set_mib[i]);
}

static void find_needs(struct oracle *oracle, int64_t now_s)
{
	size_t first = (size_t)(now_s / BLOCK_S) % BLOCKS;

	for (size_t i = 0; i < oracle->n; i++) {
		struct oracle_vm *vm = &oracle->vms[i];
		size_t horizon = HORIZONS;
		double highest_mib = 0;

		for (size_t b = 0; b < BLOCKS; b++) {
			double mib = vm->highest_mib[(first + b) % BLOCKS];

			highest_mib = mib > highest_mib ? mib : highest_mib;
			if (b + 1 != horizons[horizon - 1])
				continue;
			vm->need_mib[--horizon] = need_mib(vm, highest_mib);
		}
	}
}

static double mib(uint64_t kib)
{
	return (double)kib / MODEL_KIB_PER_MIB;
}

/* Within the VM's bounds. */
static double bounded_need(const struct oracle *oracle, const struct sim_vm *vm, size_t horizon)
{
	double need_mib = oracle->vms[vm->index].need_mib[horizon];
	double reservation_mib = mib(vm->reservation_kib), limit_mib = mib(vm->limit_kib);

	need_mib = need_mib < limit_mib ? need_mib : limit_mib;
	return need_mib > reservation_mib ? need_mib : reservation_mib;
}

/* What all VMs need, those that run now and those that will be started in that time. */
static double sum_needs(const struct oracle *oracle, const struct sim_tick *tick, size_t horizon)
{
	double sum_mib = 0;

	for (size_t i = 0; i < oracle->n; i++)
		sum_mib += oracle->vms[i].need_mib[horizon];
	for (size_t i = 0; i < tick->n_vms; i++)
		sum_mib += bounded_need(oracle, &tick->vms[i], horizon) -
			   oracle->vms[tick->vms[i].index].need_mib[horizon];
	return sum_mib;
}

static void give_needs_and_rest(struct oracle *oracle, const struct sim_tick *tick, size_t horizon,
				double rest_mib)
{
	double lacking_mib = 0, part;

	for (size_t i = 0; i < tick->n_vms; i++)
		lacking_mib +=
			mib(tick->vms[i].limit_kib) - bounded_need(oracle, &tick->vms[i], horizon);
	rest_mib = rest_mib > 0 ? rest_mib : 0;
	part = lacking_mib > rest_mib ? rest_mib / lacking_mib : 1;
	for (size_t i = 0; i < tick->n_vms; i++) {
		double need_mib = bounded_need(oracle, &tick->vms[i], horizon);

		oracle->vms[tick->vms[i].index].target_mib =
			need_mib + part * (mib(tick->vms[i].limit_kib) - need_mib);
	}
}

/* By what they lack, and then by their place, so that equals keep their order. */
static int by_lack(const void *a, const void *b, void *lacks)
{
	size_t i = *(const size_t *)a, j = *(const size_t *)b;
	const double *lacks_mib = lacks;

	if (lacks_mib[i] != lacks_mib[j])
		return lacks_mib[i] < lacks_mib[j] ? -1 : 1;
	return i < j ? -1 : i > j;
}

static void give_least_first(struct oracle *oracle, const struct sim_tick *tick)
{
	double rest_mib = oracle->memory_mib;

	for (size_t i = 0; i < tick->n_vms; i++) {
		double reservation_mib = mib(tick->vms[i].reservation_kib);

		oracle->order[i] = i;
		oracle->lacks_mib[i] =
			bounded_need(oracle, &tick->vms[i], HORIZONS - 1) - reservation_mib;
		rest_mib -= reservation_mib;
	}
	qsort_r(oracle->order, tick->n_vms, sizeof(*oracle->order), by_lack, oracle->lacks_mib);
	for (size_t k = 0; k < tick->n_vms; k++) {
		const struct sim_vm *vm = &tick->vms[oracle->order[k]];
		double part_mib = oracle->lacks_mib[oracle->order[k]];

		part_mib = part_mib < rest_mib ? part_mib : rest_mib;
		part_mib = part_mib > 0 ? part_mib : 0;
		rest_mib -= part_mib;
		oracle->vms[vm->index].target_mib = mib(vm->reservation_kib) + part_mib;
	}
}

static void plan(struct oracle *oracle, const struct sim_tick *tick)
{
	if (oracle->sees_s > 0)
		find_needs(oracle, tick->now_s);
	else
		take_as_it_is(oracle);
	for (size_t horizon = 0; horizon < HORIZONS; horizon++) {
		double rest_mib = oracle->memory_mib - sum_needs(oracle, tick, horizon);

		if (rest_mib < 0)
			continue;
		give_needs_and_rest(oracle, tick, horizon,
				    rest_mib - (1 - SPARE_PART) * oracle->memory_mib);
		return;
	}
	give_least_first(oracle, tick);
}

/* Grow, as far as memory is free, towards the target or only to the needs of the next seconds. */
static double grow(const struct oracle *oracle, struct sim_tick *tick, double free_mib, bool needs)
{
	for (size_t i = 0; i < tick->n_vms; i++) {
		struct sim_vm *vm = &tick->vms[i];
		double target_mib = oracle->vms[vm->index].target_mib;
		double now_mib = mib(vm->set ? vm->set_kib : vm->target_kib);
		double least_mib = MOVE_PART * mib(vm->limit_kib), more_mib;

		if (needs) {
			double need_mib = bounded_need(oracle, vm, HORIZONS - 1);

			target_mib = need_mib < target_mib ? need_mib : target_mib;
			least_mib = PAGE_MIB;
		}
		more_mib = target_mib - now_mib;
		more_mib = more_mib < free_mib ? more_mib : free_mib;
		if (more_mib < least_mib)
			continue;
		sim_set(vm, (uint64_t)((now_mib + more_mib) * MODEL_KIB_PER_MIB));
		free_mib -= more_mib;
	}
	return free_mib;
}

/* What a VM has, or was promised. */
static double held_mib(const struct sim_vm *vm)
{
	return mib(sim_max(opt_or(vm->sample->actual_kib, 0), vm->target_kib));
}

static void oracle_tick(void *self, struct sim_tick *tick)
{
	struct oracle *oracle = self;
	double free_mib = oracle->memory_mib, band;
	bool any_started = false;

	look_ahead(oracle, tick->now_s);
	if (oracle->ahead.now_s < 0)
		return;
	for (size_t i = 0; i < tick->n_vms; i++)
		any_started = any_started || tick->vms[i].started;
	if (any_started || oracle->sees_s <= 0 || tick->now_s % BLOCK_S == 0)
		plan(oracle, tick);
	for (size_t i = 0; i < tick->n_vms; i++)
		free_mib -= held_mib(&tick->vms[i]);
	/* Every little counts where more is held than there is. */
	band = free_mib < 0 ? 0 : MOVE_PART;
	for (size_t i = 0; i < tick->n_vms; i++) {
		struct sim_vm *vm = &tick->vms[i];
		double target_mib = oracle->vms[vm->index].target_mib;

		if (mib(vm->target_kib) - target_mib > band * mib(vm->limit_kib))
			sim_set(vm, sim_max((uint64_t)(target_mib * MODEL_KIB_PER_MIB),
					    vm->reservation_kib));
	}
	free_mib = grow(oracle, tick, free_mib, true);
	grow(oracle, tick, free_mib, false);
}

const struct sim_policy sim_oracle = {
	.name = "oracle",
	.summary = "knows each working set ten minutes ahead",
	.interval_s = 1,
	.init = oracle_init,
	.tick = oracle_tick,
	.free = oracle_free,
};

const struct sim_policy sim_present = {
	.name = "present",
	.summary = "the oracle without foresight: knows each working set as it is",
	.interval_s = 1,
	.init = present_init,
	.tick = oracle_tick,
	.free = oracle_free,
};

const struct sim_policy sim_late = {
	.name = "late",
	.summary = "the oracle without foresight, as late as statistics are: six seconds",
	.interval_s = 1,
	.init = late_init,
	.tick = oracle_tick,
	.free = oracle_free,
};
