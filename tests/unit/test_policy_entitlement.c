// SPDX-License-Identifier: GPL-2.0
/* Entitlement: how the capacity is shared by reservation, demand, limit and shares. */
#include "cmocka_test.h"

#include "policy_world.h"

/* A world with a budget and neither buffers nor float, so that sums can be told by head. */
static void plain(struct world *world, uint64_t budget_kib)
{
	world_init(world);
	world->settings.budget_kib = opt_some(budget_kib);
	world->settings.float_permille = 0;
	world->settings.buffer_min_kib = 0;
	world->settings.headroom_permille = 1000;
	world->settings.idle_tax_permille = 990;
}

static struct world_vm *add(struct world *world, uint64_t max_kib, uint64_t use_kib,
			    uint64_t reservation_kib, uint32_t shares)
{
	struct world_vm *vm = world_add(world, max_kib, max_kib, use_kib);

	vm->settings.buffer_permille = 0;
	vm->settings.reservation_kib = opt_some(reservation_kib);
	vm->settings.shares = shares;
	return vm;
}

static uint64_t entitlement(const struct world *world, size_t index)
{
	return world_decision(world, index)->entitlement_kib;
}

#define assert_near(value, expected) assert_between(value, (expected)-PAGE_SLACK, expected)
#define PAGE_SLACK		     8 /* rounding, in KiB */

static void test_enough_for_all(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(4));
	add(&world, GIB(2), MIB(100), 0, 1000);
	add(&world, GIB(2), MIB(100), 0, 1)->settings.limit_kib = opt_some(GIB(1));
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_RELAXED);
	assert_eq(entitlement(&world, 0), GIB(2));
	assert_eq(entitlement(&world, 1), GIB(1));
}

/*
 * What is not needed is taxed at 99 %: with the price x at which all is shared out, each has its
 * demand A and (x - A) / 100, and together that is all there is. Here x is 33100 MiB.
 */
static void test_demand_before_surplus(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(2));
	add(&world, GIB(2), MIB(1200), 0, 1000);
	add(&world, GIB(2), MIB(200), 0, 1000);
	world_tick(&world, 5000);
	assert_near(entitlement(&world, 0), MIB(1200 + 319));
	assert_near(entitlement(&world, 1), MIB(200 + 329));
}

static void test_shares_divide_scarcity(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(1200));
	add(&world, GIB(2), MIB(1500), 0, 2000);
	add(&world, GIB(2), MIB(1500), 0, 1000);
	add(&world, GIB(2), MIB(1500), 0, 1000);
	world_tick(&world, 5000);
	assert_near(entitlement(&world, 0), MIB(600));
	assert_near(entitlement(&world, 1), MIB(300));
	assert_near(entitlement(&world, 2), MIB(300));
}

/* Who wants less than its part leaves the rest to the others. */
static void test_modest_vm_leaves_the_rest(void **state)
{
	struct world world;

	(void)state;
	plain(&world, MIB(1200));
	add(&world, GIB(2), MIB(110), 0, 1000);
	add(&world, GIB(2), MIB(1500), 0, 1000);
	add(&world, GIB(2), MIB(1500), 0, 1000);
	world_tick(&world, 5000);
	assert_between(entitlement(&world, 0), MIB(110), MIB(115));
	assert_between(entitlement(&world, 1), MIB(542), MIB(545));
	assert_eq(entitlement(&world, 1), entitlement(&world, 2));
}

/* A reservation counts towards its owner's part: it is a floor, not an extra. */
static void test_reservation_is_a_floor(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(1));
	add(&world, GIB(2), GIB(1), MIB(800), 1000);
	add(&world, GIB(2), GIB(1), 0, 1000);
	world_tick(&world, 5000);
	assert_near(entitlement(&world, 0), MIB(800));
	assert_near(entitlement(&world, 1), MIB(224));
}

static void test_idle_reservation_holds(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(1));
	add(&world, GIB(2), MIB(10), MIB(700), 1000);
	add(&world, GIB(2), GIB(2), 0, 1000000);
	world_tick(&world, 5000);
	assert_eq(entitlement(&world, 0), MIB(700));
	assert_between(entitlement(&world, 1), MIB(324) - 256,
		       MIB(324)); /* a level is coarse for a million */
}

/*
 * More is reserved than there is: reservations hold, nobody gets anything above, and those without any
 * keep what a kernel needs: none at all, which is no size that a VM can have, would be their end.
 */
