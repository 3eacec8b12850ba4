// SPDX-License-Identifier: GPL-2.0
/* Pace: free first, relief at once, taking slowly, and nothing for small change. */
#include "cmocka_test.h"

#include "policy_world.h"

/* A budget, no float, no buffer and no holds, so that sums can be told by head. */
static void plain(struct world *world, uint64_t budget_kib)
{
	world_init(world);
	world->settings.budget_kib = opt_some(budget_kib);
	world->settings.float_permille = 0;
	world->settings.buffer_min_kib = 0;
	world->settings.reclaim_permille = 10;
	world->settings.step_permille = 100;
	world->settings.headroom_permille = 1000;
	world->settings.turn_hold_ms = 0;
	world->settings.turn_hold_urgent_ms = 0;
}

static struct world_vm *add(struct world *world, uint64_t max_kib, uint64_t actual_kib,
			    uint64_t use_kib)
{
	struct world_vm *vm = world_add(world, max_kib, actual_kib, use_kib);

	vm->settings.buffer_permille = 0;
	vm->settings.reservation_kib = opt_some(0);
	return vm;
}

static enum reason reason(const struct world *world, size_t index)
{
	return world_decision(world, index)->reason;
}

static void test_relief_in_one_step(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(2));
	add(&world, GIB(2), MIB(300), MIB(290))->settings.buffer_permille = 1000;
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_RELIEF);
	assert_true(world_actual(&world, 0) >= MIB(580));
}

/* Two in need, and little free: what is there is given, not what is being taken elsewhere. */
static void test_grants_only_what_is_free(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(2100));
	add(&world, GIB(2), MIB(1800), MIB(100));
	add(&world, GIB(2), MIB(100), MIB(100))->settings.buffer_permille = 2000;
	add(&world, GIB(2), MIB(100), MIB(100))->settings.buffer_permille = 2000;
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_RECLAIM);
	assert_int_equal(reason(&world, 1), REASON_RELIEF_PARTIAL);
	assert_true(world.totals.reclaim_kib >= MIB(50));
	assert_between(world.totals.grant_kib, MIB(100) - 16, MIB(100));
	assert_eq(world_actual(&world, 1), world_actual(&world, 2));
	assert_true(world_sum_actual(&world) <= MIB(2100));
}

/* Both are short, of 600 and of 660 MiB; the one that has half of it gets what little is free. */
static void test_worst_off_first(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(3000));
	add(&world, GIB(1), MIB(300), MIB(300))->settings.buffer_permille = 1000;
	add(&world, GIB(1), MIB(600), MIB(600))->settings.buffer_permille = 100;
	add(&world, GIB(2), MIB(2000), MIB(100));
	world_tick(&world, 5000);
	assert_between(world_actual(&world, 0), MIB(400) - 8, MIB(400));
	assert_eq(world_actual(&world, 1), MIB(600));
	assert_int_equal(reason(&world, 0), REASON_RELIEF_PARTIAL);
	assert_int_equal(reason(&world, 1), REASON_NOTHING_FREE);
}

static void test_nothing_free(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(1000));
	world.settings.headroom_permille = 0;
	add(&world, GIB(1), MIB(900), MIB(100));
	add(&world, GIB(1), MIB(100), MIB(100))->settings.buffer_permille = 2000;
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 1), REASON_NOTHING_FREE);
	assert_eq(world_actual(&world, 1), MIB(100));
	assert_eq(world.totals.shortage_kib, MIB(200));
}

static void test_need_before_growth(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(2000));
	world.settings.headroom_permille = 500;
	add(&world, GIB(1), MIB(120), MIB(100)); /* is entitled to more */
	add(&world, GIB(1), MIB(400), MIB(100))->settings.buffer_permille = 4500;
	add(&world, GIB(2), MIB(1330), MIB(100));
	world_tick(&world, 5000);
	assert_true(world_decision(&world, 0)->entitlement_kib > MIB(400));
	assert_int_equal(reason(&world, 1), REASON_RELIEF_PARTIAL);
	assert_eq(world_actual(&world, 1), MIB(550));
	assert_int_equal(reason(&world, 0), REASON_NOTHING_FREE);
	assert_eq(world_actual(&world, 0), MIB(120));
}

