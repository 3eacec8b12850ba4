// SPDX-License-Identifier: GPL-2.0
/*
 * The workloads' demand (demand.h). Everything is linear between events: the next sample, and
 * the four phases of a burst. So a second costs two additions a VM, and events are looked at only
 * when one is due.
 *
 * Where a sample is missing after one that is there, the VM runs on unchanged until the time of
 * the missing one, and stops then. The time to a VM's next burst runs from the end of the last
 * one, also while it is stopped; a VM that stops forgets the burst it was in.
 */
#include "sim/demand.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/model.h"

enum burst_phase {
	BURST_NONE,
	BURST_RISING,
	BURST_HOLDING,
	BURST_FALLING,
};

struct demand_vm {
	const struct trace_vm *trace;
	struct rng rng;
	size_t sample; /* the next one */
	int64_t sample_s; /* when it is due */
	int64_t burst_s; /* when the next phase of a burst is due */
	enum burst_phase phase;
	double height_mib;
};

double demand_kernel_mib(double provisioned_mib)
{
	double kernel_mib = MODEL_KERNEL_MIB + MODEL_KERNEL_FRACTION * provisioned_mib;

	return kernel_mib < provisioned_mib ? kernel_mib : provisioned_mib;
}

static int64_t gap_s(struct demand_vm *vm)
{
	return 1 + (int64_t)rng_exponential(&vm->rng, MODEL_BURST_GAP_S);
}

void demand_free(struct demand *demand)
{
	free(demand->working_set_mib);
	free(demand->running);
	free(demand->changed);
	free(demand->base_mib);
	free(demand->base_slope);
	free(demand->burst_mib);
	free(demand->burst_slope);
	free(demand->cap_mib);
	free(demand->vms);
	memset(demand, 0, sizeof(*demand));
}

int demand_init(struct demand *demand, const struct demand_source *sources, size_t n, uint64_t seed)
{
	struct demand new = { .n = n, .now_s = -1, .next_event_s = 0 };

	new.working_set_mib = calloc(n, sizeof(double));
	new.running = calloc(n, sizeof(bool));
	new.changed = calloc(n, sizeof(bool));
	new.base_mib = calloc(n, sizeof(double));
	new.base_slope = calloc(n, sizeof(double));
	new.burst_mib = calloc(n, sizeof(double));
	new.burst_slope = calloc(n, sizeof(double));
	new.cap_mib = calloc(n, sizeof(double));
	new.vms = calloc(n, sizeof(*new.vms));
	if (!new.working_set_mib || !new.running || !new.changed || !new.base_mib ||
	    !new.base_slope || !new.burst_mib || !new.burst_slope || !new.cap_mib || !new.vms) {
		demand_free(&new);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n; i++) {
		struct demand_vm *vm = &new.vms[i];

		vm->trace = sources[i].vm;
		new.cap_mib[i] =
			vm->trace->provisioned_mib - demand_kernel_mib(vm->trace->provisioned_mib);
		rng_init(&vm->rng, seed, RNG_BURSTS, sources[i].number);
		vm->burst_s = sources[i].bursts ? gap_s(vm) : INT64_MAX;
	}
	*demand = new;
	return 0;
}

static void next_sample(struct demand *demand, size_t i)
{
	struct demand_vm *vm = &demand->vms[i];
	const struct trace_vm *trace = vm->trace;
	bool running = vm->sample < trace->n_samples && !isnan(trace->used_mib[vm->sample]);

	demand->changed[i] = running != demand->running[i];
	demand->running[i] = running;
	demand->base_mib[i] = running ? trace->used_mib[vm->sample] : 0;
	demand->base_slope[i] = 0;
	if (running && vm->sample + 1 < trace->n_samples && !isnan(trace->used_mib[vm->sample + 1]))
		demand->base_slope[i] =
			(trace->used_mib[vm->sample + 1] - demand->base_mib[i]) / trace->step_s;
	vm->sample++;
	vm->sample_s = vm->sample > trace->n_samples ? INT64_MAX : vm->sample_s + trace->step_s;
}

static void next_burst_phase(struct demand *demand, size_t i)
{
	struct demand_vm *vm = &demand->vms[i];

	demand->burst_slope[i] = 0;
	switch (vm->phase) {
	case BURST_NONE:
		vm->phase = BURST_RISING;
		vm->height_mib = vm->trace->provisioned_mib *
				 rng_between(&vm->rng, MODEL_BURST_LOW, MODEL_BURST_HIGH);
		demand->burst_slope[i] = vm->height_mib / MODEL_BURST_RAMP_S;
		vm->burst_s += MODEL_BURST_RAMP_S;
		break;
	case BURST_RISING:
		vm->phase = BURST_HOLDING;
		demand->burst_mib[i] = vm->height_mib;
		vm->burst_s += MODEL_BURST_SHORTEST_S +
			       (int64_t)rng_below(&vm->rng, MODEL_BURST_LONGEST_S -
								    MODEL_BURST_SHORTEST_S + 1);
		break;
	case BURST_HOLDING:
		vm->phase = BURST_FALLING;
		demand->burst_slope[i] = -vm->height_mib / MODEL_BURST_RAMP_S;
		vm->burst_s += MODEL_BURST_RAMP_S;
		break;
	case BURST_FALLING:
		vm->phase = BURST_NONE;
		demand->burst_mib[i] = 0;
		vm->burst_s += gap_s(vm);
		break;
	}
	/* The height of one that began before the VM did is forgotten with it. */
	if (!demand->running[i]) {
		vm->height_mib = 0;
		demand->burst_mib[i] = 0;
		demand->burst_slope[i] = 0;
	}
}

static void handle_events(struct demand *demand)
{
	int64_t next_s = INT64_MAX;

	for (size_t i = 0; i < demand->n; i++) {
		struct demand_vm *vm = &demand->vms[i];

		demand->changed[i] = false;
		if (vm->sample_s <= demand->now_s) {
			next_sample(demand, i);
			if (demand->changed[i]) {
				vm->height_mib = 0;
				demand->burst_mib[i] = 0;
				demand->burst_slope[i] = 0;
			}
		}
		if (vm->burst_s <= demand->now_s)
			next_burst_phase(demand, i);
		next_s = vm->sample_s < next_s ? vm->sample_s : next_s;
		next_s = vm->burst_s < next_s ? vm->burst_s : next_s;
	}
	/* What changed in this second is to be told as unchanged in the next. */
	for (size_t i = 0; i < demand->n; i++)
		if (demand->changed[i])
			next_s = demand->now_s + 1;
	demand->next_event_s = next_s;
}

void demand_step(struct demand *demand)
{
	double *restrict base_mib = demand->base_mib;
	double *restrict burst_mib = demand->burst_mib;
	double *restrict working_set_mib = demand->working_set_mib;
	const double *restrict base_slope = demand->base_slope;
	const double *restrict burst_slope = demand->burst_slope;
	const double *restrict cap_mib = demand->cap_mib;

	demand->now_s++;
	/* An event says how it is now; all else goes on as it was going. */
	for (size_t i = 0; i < demand->n; i++) {
		base_mib[i] += base_slope[i];
		burst_mib[i] += burst_slope[i];
	}
	if (demand->now_s >= demand->next_event_s)
		handle_events(demand);
	for (size_t i = 0; i < demand->n; i++) {
		double mib = base_mib[i] + burst_mib[i];

		mib = mib < cap_mib[i] ? mib : cap_mib[i];
		working_set_mib[i] = mib > 0 ? mib : 0;
	}
}
