// SPDX-License-Identifier: GPL-2.0
/* Guests that do not follow, are moved by others, or give up memory without effect. */
#include "cmocka_test.h"

#include "policy_world.h"

/* A VM that is over its part, and another that waits for what it holds. */
static void two(struct world *world)
{
	world_init(world);
	world->settings.budget_kib = opt_some(MIB(2000));
	world->settings.headroom_permille = 0;
	world->settings.turn_hold_ms = world->settings.turn_hold_urgent_ms = 0;
	world_add(world, GIB(2), MIB(1500), MIB(100));
	world_add(world, GIB(2), MIB(500), MIB(490))->settings.buffer_permille = 2500;
}

static enum reason reason(const struct world *world, size_t index)
{
	return world_decision(world, index)->reason;
}

/* Ticks of 5 s until the first VM counts as stuck; fails after a minute. */
static void until_stuck(struct world *world)
{
	for (int i = 0; i < 12; i++) {
		world_tick(world, 5000);
		if (reason(world, 0) == REASON_STUCK)
			return;
	}
	fail_msg("it never counts as stuck");
}

static void test_stuck_is_left_where_it_is(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world.vms[0].stuck = true;
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_RECLAIM);
	until_stuck(&world);
	assert_true(world_decision(&world, 0)->set);
	assert_eq(world_decision(&world, 0)->target_kib, MIB(1500));
	assert_true(world_decision(&world, 0)->wait_ms > 0);
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_STUCK);
	assert_false(world_decision(&world, 0)->set);
}

/* It pays for itself: the other's entitlement is what it would be, had the first one followed. */
static void test_stuck_is_charged_to_itself(void **state)
{
	struct world world;
	uint64_t entitlement_kib;

	(void)state;
	two(&world);
	world_tick(&world, 5000);
	entitlement_kib = world_decision(&world, 1)->entitlement_kib;
	assert_true(entitlement_kib > MIB(1500));
	two(&world);
	world.vms[0].stuck = true;
	until_stuck(&world);
	assert_between(world_decision(&world, 1)->entitlement_kib, entitlement_kib - MIB(8),
		       entitlement_kib + MIB(8));
	assert_true(world_decision(&world, 0)->entitlement_kib < MIB(300));
}

/* What they do not need they have to make do without: need comes before their comfort. */
static void test_stuck_leaves_no_comfort(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world.settings.headroom_permille = 500;
	world_add(&world, GIB(2), MIB(0), MIB(0))->settings.reservation_kib = opt_some(0);
	world.vms[1].settings.buffer_permille = 0;
	world_tick(&world, 5000);
	assert_true(world_decision(&world, 1)->entitlement_kib > MIB(800));
	two(&world);
	world.settings.headroom_permille = 500;
	world.vms[1].settings.buffer_permille = 0;
	world.vms[0].stuck = true;
	until_stuck(&world);
	assert_between(world_decision(&world, 1)->entitlement_kib, MIB(490), MIB(600));
}

/* Asked again after 30 s, 60 s, 120 s; once it moves, all is forgotten. */
static void test_stuck_is_asked_again(void **state)
{
	struct world world;
	unsigned int asked = 0;

	(void)state;
	two(&world);
	world.settings.retry_ms = 30 * 1000;
	world.vms[0].stuck = true;
	for (int i = 0; i < 60; i++) { /* 5 min */
		world_tick(&world, 5000);
		asked += world_decision(&world, 0)->set && reason(&world, 0) != REASON_STUCK;
	}
	assert_between(asked, 3, 8);
	assert_true(world.vms[0].state.movement.retry_ms >= 120 * 1000);
	world.vms[0].stuck = false;
	for (int i = 0; i < 100; i++)
		world_tick(&world, 5000);
	assert_true(world_actual(&world, 0) <= MIB(300));
	assert_eq(world.vms[0].state.movement.retry_ms, 0);
}