static void test_float_is_for_relief(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(1000));
	world.settings.float_permille = 200;
	add(&world, GIB(1), MIB(200), MIB(100));
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_GROW);
	assert_between(world_actual(&world, 0), MIB(800) - 8, MIB(800));
	add(&world, MIB(400), MIB(50), MIB(50))->settings.buffer_permille = 2000;
	world_tick(&world, 5000);
	assert_true(world_actual(&world, 1) >= MIB(150));
	assert_true(world_sum_actual(&world) > MIB(800));
}

/* One that holds more than its part must not let the other's growth use up the float. */
static void test_growth_leaves_the_float(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(1000));
	world.settings.float_permille = 200;
	add(&world, GIB(1), MIB(700), MIB(100));
	add(&world, GIB(1), MIB(150), MIB(100));
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 1), REASON_NOTHING_FREE);
	assert_eq(world_actual(&world, 1), MIB(150));
}

static void test_no_growth_while_hard(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(1000));
	world.host.psi_some_permille = opt_some(1000);
	add(&world, GIB(1), MIB(200), MIB(100));
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_GROWTH_BLOCKED);
	assert_eq(world_actual(&world, 0), MIB(200));
	world.vms[0].use_kib = MIB(200);
	world.vms[0].settings.buffer_permille = 200;
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_RELIEF);
	assert_true(world_actual(&world, 0) >= MIB(240));
}

/* One that uses 100 MiB of its 4 GiB, and half of the budget to be free: much is to be taken. */
static void filling_world(struct world *world)
{
	plain(world, GIB(4));
	world->settings.float_permille = 500;
	add(world, GIB(4), GIB(4) - MIB(100), MIB(100));
}

/* At most a tenth of the maximum a step, however long ago the last one was. */
static void test_steps_are_bounded(void **state)
{
	struct world world;
	uint64_t before;

	(void)state;
	filling_world(&world);
	for (int i = 0; i < 4; i++) {
		before = world_actual(&world, 0);
		world_tick(&world, i == 2 ? 3600 * 1000 : 5000);
		assert_int_equal(reason(&world, 0), REASON_RECLAIM);
		assert_between(before - world_actual(&world, 0), MIB(409), MIB(410));
	}
}

/* Early ticks take no more, and not in ever smaller requests. */
static void test_early_ticks(void **state)
{
	struct world world;
	unsigned int requests = 0;

	(void)state;
	filling_world(&world);
	world.settings.step_permille = 10;
	for (int i = 0; i < 50; i++) {
		world_tick(&world, 200);
		requests += world_decision(&world, 0)->set;
	}
	assert_between(requests, 9, 10);
}

/* Of what nobody needs and nobody waits for, nothing is taken. */
static void test_spare_is_left(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(3900));
	world.settings.headroom_permille = 0;
	add(&world, GIB(4), MIB(3800), MIB(100));
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_SOFT);
	assert_int_equal(reason(&world, 0), REASON_SPARE);
	assert_false(world_decision(&world, 0)->set);
}

/* 200 MiB are wanted: they come from the one that holds most too much, and from no other. */
static void test_few_are_asked(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(4000));
	world.settings.headroom_permille = 0;
	add(&world, GIB(4), MIB(2000), MIB(100));
	add(&world, GIB(4), MIB(900), MIB(100));
	add(&world, GIB(4), MIB(900), MIB(100));
	add(&world, GIB(4), MIB(200), MIB(100))->settings.buffer_permille = 3000;
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_RECLAIM);
	assert_int_equal(reason(&world, 1), REASON_SPARE);
	assert_int_equal(reason(&world, 2), REASON_SPARE);
	/* More than it has to give: now the others are asked too, both alike. */
	world.vms[3].settings.buffer_permille = 29000;
	world.settings.step_permille = 1000;
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 1), REASON_RECLAIM);
	assert_eq(world_actual(&world, 1), world_actual(&world, 2));
}

/*
 * All that is wanted has been asked of one that takes its time: the others are left alone meanwhile,
 * until more is wanted than is coming.
 */
