// SPDX-License-Identifier: GPL-2.0
/*
 * Guards: each VM that must be left alone is put where the policy would otherwise move it, once
 * down (it holds far too much) and once up (it is short, and memory is free).
 */
#include "cmocka_test.h"

#include "policy_world.h"

/* A VM that would be reclaimed: alone, idle, over the budget. */
static struct world_vm *fat(struct world *world)
{
	world_init(world);
	world->settings.budget_kib = opt_some(MIB(800));
	return world_add(world, GIB(1), GIB(1), MIB(100));
}

/* A VM that would be relieved: short, and memory is free. */
static struct world_vm *thin(struct world *world)
{
	world_init(world);
	world->settings.budget_kib = opt_some(GIB(4));
	return world_add(world, GIB(1), MIB(400), MIB(390));
}

/* Without a guard both do move, or the tests below prove nothing. */
static void test_movable(void **state)
{
	struct world world;

	(void)state;
	fat(&world);
	world_tick(&world, 5000);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_RECLAIM);
	assert_true(world_actual(&world, 0) < GIB(1));
	thin(&world);
	world_tick(&world, 5000);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_RELIEF);
	assert_true(world_actual(&world, 0) > MIB(400));
}

static void assert_left_alone(struct world *world, enum reason reason)
{
	uint64_t actual = world_actual(world, 0);

	for (int i = 0; i < 5; i++) {
		world_tick(world, 5000);
		assert_int_equal(world_decision(world, 0)->reason, reason);
		assert_false(world_decision(world, 0)->set);
		assert_eq(world_decision(world, 0)->target_kib, actual);
		assert_eq(world->totals.charged_kib, actual);
	}
}

/* Make `vm` one that must be left alone. */
typedef void (*spoil)(struct world_vm *vm);

static void mode_off(struct world_vm *vm)
{
	vm->settings.mode = VM_MODE_OFF;
}

static void no_balloon(struct world_vm *vm)
{
	vm->sample.has_balloon = false;
}

static void hung(struct world_vm *vm)
{
	vm->sample.hung = true;
}

static void paused(struct world_vm *vm)
{
	vm->sample.run_state = VM_PAUSED;
}

static void migrating(struct world_vm *vm)
{
	vm->sample.run_state = VM_MIGRATING;
}

static void never_reported(struct world_vm *vm)
{
	vm->silent = true;
}

/* Numbers, but no word on when they were made. */
static void never_dated(struct world_vm *vm)
{
	vm->silent = true;
	vm->sample.usable_kib = opt_some(vm->use_kib);
}

/* It reports, but neither what is usable nor what is free: as some guests do. */
static void reports_nothing_useful(struct world_vm *vm)
{
	vm->silent = true;
	vm->sample.stats_age_ms = opt_some(0);
	vm->sample.cache_kib = opt_some(1);
}

static void stale(struct world_vm *vm)
{
	vm->silent = true;
	vm->sample.stats_age_ms = opt_some(60 * 1000);
	vm->sample.usable_kib = opt_some(vm->use_kib);
}

static void test_left_alone(void **state)
{
	static const struct {
		spoil spoil;
		enum reason reason;
	} cases[] = {
		{ mode_off, REASON_MODE_OFF },
		{ no_balloon, REASON_NO_BALLOON },
		{ hung, REASON_HUNG },
		{ paused, REASON_PAUSED },
		{ migrating, REASON_MIGRATING },
		{ never_reported, REASON_NO_STATS },
		{ never_dated, REASON_NO_STATS },
		{ reports_nothing_useful, REASON_NO_STATS },
		{ stale, REASON_STALE_STATS },
	};
	struct world world;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cases[i].spoil(fat(&world));
		assert_left_alone(&world, cases[i].reason);
		cases[i].spoil(thin(&world));
		assert_left_alone(&world, cases[i].reason);
	}
}

/* The last moment at which statistics are used, and the first at which they are not. */
static void test_stale_boundary(void **state)
{
	struct world world;
	struct world_vm *vm = fat(&world);

	(void)state;
	vm->silent = true;
	vm->sample.usable_kib = opt_some(MIB(900));
	vm->sample.stats_age_ms = opt_some(world.settings.stale_ms);
	world_tick(&world, 5000);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_RECLAIM);
	assert_true(world_decision(&world, 0)->demand_kib.known);
	vm->sample.stats_age_ms = opt_some(world.settings.stale_ms + 1);
	world_tick(&world, 5000);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_STALE_STATS);
	assert_false(world_decision(&world, 0)->demand_kib.known);
}

/* A guest that was being shrunk when it fell silent is not shrunk further, but left where it is. */
static void test_stale_stops_shrinking(void **state)
{
	struct world world;
	struct world_vm *vm = fat(&world);
	uint64_t target, actual;

	(void)state;
	vm->stuck = true;
	world_tick(&world, 5000);
	target = world_decision(&world, 0)->target_kib;
	assert_true(target < GIB(1));
	vm->silent = true;
	vm->sample.stats_age_ms = opt_some(60 * 1000);
	actual = (GIB(1) + target) / 2;
	actual -= actual % 4;
	vm->sample.actual_kib = opt_some(actual);
	world_tick(&world, 60 * 1000);
	assert_true(world_decision(&world, 0)->set);
	assert_eq(world_decision(&world, 0)->target_kib, actual);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_STALE_STATS);
	assert_eq(world.totals.charged_kib, actual);
	/* Asked for once; and what it gave after that is not asked back. */
	vm->sample.actual_kib = opt_some(actual - MIB(1));
	world_tick(&world, 5000);
	assert_false(world_decision(&world, 0)->set);
}

