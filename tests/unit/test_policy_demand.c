// SPDX-License-Identifier: GPL-2.0
/* Demand: what a VM is thought to need, from what its guest reports. */
#include "cmocka_test.h"

#include "policy_world.h"

/* One VM that is only measured: with nothing known of the host, none is moved. */
static struct world_vm *measured(struct world *world, uint64_t actual_kib, uint64_t use_kib)
{
	world_init(world);
	world->settings.stale_ms = 60 * 1000;
	return world_add(world, GIB(4), actual_kib, use_kib);
}

static uint64_t demand(const struct world *world)
{
	assert_true(world_decision(world, 0)->demand_kib.known);
	return opt_or(world_decision(world, 0)->demand_kib, 0);
}

static void test_use_and_buffer(void **state)
{
	struct world world;
	struct world_vm *vm = measured(&world, GIB(2), MIB(1000));

	(void)state;
	vm->settings.buffer_permille = 200;
	world_tick(&world, 5000);
	assert_eq(demand(&world), MIB(1200));

	vm = measured(&world, GIB(2), MIB(1000));
	vm->settings.buffer_permille = 0;
	world.settings.buffer_min_kib = MIB(32);
	world_tick(&world, 5000);
	assert_eq(demand(&world), MIB(1032));
}

/* The balloon's size must not change what the same programs are thought to need. */
static void test_independent_of_balloon(void **state)
{
	struct world world;
	uint64_t inflated;

	(void)state;
	measured(&world, MIB(1300), MIB(1000));
	world_tick(&world, 5000);
	inflated = demand(&world);
	measured(&world, GIB(4), MIB(1000));
	world_tick(&world, 5000);
	assert_eq(demand(&world), inflated);
}

static void test_cache_is_not_use(void **state)
{
	struct world world;
	struct world_vm *vm = measured(&world, GIB(2), MIB(500));

	(void)state;
	vm->sample.unused_kib = opt_some(MIB(10));
	vm->sample.cache_kib = opt_some(MIB(1500));
	world_tick(&world, 5000);
	assert_true(demand(&world) < MIB(700));
}

/* Without MemAvailable, MemFree is used: too careful, but not blind. */
static void test_unused_where_usable_is_missing(void **state)
{
	struct world world;
	struct world_vm *vm = measured(&world, GIB(2), MIB(500));

	(void)state;
	vm->silent = true;
	vm->sample.stats_age_ms = opt_some(0);
	vm->sample.unused_kib = opt_some(MIB(548));
	vm->settings.buffer_permille = 0;
	world.settings.buffer_min_kib = 0;
	world_tick(&world, 5000);
	assert_eq(demand(&world), MIB(1500));
}

static void test_up_at_once_down_slowly(void **state)
{
	struct world world;
	struct world_vm *vm = measured(&world, GIB(4), MIB(500));
	uint64_t high, low, before;

	(void)state;
	world.settings.decay_permille = 20;
	world_tick(&world, 5000);
	low = demand(&world);
	vm->use_kib = MIB(2000);
	world_tick(&world, 5000);
	high = demand(&world);
	assert_eq(high, MIB(2400));
	vm->use_kib = MIB(500);
	world_tick(&world, 1000);
	/* 2 % of the way in a second. */
	assert_between(demand(&world), high - (high - low) / 40, high - (high - low) / 60);
	for (int i = 0; i < 1000; i++) {
		before = demand(&world);
		world_tick(&world, 5000);
		assert_true(demand(&world) <= before);
	}
	assert_eq(demand(&world), low);
}

/* Early ticks must neither stop the decay nor hasten it. */
static void test_decay_is_by_time(void **state)
{
	struct world world;
	struct world_vm *vm;
	uint64_t often = 0, seldom = 0;

	(void)state;
	for (int round = 0; round < 2; round++) {
		vm = measured(&world, GIB(4), MIB(2000));
		world.settings.decay_permille = 1;
		world_tick(&world, 5000);
		vm->use_kib = MIB(500);
		for (int i = 0; i < (round ? 2 : 100); i++)
			world_tick(&world, round ? 5000 : 100);
		*(round ? &seldom : &often) = demand(&world);
	}
	assert_true(seldom < MIB(2400));
	assert_between(often, seldom - MIB(1), seldom + MIB(1));
}