static void test_reservations_above_capacity(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(1));
	add(&world, GIB(2), GIB(2), MIB(700), 1000);
	add(&world, GIB(2), GIB(2), MIB(700), 1000);
	add(&world, GIB(2), GIB(2), 0, 1000);
	world_tick(&world, 5000);
	assert_eq(entitlement(&world, 0), MIB(700));
	assert_eq(entitlement(&world, 1), MIB(700));
	assert_near(entitlement(&world, 2), MIB(64) + GIB(2) * 20 / 1000 + 4);
	assert_int_equal(world.totals.state, HOST_HARD);
	/* All that can be taken is, and then it rests; also when all is to be taken at once. */
	for (int low = 0; low < 2; low++) {
		world.host.psi_full_permille = opt_some(low ? 1000 : 0);
		for (int i = 0; i < 200; i++)
			world_tick(&world, 5000);
		assert_eq(world_actual(&world, 0), MIB(700));
		assert_eq(world_actual(&world, 1), MIB(700));
		assert_eq(world_actual(&world, 2), entitlement(&world, 2));
	}
	assert_int_equal(world.totals.state, HOST_LOW);
	/* A limit below that holds. */
	world.vms[2].settings.limit_kib = opt_some(MIB(50));
	world_tick(&world, 5000);
	assert_eq(entitlement(&world, 2), MIB(50));
}

/* Those below their reservations are raised to the same part of them, as far as memory is free. */
static void test_reservations_in_proportion(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(3));
	add(&world, GIB(4), GIB(1), GIB(2), 1000)->sample.actual_kib = opt_some(MIB(256));
	add(&world, GIB(8), GIB(1), GIB(4), 100000)->sample.actual_kib = opt_some(MIB(256));
	world_tick(&world, 5000);
	assert_near(world_actual(&world, 0), GIB(1));
	assert_near(world_actual(&world, 1), GIB(2));
	assert_int_equal(world_decision(&world, 1)->reason, REASON_BELOW_RESERVATION);
	assert_eq(world.totals.reservations_kib, GIB(6));
	world_tick(&world, 5000);
	assert_int_equal(world_decision(&world, 1)->reason, REASON_NOTHING_FREE);
}

static void test_permille_settings(void **state)
{
	struct world world;
	struct world_vm *vm;

	(void)state;
	plain(&world, GIB(8));
	vm = add(&world, GIB(2), MIB(10), 0, 1000);
	vm->settings.reservation_kib = opt_none();
	vm->settings.reservation_permille = 250;
	vm->settings.limit_permille = 500;
	world_tick(&world, 5000);
	assert_eq(world_decision(&world, 0)->reservation_kib, MIB(512));
	assert_eq(world_decision(&world, 0)->limit_kib, GIB(1));
	assert_eq(entitlement(&world, 0), GIB(1));
}

/* What cannot be moved is set aside before anything is shared. */
static void test_held_memory_is_set_aside(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(2));
	add(&world, GIB(1), MIB(10), 0, 1000)->sample.has_balloon = false;
	add(&world, GIB(2), GIB(2), 0, 1000);
	world_tick(&world, 5000);
	assert_eq(entitlement(&world, 0), GIB(1));
	assert_near(entitlement(&world, 1), GIB(1));
}

static void test_float_is_set_aside(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(2));
	world.settings.float_permille = 250;
	add(&world, GIB(2), GIB(2), 0, 1000);
	world_tick(&world, 5000);
	assert_near(entitlement(&world, 0), MIB(1536));
}

/* Who claims everything gets its part of it, and no more. */
static void test_liar_gets_its_share(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(3));
	add(&world, GIB(2), GIB(2), 0, 1000);
	add(&world, GIB(2), MIB(1500), 0, 1000);
	world_settle(&world, 200);
	assert_true(world_actual(&world, 0) <= MIB(1536) + MIB(40));
	assert_true(world_actual(&world, 1) >= MIB(1460));
}

static void test_order_does_not_matter(void **state)
{
	struct world a, b;

	(void)state;
	plain(&a, GIB(5));
	plain(&b, GIB(5));
	for (unsigned int i = 0; i < 8; i++) {
		add(&a, GIB(1), MIB(100 + 120 * i), MIB(64 * (i % 3)), 500 + 100 * i);
		add(&b, GIB(1), MIB(100 + 120 * i), MIB(64 * (i % 3)), 500 + 100 * i);
	}
	for (size_t i = 0; i < 4; i++) {
		struct policy_vm swap = b.order[i];

		b.order[i] = b.order[7 - i];
		b.order[7 - i] = swap;
	}
	for (int tick = 0; tick < 50; tick++) {
		world_tick(&a, 5000);
		world_tick(&b, 5000);
		for (size_t i = 0; i < 8; i++) {
			assert_eq(entitlement(&a, i), entitlement(&b, i));
			assert_eq(world_actual(&a, i), world_actual(&b, i));
			assert_int_equal(world_decision(&a, i)->reason,
					 world_decision(&b, i)->reason);
		}
	}
}

/* Shares as far apart as they can be, and sizes too. */
static void test_extremes(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(1));
	add(&world, UINT64_MAX, UINT64_MAX, 0, UINT32_MAX);
	add(&world, UINT64_MAX, UINT64_MAX, 0, 0);
	add(&world, 4, 4, 0, 1);
	add(&world, 0, 0, 0, 1);
	world_tick(&world, 5000);
	/* Two are as large as can be, and keep what a kernel of that size needs, but no more. */
	assert_true(entitlement(&world, 0) < GIB(1024) * 1024 * 64 / 1000 * 21);
	assert_true(entitlement(&world, 1) < GIB(1024) * 1024 * 64 / 1000 * 21);
	assert_true(entitlement(&world, 2) <= 4);
}

