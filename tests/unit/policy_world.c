// SPDX-License-Identifier: GPL-2.0
/* A small world for the policy's tests (policy_world.h). */
#include "cmocka_test.h"

#include <stdio.h>

#include "policy_world.h"

#define TICK_MS	   5000
#define REFUSED_MS (5 * 60 * 1000)

void world_init(struct world *world)
{
	struct conf *conf = conf_new_default();

	memset(world, 0, sizeof(*world));
	world->now_ms = 1000 * 1000;
	world->settings = conf->policy;
	world->settings.boot_grace_ms = 0;
	conf_free(conf);
}

struct world_vm *world_add(struct world *world, uint64_t max_kib, uint64_t actual_kib,
			   uint64_t use_kib)
{
	struct world_vm *vm = &world->vms[world->n_vms];
	struct conf *conf = conf_new_default();
	struct conf_error error;

	assert_true(world->n_vms < WORLD_VMS);
	assert_int_equal(conf_vm_settings(conf, "vm", NULL, &vm->settings, &error), 0);
	conf_free(conf);
	vm->sample = (struct vm_sample){
		.name = "vm",
		.up_ms = 3600 * 1000,
		.has_balloon = true,
		.max_kib = max_kib,
		.actual_kib = opt_some(actual_kib),
	};
	vm->use_kib = use_kib;
	world->order[world->n_vms++] = (struct policy_vm){
		.sample = &vm->sample,
		.settings = &vm->settings,
		.state = &vm->state,
	};
	return vm;
}

uint64_t world_actual(const struct world *world, size_t index)
{
	return opt_or(world->vms[index].sample.actual_kib, 0);
}

uint64_t world_sum_actual(const struct world *world)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < world->n_vms; i++)
		sum += world_actual(world, i);
	return sum;
}

static void measure(struct world_vm *vm, uint64_t elapsed_ms)
{
	uint64_t actual = opt_or(vm->sample.actual_kib, 0);
	uint64_t *refused_ms = &vm->sample.refused_ms;

	*refused_ms = *refused_ms > elapsed_ms ? *refused_ms - elapsed_ms : 0;
	if (vm->silent)
		return;
	vm->sample.stats_age_ms = opt_some(0);
	vm->sample.usable_kib = opt_some(actual > vm->use_kib ? actual - vm->use_kib : 0);
}

void world_tick(struct world *world, uint64_t elapsed_ms)
{
	world->now_ms += elapsed_ms;
	for (size_t i = 0; i < world->n_vms; i++)
		measure(&world->vms[i], elapsed_ms);
	policy_tick(world->now_ms, &world->settings, &world->host, &world->state, world->order,
		    world->n_vms, &world->totals);
	for (size_t i = 0; i < world->n_vms; i++) {
		struct world_vm *vm = &world->vms[i];
		const struct vm_decision *decision = world_decision(world, i);

		if (decision->set && vm->refused) {
			vm->state.last_target_kib = opt_none();
			vm->sample.refused_ms = REFUSED_MS;
		} else if (decision->set && !vm->stuck) {
			vm->sample.actual_kib = opt_some(decision->target_kib);
		}
	}
}

unsigned int world_settle(struct world *world, unsigned int most)
{
	unsigned int ticks = 0, quiet = 0;

	/* Demand decays by parts of what is left, so a few quiet ticks do not mean rest. */
	while (quiet < 30) {
		bool moved = false;

		world_tick(world, TICK_MS);
		ticks++;
		for (size_t i = 0; i < world->n_vms; i++)
			moved |= world_decision(world, i)->set;
		quiet = moved ? 0 : quiet + 1;
		if (ticks > most + 30)
			fail_msg("still moving after %u ticks", ticks);
	}
	return ticks - quiet;
}

const struct vm_decision *world_decision(const struct world *world, size_t index)
{
	for (size_t i = 0; i < world->n_vms; i++)
		if (world->order[i].sample == &world->vms[index].sample)
			return &world->order[i].decision;
	fail_msg("VM %zu is not in the order", index);
	return NULL;
}