/* A guest that swaps in, is nearly full, and gives a counter at each tick. */
static void swap_in(struct world *world, uint64_t total_kib)
{
	world->vms[0].sample.swap_in_kib = opt_some(total_kib);
	world_tick(world, 5000);
}

static void test_swap_in_raises_demand(void **state)
{
	struct world world;

	(void)state;
	measured(&world, GIB(1), MIB(850));
	world.settings.swap_rate_limit_kib = MIB(1);
	world.settings.relief_permille = 500;
	swap_in(&world, MIB(1000));
	assert_eq(demand(&world), MIB(1020)); /* a first counter tells no rate */
	swap_in(&world, MIB(1005));
	assert_eq(demand(&world), MIB(1020)); /* 1 MiB/s: at the limit, not above */
	swap_in(&world, MIB(1011));
	assert_eq(demand(&world), MIB(1536));
}

static void test_faults_raise_demand(void **state)
{
	struct world world;
	struct world_vm *vm = measured(&world, GIB(1), MIB(850));

	(void)state;
	world.settings.fault_rate_limit = 100;
	world.settings.relief_permille = 500;
	vm->sample.major_faults = opt_some(0);
	world_tick(&world, 5000);
	vm->sample.major_faults = opt_some(500);
	world_tick(&world, 5000);
	assert_eq(demand(&world), MIB(1020));
	vm->sample.major_faults = opt_some(1005);
	world_tick(&world, 5000);
	assert_eq(demand(&world), MIB(1536));
}

/* It has plenty: memory is not what it lacks. */
static void test_swap_in_with_plenty_usable(void **state)
{
	struct world world;

	(void)state;
	measured(&world, GIB(2), MIB(500));
	swap_in(&world, 0);
	swap_in(&world, MIB(500));
	assert_eq(demand(&world), MIB(600));
}

/* A counter that went backwards is a guest that rebooted, not one that swaps at a furious rate. */
static void test_counter_backwards(void **state)
{
	struct world world;

	(void)state;
	measured(&world, GIB(1), MIB(850));
	swap_in(&world, MIB(5000));
	swap_in(&world, MIB(10));
	assert_eq(demand(&world), MIB(1020));
	swap_in(&world, UINT64_MAX);
	assert_true(demand(&world) > MIB(1020));
}

/* The same statistics seen again tell no rate, and no new need: their size is of another time. */
static void test_same_statistics_again(void **state)
{
	struct world world;
	struct world_vm *vm = measured(&world, GIB(1), MIB(0));
	uint64_t before;

	(void)state;
	vm->silent = true;
	vm->sample.stats_age_ms = opt_some(0);
	vm->sample.usable_kib = opt_some(MIB(600));
	world_tick(&world, 5000);
	before = demand(&world);
	/* Half of what was usable is taken; until it reports again, it needs what it needed. */
	vm->sample.actual_kib = opt_some(MIB(724));
	vm->sample.stats_age_ms = opt_some(5000);
	world_tick(&world, 5000);
	assert_eq(demand(&world), before);
	vm->sample.stats_age_ms = opt_some(10300); /* the clocks drift a little */
	world_tick(&world, 5000);
	assert_eq(demand(&world), before);
}

/* Nor do they show that a guest has stopped swapping. */
static void test_pressure_lasts_until_new_statistics(void **state)
{
	struct world world;

	(void)state;
	measured(&world, GIB(1), MIB(850));
	world.settings.relief_permille = 500;
	world.settings.decay_permille = 1000;
	world.settings.earned_half_ms = 1; /* forgotten at once */
	swap_in(&world, 0);
	swap_in(&world, MIB(100));
	assert_eq(demand(&world), MIB(1536));
	world.vms[0].silent = true;
	world.vms[0].sample.stats_age_ms = opt_some(5200);
	world_tick(&world, 5000);
	assert_eq(demand(&world), MIB(1536));
	assert_true(world_decision(&world, 0)->need.pressed);
	world.vms[0].silent = false;
	world.vms[0].use_kib = MIB(400);
	world_tick(&world, 5000);
	assert_eq(demand(&world), MIB(480));
}

/*
 * Statistics belong to the size the VM had when they were made, also when it has changed several
 * times since, and been looked at each time.
 */