static void test_coming_is_not_asked_again(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(4000));
	world.settings.headroom_permille = 0;
	world.settings.step_permille = 1000;
	add(&world, GIB(4), MIB(2000), MIB(100))->stuck = true;
	add(&world, GIB(4), MIB(900), MIB(100));
	add(&world, GIB(4), MIB(1100), MIB(1100))->settings.buffer_permille = 1500;
	world_tick(&world, 1000);
	assert_int_equal(reason(&world, 0), REASON_RECLAIM);
	assert_true(world_decision(&world, 0)->target_kib < MIB(400));
	for (int i = 0; i < 3; i++) {
		world_tick(&world, 1000);
		assert_int_equal(reason(&world, 1), REASON_SPARE);
		assert_eq(world_actual(&world, 1), MIB(900));
	}
	world.vms[2].settings.buffer_permille = 2300;
	world_tick(&world, 1000);
	assert_int_equal(reason(&world, 1), REASON_RECLAIM);
}

/* Each step begins where the guest is: one that is slow is not asked for ever more. */
static void test_slow_guest(void **state)
{
	struct world world;

	(void)state;
	filling_world(&world);
	world.vms[0].stuck = true;
	for (int i = 0; i < 2; i++) {
		world_tick(&world, 5000);
		assert_true(world_decision(&world, 0)->target_kib >= GIB(4) - MIB(100 + 410));
	}
}

/* Down to its demand quickly, below it slowly, unless the host is hard. */
static void test_below_demand_slowly(void **state)
{
	struct world world;
	uint64_t before;

	(void)state;
	plain(&world, GIB(4));
	world.settings.step_permille = 1000;
	world.settings.budget_kib = opt_some(GIB(4));
	world.settings.float_permille = 1; /* is used up, so that the host is soft */
	add(&world, GIB(4), GIB(4), MIB(3500));
	add(&world, GIB(4), 0, 0)->settings.reservation_kib = opt_some(GIB(2));
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_SOFT);
	assert_eq(world_actual(&world, 0), MIB(3500));
	before = world_actual(&world, 0);
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_RECLAIM_NEED);
	assert_between(before - world_actual(&world, 0), MIB(204), MIB(205));
	world.host.psi_some_permille = opt_some(1000);
	world_tick(&world, 5000);
	assert_true(world_actual(&world, 0) <= GIB(2) + MIB(8));
}

/* When the host is low, all at once, also from a VM that boots; nobody grows. */
static void test_low(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(3));
	world.settings.boot_grace_ms = 60 * 1000;
	world.settings.headroom_permille = 0;
	world.host.psi_full_permille = opt_some(1000);
	add(&world, GIB(4), GIB(4), MIB(300))->sample.up_ms = 1000;
	add(&world, GIB(4), MIB(200), MIB(20))->settings.reservation_kib = opt_some(MIB(100));
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_LOW);
	assert_int_equal(reason(&world, 0), REASON_RECLAIM_LOW);
	assert_between(world_actual(&world, 0), MIB(300), MIB(310));
}

/* After a move no other way but need; a shorter while when somebody waits. */
static void test_turns(void **state)
{
	struct world world;
	uint64_t before;

	(void)state;
	plain(&world, MIB(1000));
	world.settings.headroom_permille = 0;
	world.settings.decay_permille = 1000;
	world.settings.turn_hold_ms = 100 * 1000;
	world.settings.turn_hold_urgent_ms = 30 * 1000;
	add(&world, GIB(1), MIB(200), MIB(190))->settings.buffer_permille = 1000;
	add(&world, GIB(1), MIB(500), MIB(100));
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_RELIEF);
	assert_eq(world_actual(&world, 0), MIB(380));
	world.vms[0].use_kib = MIB(100);
	world.vms[1].use_kib = MIB(490);
	world.vms[1].settings.buffer_permille = 800;
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_TURN_HOLD);
	assert_true(world_decision(&world, 0)->wait_ms > 0);
	world_tick(&world, 20 * 1000);
	assert_int_equal(reason(&world, 0), REASON_TURN_HOLD);
	world_tick(&world, 10 * 1000);
	assert_int_equal(reason(&world, 0), REASON_RECLAIM);
	/* And need does not wait at all. */
	world.vms[1].use_kib = MIB(100);
	world.vms[0].use_kib = MIB(200);
	before = world_actual(&world, 0);
	world_tick(&world, 5000);
	assert_true(world_actual(&world, 0) > before);
}

