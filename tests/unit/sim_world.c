// SPDX-License-Identifier: GPL-2.0
/* Random worlds (sim_world.h). */
#include "cmocka_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim_world.h"

#define STEP_S 5 /* between samples of the workloads */
#define WILD_S 600
#define CALM_S 10800

static bool one_in(struct rng *rng, uint64_t n)
{
	return rng_below(rng, n) == 0;
}

/* Use that jumps, climbs, falls and stays; as parts of the memory. */
static void random_use(struct rng *rng, struct trace_vm *vm, bool calm, bool ends)
{
	double use = rng_between(rng, 0.02, 0.6), slope = 0;

	for (size_t s = 0; s < vm->n_samples; s++) {
		if (!calm && one_in(rng, 12)) {
			use = rng_between(rng, 0.02, 0.9);
			slope = one_in(rng, 2) ? 0 : rng_between(rng, -0.02, 0.02);
		}
		use = fmin(fmax(use + slope, 0.01), 1);
		vm->used_mib[s] = (float)(use * vm->provisioned_mib);
		if (ends && one_in(rng, 40))
			vm->used_mib[s] = NAN;
	}
}

static void random_behaviour(struct rng *rng, struct guest_spec *spec)
{
	switch (rng_below(rng, 14)) {
	case 0:
		spec->inflate_mib_s = 0;
		spec->deflate_mib_s = 0;
		break;
	case 1:
		spec->inflate_mib_s = 1;
		spec->deflate_mib_s = 1;
		break;
	case 2:
		spec->lowest_fraction = rng_between(rng, 0.3, 0.9);
		break;
	case 3:
		spec->pause_s = 20 + (uint32_t)rng_below(rng, 60);
		break;
	case 4:
		spec->silent = true;
		break;
	case 5:
		spec->lie = one_in(rng, 2) ? GUEST_LIES_HIGH : GUEST_LIES_LOW;
		break;
	case 6:
		spec->migrates_every_s = 100 + (uint32_t)rng_below(rng, 200);
		spec->migrates_for_s = 10 + (uint32_t)rng_below(rng, 60);
		break;
	case 7:
		spec->pinned = true;
		break;
	case 8:
		spec->deflate_mib_s = 0;
		break;
	case 9: /* slow enough to be under way when it falls silent, not so slow as to be stuck */
		spec->inflate_mib_s = 8;
		spec->silent_from_s = 60 + (uint32_t)rng_below(rng, 300);
		break;
	case 10:
		spec->oom_mib_s = rng_between(rng, 16, 256);
		break;
	default: /* most behave */
		break;
	}
	spec->boots = one_in(rng, 4);
	spec->reporting = one_in(rng, 3);
	if (one_in(rng, 3))
		spec->start_fraction = rng_between(rng, 0.1, 1);
}

static void random_settings(struct rng *rng, struct vm_settings *settings)
{
	settings->reservation_permille = (uint32_t)rng_below(rng, 400);
	settings->limit_permille = 500 + (uint32_t)rng_below(rng, 501);
	settings->shares = 100 + (uint32_t)rng_below(rng, 4000);
	settings->buffer_permille = (uint32_t)rng_below(rng, 300);
	if (one_in(rng, 12))
		settings->mode = one_in(rng, 2) ? VM_MODE_OBSERVE : VM_MODE_OFF;
}

static void add_vm(struct sim_world *world, struct rng *rng, const struct vm_settings *standard)
{
	size_t i = world->n_vms++;
	struct trace_vm *vm = &world->traces[i];
	bool calm = world->kind == WORLD_CALM;

	snprintf(vm->id, sizeof(vm->id), "vm%zu", i);
	vm->provisioned_mib = 64.0 * (double)(2 + rng_below(rng, 30));
	if (world->kind == WORLD_LIARS)
		vm->provisioned_mib = 1024;
	vm->step_s = STEP_S;
	vm->n_samples = (size_t)(world->duration_s / STEP_S + 1);
	vm->used_mib = calloc(vm->n_samples, sizeof(*vm->used_mib));
	assert_non_null(vm->used_mib);
	random_use(rng, vm, calm, world->kind == WORLD_WILD && one_in(rng, 5));
	world->specs[i] = guest_spec_init(vm, i);
	world->specs[i].demand.bursts = false;
	world->settings[i] = *standard;
	if (world->kind == WORLD_WILD)
		random_behaviour(rng, &world->specs[i]);
	if (world->kind == WORLD_LIARS && one_in(rng, 3))
		world->specs[i].lie = GUEST_LIES_HIGH;
	if (world->kind == WORLD_WILD || calm)
		random_settings(rng, &world->settings[i]);
	if (calm)
		world->settings[i].mode = VM_MODE_AUTO;
}

/* A VM that nothing tells apart from the last one, down to the phase of its statistics. */
static void add_twin(struct sim_world *world)
{
	size_t i = world->n_vms++;
	struct trace_vm *vm = &world->traces[i];

	*vm = world->traces[i - 1];
	vm->used_mib = malloc(vm->n_samples * sizeof(*vm->used_mib));
	assert_non_null(vm->used_mib);
	memcpy(vm->used_mib, world->traces[i - 1].used_mib, vm->n_samples * sizeof(*vm->used_mib));
	world->specs[i] = world->specs[i - 1];
	world->specs[i].demand.vm = vm;
	world->settings[i] = world->settings[i - 1];
	if (world->kind == WORLD_SHARES)
		world->settings[i].shares *= 2;
}

void sim_world_init(struct sim_world *world, enum sim_world_kind kind, uint64_t seed)
{
	struct vm_settings standard;
	struct conf_error error;
	double provisioned_mib = 0;
	struct rng rng;
	size_t n;

	rng_init(&rng, seed, RNG_TEST, (uint64_t)kind);
	memset(world, 0, sizeof(*world));
	world->kind = kind;
	world->seed = seed;
	world->conf = conf_new_default();
	assert_non_null(world->conf);
	/*
	 * As small a reserve as there is. With a tenth of such small hosts, on which all VMs start at
	 * once with all their memory, each run would begin with an emergency, and most of the
	 * invariants are about what comes after.
	 */
	world->conf->policy.reserve_kib = world->conf->policy.reserve_permille = opt_none();
	world->duration_s = kind == WORLD_CALM ? CALM_S : WILD_S;
	assert_int_equal(conf_vm_settings(world->conf, "vm", NULL, &standard, &error), 0);
	n = 2 + 2 * (size_t)rng_below(&rng, SIM_WORLD_VMS / 4);
	while (world->n_vms < n) {
		add_vm(world, &rng, &standard);
		if (kind == WORLD_WILD || kind == WORLD_SHARES)
			add_twin(world);
	}
	for (size_t i = 0; i < world->n_vms; i++)
		provisioned_mib += world->traces[i].provisioned_mib;
	world->ram_mib = MODEL_HOST_OWN_MIB + 256 + provisioned_mib / rng_between(&rng, 0.6, 3);
}

void sim_world_free(struct sim_world *world)
{
	for (size_t i = 0; i < world->n_vms; i++)
		free(world->traces[i].used_mib);
	conf_free(world->conf);
}

struct run_setup sim_world_setup(const struct sim_world *world, const struct sim_policy *policy)
{
	return (struct run_setup){
		.policy = policy,
		.conf = world->conf,
		.specs = world->specs,
		.settings = world->settings,
		.n_specs = world->n_vms,
		.ram_mib = world->ram_mib,
		.seed = world->seed,
		.duration_s = world->duration_s,
	};
}