/* A guest that moves a little all the time is as good as stuck; a slow one that is not is left. */
static void test_rate_decides(void **state)
{
	struct world world;

	(void)state;
	for (uint64_t mib_s = 1; mib_s <= 8; mib_s += 7) {
		bool stuck = false;

		two(&world);
		world.settings.stuck_rate_kib = MIB(4);
		world.vms[0].stuck = true;
		for (int i = 0; i < 8; i++) {
			world_tick(&world, 5000);
			stuck |= reason(&world, 0) == REASON_STUCK;
			world.vms[0].sample.actual_kib =
				opt_some(world_actual(&world, 0) - MIB(5 * mib_s));
		}
		assert_int_equal(stuck, mib_s < 4);
	}
}

/* What it does not take is not held for it, and it may have it later. */
static void test_promise_not_taken(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world.settings.budget_kib = opt_some(GIB(3));
	world.vms[0].sample.actual_kib = opt_some(MIB(400));
	world.vms[0].use_kib = MIB(390);
	world.vms[0].settings.buffer_permille = 1000;
	world.vms[0].stuck = true;
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_RELIEF);
	assert_true(world_decision(&world, 0)->target_kib > MIB(700));
	until_stuck(&world);
	world_tick(&world, 1000);
	assert_eq(world.totals.charged_kib, MIB(400) + world_actual(&world, 1));
	assert_eq(world_decision(&world, 0)->entitlement_kib, MIB(400));
}

/* One that gave nothing may still be relieved. */
static void test_stuck_is_relieved(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world.vms[0].stuck = true;
	until_stuck(&world);
	world.settings.budget_kib = opt_some(GIB(4));
	world.vms[0].use_kib = MIB(1490);
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_RELIEF);
}

/* It is not grown beyond its need: that would be withdrawn at once, and so on, tick by tick. */
static void test_stuck_does_not_grow(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world.vms[0].stuck = true;
	until_stuck(&world);
	world.settings.budget_kib = opt_some(GIB(8));
	for (int i = 0; i < 4; i++) {
		world_tick(&world, 1000);
		assert_int_equal(world.totals.state, HOST_RELAXED);
		assert_int_equal(reason(&world, 0), REASON_STUCK);
		assert_true(world_decision(&world, 0)->target_kib <= MIB(1500));
	}
}

/* A large one that idles, one that can give, and one that needs more than is free. */
static void three(struct world *world)
{
	world_init(world);
	world->host.total_kib = opt_some(GIB(64));
	world->host.available_kib = opt_some(MIB(6554));
	world_add(world, GIB(24), GIB(24), GIB(1))->refused = true;
	world_add(world, GIB(24), MIB(18600), MIB(19400));
	world_add(world, GIB(24), GIB(15), GIB(3));
	for (size_t i = 0; i < world->n_vms; i++)
		world->vms[i].sample.rss_kib = world->vms[i].sample.actual_kib;
}

/* As world_tick(); what the VMs let go of is available on the host, and what they get is not. */
static void tick_on_host(struct world *world)
{
	uint64_t before_kib = world_sum_actual(world);

	world_tick(world, 5000);
	world->host.available_kib = opt_some(opt_or(world->host.available_kib, 0) + before_kib -
					     world_sum_actual(world));
	for (size_t i = 0; i < world->n_vms; i++)
		world->vms[i].sample.rss_kib = world->vms[i].sample.actual_kib;
}

/* What one holds that libvirt moves not, is not waited for: who holds less too much gives. */
static void test_refused_keeps_nobody_waiting(void **state)
{
	struct world world;
	uint64_t entitled_kib;

	(void)state;
	three(&world);
	tick_on_host(&world);
	assert_int_equal(reason(&world, 0), REASON_RECLAIM);
	entitled_kib = world_decision(&world, 1)->entitlement_kib;
	for (int i = 0; i < 6; i++) {
		tick_on_host(&world);
		assert_int_equal(reason(&world, 0), REASON_REFUSED);
		assert_false(world_decision(&world, 0)->set);
		assert_eq(world_decision(&world, 0)->target_kib, GIB(24));
		assert_eq(world_decision(&world, 0)->wait_ms, world.vms[0].sample.refused_ms);
	}
	assert_true(world_actual(&world, 2) < GIB(12));
	assert_true(world_actual(&world, 1) > MIB(22000));
	/* What it holds too much is charged to itself. */
	assert_between(world_decision(&world, 1)->entitlement_kib, entitled_kib - GIB(1),
		       entitled_kib + GIB(1));
	/* Also while all who hold too much are asked. */
	world.host.psi_full_permille = opt_some(999);
	world.host.available_kib = opt_some(MIB(500));
	tick_on_host(&world);
	assert_int_equal(world.totals.state, HOST_LOW);
	assert_int_equal(reason(&world, 0), REASON_REFUSED);
}

