// SPDX-License-Identifier: GPL-2.0
/* What a VM usually needs, what pressure has earned it, and how far it is probed. */
#include "cmocka_test.h"

#include "policy/internal.h"
#include "policy_world.h"

#define HOUR_MS	  ((uint64_t)3600 * 1000)
#define MINUTE_MS ((uint64_t)60 * 1000)

/* `minutes` of a need, noted once a minute. */
static void note(struct vm_history *history, uint64_t *now_ms, unsigned int minutes,
		 uint64_t need_kib)
{
	for (unsigned int i = 0; i < minutes; i++) {
		*now_ms += MINUTE_MS;
		history_note(history, *now_ms, MINUTE_MS, 24 * HOUR_MS, need_kib, GIB(64));
	}
}

static uint64_t usual(struct vm_history *history, uint64_t now_ms)
{
	return opt_or(history_usual(history, now_ms), 0);
}

static void test_percentile(void **state)
{
	struct vm_history history = { 0 };
	uint64_t now_ms = 1;

	(void)state;
	note(&history, &now_ms, 59, GIB(8));
	assert_false(history_usual(&history, now_ms).known);
	/* 4 % of the time does not count, 6 % does; the answer is the end of a bin of 1 GiB. */
	note(&history, &now_ms, 901, GIB(8));
	note(&history, &now_ms, 40, GIB(30));
	assert_eq(usual(&history, now_ms), GIB(9));
	note(&history, &now_ms, 22, GIB(30));
	assert_eq(usual(&history, now_ms), GIB(31));
}

static void test_window_slides(void **state)
{
	struct vm_history history = { 0 };
	uint64_t now_ms = 1;

	(void)state;
	note(&history, &now_ms, 300, GIB(40));
	note(&history, &now_ms, 600, GIB(2));
	assert_eq(usual(&history, now_ms), GIB(41));
	note(&history, &now_ms, 1000, GIB(2));
	assert_eq(usual(&history, now_ms), GIB(3));
}

/* Time counts, not reports; and a gap is not time seen. */
static void test_time_counts(void **state)
{
	struct vm_history history = { 0 };
	uint64_t now_ms = 1;

	(void)state;
	note(&history, &now_ms, 90, GIB(8));
	for (int i = 0; i < 10000; i++)
		history_note(&history, now_ms, 1, 24 * HOUR_MS, GIB(40), GIB(64));
	history_note(&history, now_ms, 100 * HOUR_MS, 24 * HOUR_MS, GIB(40), GIB(64));
	now_ms += MINUTE_MS;
	assert_eq(usual(&history, now_ms), GIB(9));
	/* Another maximum is another VM. */
	history_note(&history, now_ms, MINUTE_MS, 24 * HOUR_MS, GIB(1), GIB(2));
	now_ms += MINUTE_MS;
	assert_false(history_usual(&history, now_ms).known);
}

/* The entitlement of an idle VM follows what it usually needs. */
static void test_comfort_follows_the_usual(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world.settings.budget_kib = opt_some(GIB(3));
	world.settings.headroom_permille = 100;
	world_add(&world, GIB(4), GIB(2), MIB(1000));
	for (int i = 0; i < 1000; i++)
		world_tick(&world, 5000);
	assert_between(opt_or(world_decision(&world, 0)->usual_kib, 0), MIB(1200), MIB(1300));
	world.vms[0].use_kib = MIB(100);
	for (int i = 0; i < 100; i++)
		world_tick(&world, 5000);
	assert_true(opt_or(world_decision(&world, 0)->demand_kib, 0) < MIB(200));
	assert_between(world_decision(&world, 0)->entitlement_kib, MIB(1600), MIB(1700));
}

/* Swapping with little usable: what helped is kept, and forgotten only when much is usable. */
static void test_earned(void **state)
{
	struct world world;
	struct world_vm *vm;
	uint64_t pressed_kib;

	(void)state;
	world_init(&world);
	world.settings.earned_half_ms = 60 * 1000;
	world.settings.decay_permille = 1000;
	vm = world_add(&world, GIB(4), GIB(1), MIB(850));
	for (uint64_t i = 0; i < 2; i++) {
		vm->sample.swap_in_kib = opt_some(MIB(100) * i);
		world_tick(&world, 5000);
	}
	assert_true(world_decision(&world, 0)->need.pressed);
	pressed_kib = opt_or(world_decision(&world, 0)->demand_kib, 0);
	assert_eq(pressed_kib, MIB(1280));
	for (int i = 0; i < 100; i++)
		world_tick(&world, 5000);
	assert_eq(opt_or(world_decision(&world, 0)->demand_kib, 0), pressed_kib);
	vm->use_kib = MIB(500);
	for (int i = 0; i < 12; i++)
		world_tick(&world, 5000);
	assert_between(world_decision(&world, 0)->need.earned_kib, MIB(120), MIB(140));
}

/* Slowly down to the demand; faster back up than down where it is missed. */
static void test_proactive(void **state)
{
	struct world world;
	struct world_vm *vm;
	uint64_t before;

	(void)state;
	world_init(&world);
	world.settings.budget_kib = opt_some(GIB(8));
	world.settings.turn_hold_ms = 0;
	vm = world_add(&world, GIB(4), GIB(4), MIB(1000));
	for (int i = 0; i < 100; i++)
		world_tick(&world, 5000);
	assert_eq(world_actual(&world, 0), GIB(4)); /* not unless told to */
	world.settings.proactive = true;
	world.settings.probe_permille = 50; /* 205 MiB a minute */
	for (int i = 0; i < 64; i++)
		world_tick(&world, 5000);
	assert_between(world_actual(&world, 0), GIB(4) - MIB(1100), GIB(4) - MIB(800));
	/* What libvirt does not set says nothing about what it would miss. */
	vm->sample.refused_ms = 60 * 1000;
	before = world_actual(&world, 0);
	for (int i = 0; i < 13; i++)
		world_tick(&world, 5000);
	assert_true(world_actual(&world, 0) >= before - MIB(50));
	before = world_actual(&world, 0);
	for (uint64_t i = 1; i <= 4; i++) {
		vm->sample.major_faults = opt_some(i * 100000);
		world_tick(&world, 5000);
	}
	assert_true(world_actual(&world, 0) > before + MIB(400));
	for (int i = 0; i < 2000; i++)
		world_tick(&world, 5000);
	assert_between(world_actual(&world, 0), MIB(1200), MIB(1200 + 250));
	assert_true(world.vms[0].state.cap_kib >= MIB(1200));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentile),
		cmocka_unit_test(test_window_slides),
		cmocka_unit_test(test_time_counts),
		cmocka_unit_test(test_comfort_follows_the_usual),
		cmocka_unit_test(test_earned),
		cmocka_unit_test(test_proactive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