/* An observed VM is shown the part it would have, also when no other takes part. */
static void test_observed_entitlement(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(1));
	add(&world, GIB(1), MIB(600), 0, 1000)->settings.mode = VM_MODE_OBSERVE;
	add(&world, GIB(1), MIB(200), 0, 1000)->settings.mode = VM_MODE_OBSERVE;
	world_tick(&world, 5000);
	assert_near(entitlement(&world, 0), MIB(600 + 110));
	assert_near(entitlement(&world, 1), MIB(200 + 114));
}

/* Without the tax shares alone count, and with it use does: Waldspurger's formula at both ends. */
static void test_idle_tax(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(2));
	world.settings.idle_tax_permille = 0;
	add(&world, GIB(2), MIB(1200), 0, 1000);
	add(&world, GIB(2), MIB(200), 0, 1000);
	world_tick(&world, 5000);
	assert_near(entitlement(&world, 0), GIB(1));
	assert_near(entitlement(&world, 1), GIB(1));
	/* At 75 % an idle page costs four used ones: x = 1440 MiB, and 200 + 1240 / 4 = 510. */
	plain(&world, MIB(1770));
	world.settings.idle_tax_permille = 750;
	add(&world, GIB(2), MIB(1200), 0, 1000);
	add(&world, GIB(2), MIB(200), 0, 1000);
	world_tick(&world, 5000);
	assert_near(entitlement(&world, 1), MIB(510));
	assert_near(entitlement(&world, 0), MIB(1260));
}

/* Shares weigh what a VM was provisioned with: equal ones mean equal parts of that. */
static void test_shares_weigh_the_maximum(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(3));
	add(&world, GIB(4), GIB(4), 0, 1000);
	add(&world, GIB(2), GIB(2), 0, 1000);
	world_tick(&world, 5000);
	assert_near(entitlement(&world, 0), GIB(2));
	assert_near(entitlement(&world, 1), GIB(1));
}

/*
 * What nobody needs is not weighed with the maximum: a small VM gets as much of it as a large one,
 * and twice as much with twice the shares.
 */
static void test_idle_parts_are_equal(void **state)
{
	struct world world;
	uint64_t small, large, favoured;

	(void)state;
	plain(&world, GIB(7));
	add(&world, GIB(2), MIB(500), 0, 1000);
	add(&world, GIB(8), MIB(2000), 0, 1000);
	add(&world, GIB(8), MIB(1000), 0, 2000);
	world_tick(&world, 5000);
	small = entitlement(&world, 0) - MIB(500);
	large = entitlement(&world, 1) - MIB(2000);
	favoured = entitlement(&world, 2) - MIB(1000);
	assert_between(small + large + favoured, GIB(7) - MIB(3500) - 64, GIB(7) - MIB(3500));
	/* Of the tax a hundredth is left of how much of its price each VM does not use. */
	assert_between(large, small - small / 50, small + small / 50);
	assert_between(favoured, 2 * small - small / 25, 2 * small + small / 25);
}

/* Where not all limits fit nobody is filled beyond its comfort; where they do, everybody is. */
static void test_comfort(void **state)
{
	struct world world;

	(void)state;
	plain(&world, GIB(3));
	world.settings.headroom_permille = 250;
	add(&world, GIB(2), MIB(100), 0, 1000);
	add(&world, GIB(2), MIB(300), 0, 1000);
	world_tick(&world, 5000);
	assert_int_not_equal(world.totals.state, HOST_RELAXED);
	assert_eq(entitlement(&world, 0), MIB(100 + 512));
	assert_eq(entitlement(&world, 1), MIB(300 + 512));
	world.settings.budget_kib = opt_some(GIB(8));
	world_tick(&world, 5000);
	assert_eq(entitlement(&world, 0), GIB(2));
	assert_eq(entitlement(&world, 1), GIB(2));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_enough_for_all),
		cmocka_unit_test(test_demand_before_surplus),
		cmocka_unit_test(test_shares_divide_scarcity),
		cmocka_unit_test(test_idle_tax),
		cmocka_unit_test(test_shares_weigh_the_maximum),
		cmocka_unit_test(test_comfort),
		cmocka_unit_test(test_idle_parts_are_equal),
		cmocka_unit_test(test_modest_vm_leaves_the_rest),
		cmocka_unit_test(test_reservation_is_a_floor),
		cmocka_unit_test(test_idle_reservation_holds),
		cmocka_unit_test(test_reservations_above_capacity),
		cmocka_unit_test(test_reservations_in_proportion),
		cmocka_unit_test(test_permille_settings),
		cmocka_unit_test(test_held_memory_is_set_aside),
		cmocka_unit_test(test_float_is_set_aside),
		cmocka_unit_test(test_liar_gets_its_share),
		cmocka_unit_test(test_order_does_not_matter),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_observed_entitlement),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