/* For one in need that cannot be given any nothing is set aside, and nothing is taken from others. */
static void test_refused_in_need_costs_nobody(void **state)
{
	struct world world;
	uint64_t held_kib;

	(void)state;
	world_init(&world);
	world.settings.budget_kib = opt_some(MIB(2100));
	world.settings.turn_hold_ms = world.settings.turn_hold_urgent_ms = 0;
	world_add(&world, GIB(2), MIB(500), MIB(490))->refused = true;
	world.vms[0].settings.buffer_permille = 1500;
	world_add(&world, GIB(2), MIB(1500), MIB(300));
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_RELIEF_PARTIAL);
	held_kib = world_actual(&world, 1);
	for (int i = 0; i < 20; i++) {
		world_tick(&world, 5000);
		assert_int_equal(reason(&world, 0), REASON_REFUSED);
		assert_eq(world.totals.shortage_kib, 0);
		assert_eq(world.totals.grant_kib, 0);
		assert_true(world_actual(&world, 1) >= held_kib);
		assert_true(world_decision(&world, 0)->entitlement_kib > MIB(1000));
	}
	world.vms[0].refused = false;
	for (int i = 0; i < 60; i++)
		world_tick(&world, 5000);
	assert_true(world_actual(&world, 0) > MIB(1000));
}

static void test_foreign_change_is_respected(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world.settings.foreign_hold_ms = 60 * 1000;
	for (int i = 0; i < 20; i++)
		world_tick(&world, 5000);
	world.vms[0].sample.actual_kib = opt_some(MIB(1000)); /* virsh setmem */
	for (int i = 0; i < 12; i++) {
		world_tick(&world, 5000);
		assert_int_equal(reason(&world, 0), REASON_FOREIGN);
		assert_false(world_decision(&world, 0)->set);
		assert_eq(world_decision(&world, 0)->target_kib, MIB(1000));
	}
	assert_true(world_decision(&world, 0)->wait_ms <= 5000);
	world_tick(&world, 5000);
	assert_int_not_equal(reason(&world, 0), REASON_FOREIGN);
}

/* Also where nothing was ever asked of the VM: it is nobody here who moved it. */
static void test_foreign_without_a_target(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world.settings.budget_kib = opt_some(GIB(8));
	world.vms[0].sample.actual_kib = opt_some(GIB(2));
	for (int i = 0; i < 5; i++)
		world_tick(&world, 5000);
	assert_false(world.vms[0].state.last_target_kib.known);
	world.vms[0].sample.actual_kib = opt_some(GIB(1));
	for (int i = 0; i < 5; i++) {
		world_tick(&world, 5000);
		assert_int_equal(world.totals.state, HOST_RELAXED);
		assert_int_equal(reason(&world, 0), REASON_FOREIGN);
		assert_eq(world_actual(&world, 0), GIB(1));
	}
	/* Once more within that time: it counts from there. */
	world.settings.foreign_hold_ms = 30 * 1000;
	world.vms[0].sample.actual_kib = opt_some(MIB(900));
	for (int i = 0; i < 6; i++) {
		world_tick(&world, 5000);
		assert_int_equal(reason(&world, 0), REASON_FOREIGN);
	}
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_GROW);
	/* Memory that is plugged in is another maximum, and no hand at its balloon. */
	world.vms[0].sample.max_kib = GIB(3);
	world.vms[0].sample.actual_kib = opt_some(GIB(3));
	world_tick(&world, 5000);
	assert_int_not_equal(reason(&world, 0), REASON_FOREIGN);
}