/* A guest being shrunk further than it should be any more: that is called off. */
static void test_reclaim_is_called_off(void **state)
{
	struct world world;

	(void)state;
	filling_world(&world);
	world.vms[0].stuck = true;
	world_tick(&world, 5000);
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_RECLAIM);
	assert_true(world_decision(&world, 0)->target_kib < MIB(3800));
	/* It needs more now, though less than it still has: nothing has to be free for that. */
	world.settings.float_permille = 0;
	world.settings.budget_kib = opt_some(MIB(3900));
	world.vms[0].use_kib = MIB(3850);
	world_tick(&world, 1000);
	assert_int_equal(reason(&world, 0), REASON_RECLAIM_CUT);
	assert_true(world_decision(&world, 0)->set);
	assert_eq(world_decision(&world, 0)->target_kib, MIB(3900));
}

/* A promise that was not taken up is withdrawn when others are entitled to it. */
static void test_promise_is_withdrawn(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(2));
	world.settings.decay_permille = 1000;
	add(&world, GIB(2), MIB(500), MIB(500))->settings.buffer_permille = 1000;
	world.vms[0].stuck = true;
	world_tick(&world, 5000);
	assert_true(world_decision(&world, 0)->target_kib >= MIB(1000));
	world.vms[0].use_kib = MIB(100);
	add(&world, GIB(2), MIB(400), MIB(1600));
	for (int i = 0; i < 10; i++)
		world_tick(&world, 5000);
	assert_true(world_decision(&world, 0)->target_kib <= MIB(550));
	assert_true(world_actual(&world, 1) >= MIB(1450));
}

static void test_dead_band(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(1000) - MIB(15));
	add(&world, GIB(1), MIB(1000), MIB(100));
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_DEAD_BAND);
	assert_false(world_decision(&world, 0)->set);
	world.settings.budget_kib = opt_some(MIB(1000) - MIB(25));
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_RECLAIM);

	/* Growing where all limits fit. */
	plain(&world, GIB(2));
	add(&world, GIB(1), MIB(985), MIB(100))->settings.limit_kib = opt_some(MIB(1000));
	world_tick(&world, 5000);
	assert_eq(world_actual(&world, 0), MIB(1000));
}

/* On an overcommitted host three quarters of the way to the entitlement may be missing. */
static void test_comfort_band(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(1000));
	add(&world, GIB(1), MIB(350), MIB(100));
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_DEAD_BAND);
	plain(&world, MIB(1000));
	add(&world, GIB(1), MIB(300), MIB(100));
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_GROW);
	assert_eq(world_actual(&world, 0), world_decision(&world, 0)->entitlement_kib);
}

/* Need is served in smaller steps than comfort; the last few KiB are not worth a step. */
static void test_dead_band_of_need(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(1));
	world.settings.headroom_permille = 0;
	world.host.psi_some_permille = opt_some(1000); /* no growth beyond need */
	add(&world, GIB(1), MIB(400), MIB(394))->settings.buffer_permille = 20;
	world_tick(&world, 5000);
	assert_eq(world_actual(&world, 0), MIB(400));
	plain(&world, MIB(410));
	world.settings.headroom_permille = 0;
	add(&world, MIB(500), MIB(400), MIB(400))->settings.buffer_permille = 20;
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_RELIEF);
	assert_eq(world_actual(&world, 0), MIB(408));
	plain(&world, MIB(403));
	world.settings.headroom_permille = 0;
	add(&world, MIB(500), MIB(400), MIB(400))->settings.buffer_permille = 20;
	world_tick(&world, 5000);
	assert_false(world_decision(&world, 0)->set);
}

/* When there is enough for all again, all of what was taken goes back, to the last page. */
static void test_everything_goes_back(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(2));
	add(&world, GIB(1), MIB(600), MIB(100));
	add(&world, GIB(1), GIB(1) - MIB(3), MIB(100));
	world_settle(&world, 10);
	assert_eq(world_actual(&world, 0), GIB(1));
	assert_eq(world_actual(&world, 1), GIB(1));
	assert_int_equal(reason(&world, 0), REASON_STEADY);
}

