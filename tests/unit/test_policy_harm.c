// SPDX-License-Identifier: GPL-2.0
/*
 * Harm that the host does to its VMs and their guests cannot report: it makes the host count as
 * pressed, while it has little to spare, and shows in the decision.
 */
#include "cmocka_test.h"

#include "policy/internal.h"
#include "policy_world.h"

/* Two VMs that hold a little more than they need on a host with `spare_kib` above its reserve. */
static void settle(struct world *world, uint64_t spare_kib)
{
	world_init(world);
	world->settings.reserve_kib = opt_some(GIB(1));
	world->host.total_kib = opt_some(GIB(16));
	world->host.available_kib = opt_some(GIB(1) + spare_kib);
	for (int i = 0; i < 2; i++) {
		struct world_vm *vm = world_add(world, GIB(8), GIB(4), GIB(2));

		vm->sample.rss_kib = opt_some(GIB(4));
	}
	for (int i = 0; i < 10; i++) {
		world_tick(world, 5000);
		/* Devices obey at once; keep them where they are, so that only the state changes. */
		for (int k = 0; k < 2; k++) {
			world->vms[k].sample.actual_kib = opt_some(GIB(4));
			world->vms[k].state.last_target_kib = opt_none();
		}
	}
}

static void test_larger_counts(void **state)
{
	struct vm_host host = {
		.swap_wait_permille = opt_some(20),
		.thrash_wait_permille = opt_some(70),
		.stall_some_permille = opt_some(900),
		.swapped_kib = opt_some(1),
	};

	(void)state;
	assert_eq(opt_or(harm_of(&host), 0), 70);
	host.thrash_wait_permille = opt_none();
	assert_eq(opt_or(harm_of(&host), 0), 20);
}

static void test_stalls_count_only_for_the_swapped(void **state)
{
	struct vm_host host = { .stall_some_permille = opt_some(300) };

	(void)state;
	assert_false(harm_of(&host).known);
	host.swapped_kib = opt_some(0);
	assert_false(harm_of(&host).known);
	host.cgroup_swap_kib = opt_some(4);
	assert_eq(opt_or(harm_of(&host), 0), 300);
}

static void test_harm_is_pressure(void **state)
{
	struct world world;

	(void)state;
	settle(&world, MIB(300));
	assert_int_equal(world.totals.state, HOST_SOFT);
	assert_eq(world.totals.harmed_vms, 0);
	assert_false(world_decision(&world, 1)->harm_permille.known);

	world.vms[1].sample.host.thrash_wait_permille = opt_some(101);
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_HARD);
	assert_eq(world.totals.harmed_vms, 1);
	assert_true(world_decision(&world, 1)->harmed);
	assert_false(world_decision(&world, 0)->harmed);
	assert_eq(opt_or(world_decision(&world, 1)->harm_permille, 0), 101);
}

static void test_a_little_is_none(void **state)
{
	struct world world;

	(void)state;
	settle(&world, MIB(300));
	world.vms[1].sample.host.thrash_wait_permille = opt_some(100);
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_SOFT);
	assert_false(world_decision(&world, 1)->harmed);
}

/* What was swapped out earlier comes back; there is enough for it. */
static void test_with_plenty_left_it_mends_itself(void **state)
{
	struct world world;

	(void)state;
	settle(&world, GIB(2));
	world.vms[1].sample.host.swap_wait_permille = opt_some(900);
	world_tick(&world, 5000);
	assert_true(world.totals.state < HOST_HARD);
	assert_eq(world.totals.harmed_vms, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_larger_counts),
		cmocka_unit_test(test_stalls_count_only_for_the_swapped),
		cmocka_unit_test(test_harm_is_pressure),
		cmocka_unit_test(test_a_little_is_none),
		cmocka_unit_test(test_with_plenty_left_it_mends_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