/* Also amid our own moves, tick by tick: what is asked is on the way, what is done by hand is not. */
static void test_foreign_amid_moves(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world.settings.step_permille = 50;
	world_tick(&world, 5000);
	for (int i = 0; i < 3; i++) {
		uint64_t actual = world_actual(&world, 0);

		world_tick(&world, 1000);
		assert_int_not_equal(reason(&world, 0), REASON_FOREIGN);
		assert_true(world_decision(&world, 0)->set);
		assert_true(world_actual(&world, 0) < actual);
	}
	world.vms[0].sample.actual_kib = opt_some(MIB(1800));
	world_tick(&world, 1000);
	assert_int_equal(reason(&world, 0), REASON_FOREIGN);
	assert_eq(world_actual(&world, 0), MIB(1800));
}

/* What was asked last is on its way to the guest, which still goes where it was sent before. */
static void test_own_turns_are_not_foreign(void **state)
{
	struct world world;
	uint64_t low;

	(void)state;
	two(&world);
	world.vms[0].stuck = true;
	world_tick(&world, 5000);
	low = world_decision(&world, 0)->target_kib;
	assert_true(low + MIB(100) < MIB(1500));
	world.vms[0].use_kib = MIB(1490);
	world.settings.budget_kib = opt_some(GIB(4));
	world_tick(&world, 1000);
	assert_true(world_decision(&world, 0)->set);
	assert_true(world_decision(&world, 0)->target_kib >= MIB(1500));
	world.vms[0].sample.actual_kib = opt_some(low + MIB(50));
	world_tick(&world, 1000);
	assert_int_not_equal(reason(&world, 0), REASON_FOREIGN);
	world.vms[0].sample.actual_kib = opt_some(low);
	world_tick(&world, 1000);
	assert_int_not_equal(reason(&world, 0), REASON_FOREIGN);
}

/* Nor does it gain by giving a little that nobody asked it for, and being left alone for it. */
static void test_foreign_and_smaller(void **state)
{
	struct world world;
	uint64_t entitled, others_entitled;

	(void)state;
	two(&world);
	world_tick(&world, 5000);
	entitled = world_decision(&world, 0)->entitlement_kib;
	others_entitled = world_decision(&world, 1)->entitlement_kib;
	assert_true(others_entitled > MIB(1500));
	world.vms[0].sample.actual_kib = opt_some(world_actual(&world, 0) - MIB(100));
	for (int i = 0; i < 5; i++) {
		world_tick(&world, 5000);
		assert_int_equal(reason(&world, 0), REASON_FOREIGN);
		assert_false(world_decision(&world, 0)->set);
		assert_between(world_decision(&world, 0)->entitlement_kib, entitled - MIB(8),
			       entitled + MIB(8));
		assert_between(world_decision(&world, 1)->entitlement_kib, others_entitled - MIB(8),
			       others_entitled + MIB(8));
	}
}

/*
 * A guest that deflates its balloon because it runs out of memory looks as one that somebody made
 * larger. Nothing is taken from it, not even while the host is low; what it needs it gets; and it
 * gains nothing by it.
 */
static void test_foreign_and_larger(void **state)
{
	struct world world;
	uint64_t entitled, others_entitled;

	(void)state;
	two(&world);
	for (int i = 0; i < 20; i++)
		world_tick(&world, 5000);
	entitled = world_decision(&world, 0)->entitlement_kib;
	others_entitled = world_decision(&world, 1)->entitlement_kib;
	world.vms[0].sample.actual_kib = opt_some(MIB(1000));
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_FOREIGN);
	assert_int_equal(world.totals.state, HOST_HARD);
	assert_eq(world_decision(&world, 0)->entitlement_kib, entitled);
	assert_eq(world_decision(&world, 1)->entitlement_kib, others_entitled);
	world.host.psi_full_permille = opt_some(999);
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_LOW);
	assert_int_equal(reason(&world, 0), REASON_FOREIGN);
	assert_eq(world_actual(&world, 0), MIB(1000));
	world.host.psi_full_permille = opt_none();
	world.settings.budget_kib = opt_some(GIB(8));
	world_tick(&world, 5000);
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_RELAXED);
	assert_int_equal(reason(&world, 0), REASON_FOREIGN);
	assert_eq(world_actual(&world, 0), MIB(1000));
	world.vms[0].use_kib = MIB(990);
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_RELIEF);
	assert_true(world_actual(&world, 0) > MIB(1000));
}