static void test_limit_is_kept(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(4));
	add(&world, GIB(1), MIB(800), MIB(900))->settings.limit_kib = opt_some(MIB(512));
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_ABOVE_LIMIT);
	world_settle(&world, 100);
	assert_eq(world_actual(&world, 0), MIB(512));
	/* Even a little above. */
	world.vms[0].settings.limit_kib = opt_some(MIB(511));
	world_tick(&world, 5000);
	assert_eq(world_actual(&world, 0), MIB(511));
}

/* A share of next to nothing is nothing; it must come down all the same. */
static void test_tiny_vm_comes_down(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(4));
	add(&world, 64, 64, 8)->settings.limit_kib = opt_some(32);
	world.settings.step_permille = 1;
	world_settle(&world, 100);
	assert_eq(world_actual(&world, 0), 32);
}

static void test_reservation_is_restored(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(4));
	add(&world, GIB(1), MIB(100), MIB(10))->settings.reservation_kib = opt_some(MIB(101));
	world.settings.float_permille = 500;
	world.settings.budget_kib = opt_some(MIB(150));
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_BELOW_RESERVATION);
	assert_eq(world_actual(&world, 0), MIB(101));
}

/* Before anybody else's need, also of one that lacks a larger part of what is due to it. */
static void test_reservation_first(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(3000));
	add(&world, GIB(1), MIB(400), MIB(400))->settings.buffer_permille = 1000;
	add(&world, GIB(1), MIB(200), MIB(10))->settings.reservation_kib = opt_some(MIB(300));
	add(&world, GIB(3), MIB(2300), MIB(100));
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 1), REASON_BELOW_RESERVATION);
	assert_eq(world_actual(&world, 1), MIB(300));
	assert_int_equal(reason(&world, 0), REASON_NOTHING_FREE);
	assert_eq(world_actual(&world, 0), MIB(400));
}

/* The whole story: one grows far above its start, the others give way, nobody overshoots. */
static void test_memory_moves(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world.settings.budget_kib = opt_some(MIB(2000));
	world_add(&world, GIB(1), GIB(1), MIB(150));
	world_add(&world, GIB(1), MIB(400), MIB(250));
	world_add(&world, GIB(1), MIB(576), MIB(200));
	world_settle(&world, 500);
	world.vms[1].use_kib = MIB(750);
	for (int i = 0; i < 12; i++) {
		world_tick(&world, 5000);
		assert_true(world_sum_actual(&world) <= MIB(2000));
	}
	assert_true(world_actual(&world, 1) >= MIB(890));
	world_settle(&world, 500);
	assert_true(world_actual(&world, 1) >= MIB(890));
	assert_true(world_actual(&world, 0) <= MIB(560));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_relief_in_one_step),
		cmocka_unit_test(test_grants_only_what_is_free),
		cmocka_unit_test(test_worst_off_first),
		cmocka_unit_test(test_nothing_free),
		cmocka_unit_test(test_need_before_growth),
		cmocka_unit_test(test_float_is_for_relief),
		cmocka_unit_test(test_growth_leaves_the_float),
		cmocka_unit_test(test_no_growth_while_hard),
		cmocka_unit_test(test_steps_are_bounded),
		cmocka_unit_test(test_early_ticks),
		cmocka_unit_test(test_spare_is_left),
		cmocka_unit_test(test_few_are_asked),
		cmocka_unit_test(test_coming_is_not_asked_again),
		cmocka_unit_test(test_slow_guest),
		cmocka_unit_test(test_below_demand_slowly),
		cmocka_unit_test(test_low),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_reclaim_is_called_off),
		cmocka_unit_test(test_promise_is_withdrawn),
		cmocka_unit_test(test_dead_band),
		cmocka_unit_test(test_comfort_band),
		cmocka_unit_test(test_dead_band_of_need),
		cmocka_unit_test(test_everything_goes_back),
		cmocka_unit_test(test_limit_is_kept),
		cmocka_unit_test(test_tiny_vm_comes_down),
		cmocka_unit_test(test_reservation_is_restored),
		cmocka_unit_test(test_reservation_first),
		cmocka_unit_test(test_memory_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