static void test_size_at_the_time(void **state)
{
	struct world world;
	struct world_vm *vm = measured(&world, MIB(800), MIB(780));
	uint64_t before;

	(void)state;
	world_tick(&world, 5000);
	before = demand(&world);
	assert_eq(before, MIB(936));
	vm->silent = true;
	vm->sample.usable_kib =
		opt_some(MIB(20)); /* what it has been given since is not in there */
	for (uint64_t i = 1; i <= 5; i++) {
		vm->sample.actual_kib = opt_some(MIB(800 + 20 * i));
		vm->sample.stats_age_ms = opt_some(200 * i - 100);
		world_tick(&world, 200);
		assert_eq(demand(&world), before);
	}
	vm->sample.stats_age_ms = opt_some(300); /* later ones, made when it had 880 MiB */
	world_tick(&world, 200);
	assert_eq(demand(&world), MIB(880 - 20) * 6 / 5);
}

/* The same on the way down: less use must not be read out of what was taken meanwhile. */
static void test_size_while_shrinking(void **state)
{
	struct world world;
	struct world_vm *vm = measured(&world, MIB(1000), MIB(500));

	(void)state;
	vm->settings.buffer_permille = 0;
	world.settings.buffer_min_kib = 0;
	world.settings.decay_permille = 1000;
	world_tick(&world, 5000);
	vm->silent = true;
	vm->sample.actual_kib = opt_some(MIB(900));
	vm->sample.stats_age_ms = opt_some(1000); /* made at 1000 MiB, as far as can be told */
	world_tick(&world, 5000);
	assert_eq(demand(&world), MIB(500));
	/* A size that was asked for was reached soon after, not when it was first seen. */
	vm->state.last_target_kib = opt_some(MIB(800));
	vm->state.asked_ms = world.now_ms;
	vm->sample.actual_kib = opt_some(MIB(800));
	vm->sample.usable_kib = opt_some(MIB(300));
	vm->sample.stats_age_ms = opt_some(2000);
	world_tick(&world, 5000);
	assert_eq(demand(&world), MIB(500));
}

/* More changes than are kept: the oldest known size is the best guess. */
static void test_many_sizes(void **state)
{
	struct world world;
	struct world_vm *vm = measured(&world, MIB(1000), MIB(500));

	(void)state;
	world_tick(&world, 5000);
	for (uint64_t i = 1; i <= 3 * VM_SIZES; i++) {
		vm->sample.actual_kib = opt_some(MIB(1000 + i));
		world_tick(&world, 1000);
		assert_eq(demand(&world), MIB(600));
	}
	vm->silent = true;
	vm->sample.stats_age_ms = opt_some(20 * 1000);
	vm->sample.usable_kib = opt_some(0);
	world_tick(&world, 1000);
	assert_eq(demand(&world), MIB(1000 + 2 * VM_SIZES + 1) * 6 / 5);
}

/* Numbers no honest guest sends. */
static void test_nonsense(void **state)
{
	struct world world;
	struct world_vm *vm = measured(&world, GIB(1), 0);

	(void)state;
	vm->silent = true;
	vm->sample.stats_age_ms = opt_some(0);
	vm->sample.usable_kib = opt_some(UINT64_MAX);
	vm->sample.swap_in_kib = opt_some(UINT64_MAX);
	vm->sample.major_faults = opt_some(UINT64_MAX);
	world.settings.buffer_min_kib = MIB(32);
	world_tick(&world, 5000);
	assert_eq(demand(&world), MIB(32));
	vm->sample.usable_kib = opt_some(0);
	vm->settings.buffer_permille = UINT32_MAX;
	world_tick(&world, 5000);
	assert_true(demand(&world) >= GIB(1));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_use_and_buffer),
		cmocka_unit_test(test_independent_of_balloon),
		cmocka_unit_test(test_cache_is_not_use),
		cmocka_unit_test(test_unused_where_usable_is_missing),
		cmocka_unit_test(test_up_at_once_down_slowly),
		cmocka_unit_test(test_decay_is_by_time),
		cmocka_unit_test(test_swap_in_raises_demand),
		cmocka_unit_test(test_faults_raise_demand),
		cmocka_unit_test(test_swap_in_with_plenty_usable),
		cmocka_unit_test(test_counter_backwards),
		cmocka_unit_test(test_same_statistics_again),
		cmocka_unit_test(test_pressure_lasts_until_new_statistics),
		cmocka_unit_test(test_size_at_the_time),
		cmocka_unit_test(test_size_while_shrinking),
		cmocka_unit_test(test_many_sizes),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