/* On its way to our target, beyond the one before, or begun anew with its guest: none is foreign. */
static void test_own_changes_are_not_foreign(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world.vms[0].stuck = true;
	world_tick(&world, 5000);
	world.vms[0].sample.actual_kib = opt_some(MIB(1200));
	world_tick(&world, 5000);
	assert_int_not_equal(reason(&world, 0), REASON_FOREIGN);
	world.vms[0].sample.actual_kib = opt_some(MIB(1100));
	world_tick(&world, 5000);
	assert_int_not_equal(reason(&world, 0), REASON_FOREIGN);
	two(&world);
	for (int i = 0; i < 20; i++)
		world_tick(&world, 5000);
	world.settings.boot_grace_ms = 60 * 1000;
	world.vms[0].sample.up_ms = 3000;
	world.vms[0].sample.actual_kib = opt_some(GIB(2));
	world_tick(&world, 5000);
	assert_int_not_equal(reason(&world, 0), REASON_FOREIGN);
}

/* Its size fell by 600 MiB, its resident memory did not: no more is taken, and it is said why. */
static void test_balloon_without_effect(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world.settings.step_permille = 300;
	world.vms[0].sample.rss_kib = opt_some(MIB(1550));
	world_tick(&world, 5000);
	assert_true(world_actual(&world, 0) < MIB(1000));
	world_tick(&world, 5000);
	assert_int_equal(reason(&world, 0), REASON_NO_EFFECT);
	assert_false(world_decision(&world, 0)->set);

	/* Where it was never touched there is nothing to fall, and where it fell all is well. */
	two(&world);
	world.settings.step_permille = 300;
	world.vms[0].sample.rss_kib = opt_some(MIB(600));
	world_tick(&world, 5000);
	world_tick(&world, 5000);
	assert_int_not_equal(reason(&world, 0), REASON_NO_EFFECT);
	two(&world);
	world.settings.step_permille = 300;
	world.vms[0].sample.rss_kib = opt_some(MIB(2100)); /* QEMU's own is large */
	world_tick(&world, 5000);
	world.vms[0].sample.rss_kib = opt_some(MIB(1500));
	world_tick(&world, 5000);
	assert_int_not_equal(reason(&world, 0), REASON_NO_EFFECT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stuck_is_left_where_it_is),
		cmocka_unit_test(test_stuck_is_charged_to_itself),
		cmocka_unit_test(test_stuck_leaves_no_comfort),
		cmocka_unit_test(test_stuck_is_asked_again),
		cmocka_unit_test(test_rate_decides),
		cmocka_unit_test(test_promise_not_taken),
		cmocka_unit_test(test_stuck_is_relieved),
		cmocka_unit_test(test_stuck_does_not_grow),
		cmocka_unit_test(test_refused_keeps_nobody_waiting),
		cmocka_unit_test(test_refused_in_need_costs_nobody),
		cmocka_unit_test(test_foreign_change_is_respected),
		cmocka_unit_test(test_own_changes_are_not_foreign),
		cmocka_unit_test(test_foreign_without_a_target),
		cmocka_unit_test(test_foreign_amid_moves),
		cmocka_unit_test(test_own_turns_are_not_foreign),
		cmocka_unit_test(test_foreign_and_smaller),
		cmocka_unit_test(test_foreign_and_larger),
		cmocka_unit_test(test_balloon_without_effect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