static void test_booting(void **state)
{
	struct world world;
	struct world_vm *vm = fat(&world);

	(void)state;
	world.settings.budget_kib = opt_some(MIB(1000)); /* soft, with a float to fill */
	world.settings.float_permille = 500;
	world.settings.boot_grace_ms = 60 * 1000;
	vm->sample.up_ms = 59 * 1000;
	assert_left_alone(&world, REASON_BOOTING);
	vm->silent = true;
	vm->sample.stats_age_ms = opt_none();
	assert_left_alone(&world, REASON_BOOTING);
	vm->silent = false;
	vm->sample.up_ms = 60 * 1000;
	world_tick(&world, 5000);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_RECLAIM);

	vm = thin(&world);
	world.settings.boot_grace_ms = 60 * 1000;
	vm->sample.up_ms = 1000;
	world_tick(&world, 5000);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_RELIEF);
}

static void test_observe(void **state)
{
	struct world world;
	struct world_vm *vm = fat(&world);

	(void)state;
	vm->settings.mode = VM_MODE_OBSERVE;
	world_tick(&world, 5000);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_MODE_OBSERVE);
	assert_false(world_decision(&world, 0)->set);
	assert_true(world_decision(&world, 0)->target_kib < GIB(1));
	assert_eq(world_actual(&world, 0), GIB(1));
	assert_eq(world.totals.reclaim_kib, 0);

	vm = thin(&world);
	vm->settings.mode = VM_MODE_OBSERVE;
	world_tick(&world, 5000);
	assert_false(world_decision(&world, 0)->set);
	assert_true(world_decision(&world, 0)->target_kib > MIB(400));
	assert_eq(world.totals.grant_kib, 0);
}

/* Others must not be given what an observed VM would give up. */
static void test_observed_holds_for_others(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world.settings.budget_kib = opt_some(GIB(2));
	world_add(&world, GIB(2), MIB(1500), MIB(100))->settings.mode = VM_MODE_OBSERVE;
	world_add(&world, GIB(2), MIB(400), MIB(1000));
	world_settle(&world, 100);
	assert_eq(world_actual(&world, 0), MIB(1500));
	assert_true(world_sum_actual(&world) <= GIB(2));
	assert_true(world_actual(&world, 1) >= MIB(490));
	assert_true(world_decision(&world, 1)->entitlement_kib <= MIB(548));
}

/* Growing to a reservation needs no statistics, unless nothing may be asked of the VM at all. */
static void test_reservation_without_stats(void **state)
{
	struct world world;
	struct world_vm *vm = thin(&world);

	(void)state;
	vm->settings.reservation_kib = opt_some(MIB(512));
	vm->silent = true;
	world_tick(&world, 5000);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_BELOW_RESERVATION);
	assert_eq(world_actual(&world, 0), MIB(512));
	world_tick(&world, 5000);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_NO_STATS);

	vm = thin(&world);
	vm->settings.reservation_kib = opt_some(MIB(512));
	vm->sample.run_state = VM_PAUSED;
	assert_left_alone(&world, REASON_PAUSED);
}

static void test_contradicting_settings(void **state)
{
	struct world world;
	struct world_vm *vm = thin(&world);

	(void)state;
	vm->settings.reservation_kib = opt_some(GIB(8));
	vm->settings.limit_kib = opt_some(MIB(10));
	world_tick(&world, 5000);
	assert_eq(world_decision(&world, 0)->reservation_kib, GIB(1));
	assert_eq(world_decision(&world, 0)->limit_kib, GIB(1));
	vm->settings.reservation_kib = opt_some(MIB(100) + 1);
	vm->settings.limit_kib = opt_some(MIB(200) + 1);
	world_tick(&world, 5000);
	assert_eq(world_decision(&world, 0)->reservation_kib, MIB(100) + 4);
	assert_eq(world_decision(&world, 0)->limit_kib, MIB(200));
}

/* Each reason has a name and a sentence, and no two have the same. */
static void test_names_of_reasons(void **state)
{
	(void)state;
	for (enum reason a = REASON_NONE; a < REASON_COUNT_; a++) {
		assert_non_null(reason_to_string(a));
		assert_non_null(reason_to_sentence(a));
		for (enum reason b = REASON_NONE; b < a; b++) {
			assert_string_not_equal(reason_to_string(a), reason_to_string(b));
			assert_string_not_equal(reason_to_sentence(a), reason_to_sentence(b));
		}
	}
	assert_string_equal(reason_to_string((enum reason)1000), "invalid");
	assert_string_equal(reason_to_sentence((enum reason)1000), "invalid");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_movable),
		cmocka_unit_test(test_left_alone),
		cmocka_unit_test(test_stale_boundary),
		cmocka_unit_test(test_stale_stops_shrinking),
		cmocka_unit_test(test_booting),
		cmocka_unit_test(test_observe),
		cmocka_unit_test(test_observed_holds_for_others),
		cmocka_unit_test(test_reservation_without_stats),
		cmocka_unit_test(test_contradicting_settings),
		cmocka_unit_test(test_names_of_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
