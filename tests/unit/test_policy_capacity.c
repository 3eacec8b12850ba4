// SPDX-License-Identifier: GPL-2.0
/* Capacity: how much all VMs may have, how much of it is free, and the host's state. */
#include "cmocka_test.h"

#include "policy_world.h"

static struct opt_u64 capacity(const struct world *world)
{
	return world->totals.capacity_kib;
}

static void host(struct world *world, uint64_t total_kib, uint64_t available_kib)
{
	world->host.total_kib = opt_some(total_kib);
	world->host.available_kib = opt_some(available_kib);
}

/* Two VMs of 2 GiB, one shrunk, both fully touched. */
static void two(struct world *world)
{
	world_init(world);
	world_add(world, GIB(2), GIB(2), MIB(200))->sample.rss_kib = opt_some(GIB(3));
	world_add(world, GIB(2), GIB(1), MIB(900))->sample.rss_kib = opt_some(GIB(2));
}

static void test_unknown(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_UNKNOWN);
	assert_false(capacity(&world).known);
	assert_false(world.totals.free_kib.known);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(world_decision(&world, i)->reason, REASON_HOST_UNKNOWN);
		assert_false(world_decision(&world, i)->set);
	}
	/* A reserve in percent is worth nothing where the host's size is not known. */
	world.host.available_kib = opt_some(GIB(100));
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_UNKNOWN);
	world.settings.reserve_kib = opt_some(GIB(1));
	world_tick(&world, 5000);
	assert_int_not_equal(world.totals.state, HOST_UNKNOWN);
}

static void test_budget(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world.settings.budget_kib = opt_some(MIB(3500));
	world_tick(&world, 5000);
	assert_eq(opt_or(capacity(&world), 0), MIB(3500));
	assert_eq(opt_or(world.totals.free_kib, 0), MIB(3500 - 3072));
	assert_eq(world.totals.charged_kib, GIB(3));
	assert_int_equal(world.totals.state, HOST_SOFT);
}

static void test_from_host(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	host(&world, GIB(10), MIB(1524));
	world.settings.reserve_permille = opt_some(100);
	world_tick(&world, 5000);
	assert_eq(opt_or(capacity(&world), 0), GIB(3) + MIB(500));
	assert_eq(opt_or(world.totals.free_kib, 0), MIB(500));
	assert_int_equal(world.totals.state, HOST_SOFT);
}

/* What a VM holds but never touched is available on the host, and still not free. */
static void test_untouched(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	host(&world, GIB(10), MIB(1524));
	world.vms[0].silent = world.vms[1].silent = true; /* so that neither moves */
	world.vms[0].sample.rss_kib = opt_some(MIB(2048 - 300));
	world_tick(&world, 5000);
	assert_eq(opt_or(world.totals.free_kib, 0), MIB(200));
	/* One failed reading does not make it touched. */
	world.vms[0].sample.rss_kib = opt_none();
	world_tick(&world, 5000);
	assert_eq(opt_or(world.totals.free_kib, 0), MIB(200));
}

/* The smaller of both is what there is. */
static void test_budget_and_host(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	host(&world, GIB(10), MIB(1524));
	world.settings.budget_kib = opt_some(MIB(3200));
	world_tick(&world, 5000);
	assert_eq(opt_or(capacity(&world), 0), MIB(3200));
	two(&world);
	host(&world, GIB(10), MIB(1124));
	world.settings.budget_kib = opt_some(MIB(3200));
	world_tick(&world, 5000);
	assert_eq(opt_or(capacity(&world), 0), GIB(3) + MIB(100));
}

static void test_states(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	host(&world, GIB(10), GIB(5));
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_RELAXED);

	two(&world);
	host(&world, GIB(10), MIB(1000)); /* 24 MiB below the reserve of 10 % */
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_HARD);
	assert_eq(opt_or(world.totals.free_kib, 1), 0);

	two(&world);
	host(&world, GIB(10), GIB(2));
	world.host.psi_some_permille = opt_some(world.settings.psi_limit_permille);
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_SOFT);
	world.host.psi_some_permille = opt_some(world.settings.psi_limit_permille + 1);
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_HARD);

	two(&world);
	world.settings.budget_kib = opt_some(GIB(3) - 4);
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_HARD);
}

/* What was promised is not free, even while the guest has not taken it yet. */
static void test_promises_count(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world.settings.budget_kib = opt_some(GIB(4));
	world.settings.float_permille = 0;
	world.vms[1].stuck = true;
	world_tick(&world, 5000);
	assert_int_equal(world_decision(&world, 1)->reason, REASON_RELIEF);
	assert_eq(world_actual(&world, 1), GIB(1));
	world_tick(&world, 5000);
	assert_eq(world.totals.charged_kib, GIB(4));
	assert_eq(opt_or(world.totals.free_kib, 1), 0);
	/* Unless the caller says that it was refused. */
	world.vms[1].state.last_target_kib = opt_none();
	world_tick(&world, 5000);
	assert_eq(world.totals.charged_kib, GIB(3));
}

/* A VM that is being shrunk holds all it still has. */
static void test_reclaim_is_not_free_yet(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world.settings.budget_kib = opt_some(MIB(2500));
	world.vms[0].stuck = true;
	for (int i = 0; i < 20; i++)
		world_tick(&world, 5000);
	assert_true(world_decision(&world, 0)->target_kib < GIB(2));
	assert_true(world.totals.charged_kib >= GIB(3) - MIB(400));
	assert_eq(opt_or(world.totals.free_kib, 1), 0);
}

static void test_overflow(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	host(&world, UINT64_MAX, UINT64_MAX);
	world.settings.reserve_kib = opt_some(UINT64_MAX);
	for (size_t i = 0; i < 2; i++) {
		world.vms[i].sample.max_kib = UINT64_MAX;
		world.vms[i].sample.actual_kib = opt_some(UINT64_MAX);
		world.vms[i].sample.rss_kib = opt_some(UINT64_MAX);
	}
	world_tick(&world, 5000);
	assert_true(world.totals.charged_kib > GIB(1024));
	world.settings.budget_kib = opt_some(UINT64_MAX);
	world_tick(&world, 5000);
	assert_int_not_equal(world.totals.state, HOST_UNKNOWN);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_from_host),
		cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_budget_and_host),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_promises_count),
		cmocka_unit_test(test_reclaim_is_not_free_yet),
		cmocka_unit_test(test_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
