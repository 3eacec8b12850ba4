// SPDX-License-Identifier: GPL-2.0
/* Capacity: how much all VMs may have, how much of it is free, and the host's state. */
#include "cmocka_test.h"

#include "policy/reserve.h"
#include "policy_world.h"

static struct opt_u64 capacity(const struct world *world)
{
	return world->totals.capacity_kib;
}

static void host(struct world *world, uint64_t total_kib, uint64_t available_kib)
{
	world->settings.reserve_permille = opt_some(100);
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
	/* A reserve that depends on the host's size is worth nothing where the host's size is not known. */
	world.host.available_kib = opt_some(GIB(100));
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_UNKNOWN);
	world.settings.reserve_kib = opt_some(GIB(1));
	world_tick(&world, 5000);
	assert_int_not_equal(world.totals.state, HOST_UNKNOWN);
}

/* A libvirt that is late does not tell what its host has: that is not the whole budget. */
static void test_unknown_for_a_moment(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	world.settings.budget_kib = opt_some(GIB(20));
	world.vms[1].use_kib = MIB(1020);
	host(&world, GIB(10), GIB(1)); /* all of it reserve */
	for (int i = 0; i < 3; i++) {
		world.host.available_kib = opt_some(GIB(1));
		world_tick(&world, 5000);
		assert_int_not_equal(world.totals.state, HOST_UNKNOWN);
		world.host.available_kib = opt_none();
		world_tick(&world, 5000);
		assert_int_equal(world.totals.state, HOST_UNKNOWN);
		assert_false(capacity(&world).known);
		assert_false(world_decision(&world, 1)->set);
	}
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

/*
 * Huge pages are neither resident memory nor available: a VM in them changes nothing for the others,
 * whatever it holds, and whatever there is a budget for.
 */
static void test_huge_pages(void **state)
{
	struct world with, without;
	struct world_vm *vm;

	(void)state;
	for (int budget = 0; budget < 2; budget++) {
		two(&with);
		two(&without);
		host(&with, GIB(10), GIB(1) + MIB(300));
		host(&without, GIB(10), GIB(1) + MIB(300));
		if (budget)
			with.settings.budget_kib = without.settings.budget_kib = opt_some(GIB(3));
		vm = world_add(&with, GIB(64), GIB(64), GIB(60));
		vm->sample.has_balloon = false;
		vm->sample.apart = true;
		vm->sample.rss_kib = opt_some(MIB(100)); /* QEMU's own */
		for (int i = 0; i < 20; i++) {
			world_tick(&with, 5000);
			world_tick(&without, 5000);
			assert_int_equal(with.totals.state, without.totals.state);
			assert_int_equal(with.totals.state, HOST_SOFT);
			assert_eq(opt_or(with.totals.free_kib, 0),
				  opt_or(without.totals.free_kib, 0));
			assert_eq(with.totals.charged_kib, without.totals.charged_kib);
			assert_eq(with.totals.limits_kib, without.totals.limits_kib);
			for (size_t v = 0; v < 2; v++)
				assert_eq(world_decision(&with, v)->target_kib,
					  world_decision(&without, v)->target_kib);
			assert_int_equal(world_decision(&with, 2)->reason, REASON_NO_BALLOON);
			assert_false(world_decision(&with, 2)->set);
		}
	}
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

static enum host_state state_after(struct world *world, uint64_t available_kib)
{
	host(world, GIB(10), available_kib);
	world_tick(world, 5000);
	return world->totals.state;
}

/* Two VMs that never move, fully touched, on a host of 10 GiB with a reserve of 1 GiB. */
static void two_fixed(struct world *world)
{
	two(world);
	world->settings.float_permille = 0;
	world->vms[0].silent = world->vms[1].silent = true;
}

static void test_states(void **state)
{
	struct world world;

	(void)state;
	two_fixed(&world);
	assert_int_equal(state_after(&world, GIB(5)), HOST_RELAXED);
	two(&world); /* their limits are 1 GiB more than they have */
	assert_int_equal(state_after(&world, MIB(2047)), HOST_SOFT);
	two_fixed(&world);
	assert_int_equal(state_after(&world, MIB(328)), HOST_SOFT);
	assert_int_equal(state_after(&world, MIB(327)), HOST_HARD);
	assert_int_equal(state_after(&world, MIB(163)), HOST_LOW);
	/* Left later than entered. */
	assert_int_equal(state_after(&world, MIB(320)), HOST_LOW);
	assert_int_equal(state_after(&world, MIB(330)), HOST_HARD);
	assert_int_equal(state_after(&world, MIB(650)), HOST_HARD);
	assert_int_equal(state_after(&world, MIB(660)), HOST_SOFT);
	assert_int_equal(state_after(&world, MIB(1200)), HOST_SOFT);
	assert_int_equal(state_after(&world, MIB(1280)), HOST_RELAXED);
}

/* What VMs could touch at any time is used up for hard, but the host is not low before they do. */
static void test_states_and_untouched_memory(void **state)
{
	struct world world;

	(void)state;
	two_fixed(&world);
	world.vms[0].sample.rss_kib = opt_some(GIB(1));
	assert_int_equal(state_after(&world, MIB(1150)), HOST_HARD);
	world.vms[0].sample.rss_kib = opt_some(GIB(2));
	assert_int_equal(state_after(&world, MIB(1300)), HOST_RELAXED);
}

static void test_stalls(void **state)
{
	struct world world;

	(void)state;
	two_fixed(&world);
	world.host.psi_some_permille = opt_some(world.settings.psi_limit_permille);
	world.host.psi_full_permille = opt_some(world.settings.psi_limit_permille);
	assert_int_equal(state_after(&world, GIB(2)), HOST_RELAXED);
	assert_int_equal(state_after(&world, MIB(1023)), HOST_SOFT);
	world.host.psi_some_permille = opt_some(world.settings.psi_limit_permille + 1);
	assert_int_equal(state_after(&world, MIB(1023)), HOST_HARD);
	world.host.psi_full_permille = opt_some(world.settings.psi_limit_permille + 1);
	assert_int_equal(state_after(&world, MIB(1023)), HOST_LOW);
	/* Of a host that never said what it has there is nothing else to go by. */
	world.state.host_told = false;
	world.settings.budget_kib = opt_some(GIB(8));
	world.host.available_kib = opt_none();
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_LOW);
}

/* Somebody else's tasks stall, by a limit of their own or by slow disks: VMs are not to pay for that. */
static void test_stalls_of_others(void **state)
{
	struct world world;

	(void)state;
	two_fixed(&world);
	world.settings.host_swap_limit_kib = MIB(1);
	world.host.psi_some_permille = opt_some(900);
	world.host.psi_full_permille = opt_some(800);
	assert_int_equal(state_after(&world, GIB(5)), HOST_RELAXED);
	assert_int_equal(state_after(&world, MIB(1280)), HOST_RELAXED);
	/* What VMs may touch counts as used for hard, as ever; for low it does not. */
	world.vms[0].sample.rss_kib = opt_some(GIB(1));
	assert_int_equal(state_after(&world, MIB(2047)), HOST_HARD);
	world.vms[0].sample.rss_kib = opt_some(GIB(2));
	world.host.swap_out_pages = opt_some(0); /* since boot: no rate yet */
	assert_int_equal(state_after(&world, GIB(5)), HOST_RELAXED);
	world.host.swap_out_pages = opt_some(GIB(1));
	assert_int_equal(state_after(&world, GIB(5)), HOST_LOW);
}

/* Swapping counts for half a minute after it was last seen. */
static void test_host_swapping(void **state)
{
	struct world world;

	(void)state;
	two_fixed(&world);
	world.settings.host_swap_limit_kib = MIB(1);
	world.host.swap_out_pages = opt_some(5000); /* since boot: no rate yet */
	assert_int_equal(state_after(&world, GIB(2)), HOST_RELAXED);
	world.host.swap_out_pages = opt_some(5000 + 5 * 256); /* 1 MiB/s */
	assert_int_equal(state_after(&world, GIB(2)), HOST_RELAXED);
	world.host.swap_out_pages = opt_some(5000 + 15 * 256);
	assert_int_equal(state_after(&world, GIB(2)), HOST_HARD);
	assert_eq(opt_or(world.totals.swap_out_kib_s, 0), MIB(2));
	for (int i = 0; i < 5; i++)
		assert_int_equal(state_after(&world, GIB(2)), HOST_HARD);
	assert_int_not_equal(state_after(&world, GIB(2)), HOST_HARD);
}

/* A budget is overdrawn for good reason while what fills the float is used; beyond that it is not. */
static void test_budget_overdrawn(void **state)
{
	struct world world;

	(void)state;
	two_fixed(&world);
	world.settings.budget_kib = opt_some(GIB(3) - 4);
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_HARD);
	two_fixed(&world);
	world.settings.float_permille = 100;
	world.settings.budget_kib = opt_some(MIB(3000));
	world_tick(&world, 5000);
	assert_int_equal(world.totals.state, HOST_SOFT);
}

/* The published sliding reserve, by hand: 0.24 + 0.32 + 0.32 + 1.00 GiB of 128. */
/* What is held for a VM about to start is taken from the others, down to their reservations. */
static void test_hold(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world.settings.budget_kib = opt_some(GIB(8));
	for (size_t i = 0; i < 4; i++)
		world_add(&world, GIB(2), GIB(2), GIB(1))->settings.reservation_kib =
			opt_some(GIB(1));
	world_tick(&world, 5000);
	assert_eq(world.totals.held_kib, 0);
	world.settings.hold_kib = GIB(2);
	world_tick(&world, 5000);
	assert_eq(opt_or(world.totals.capacity_kib, 0), GIB(6));
	assert_int_equal(world.totals.state, HOST_HARD);
	world_settle(&world, 200);
	assert_true(world_sum_actual(&world) <= GIB(6));
	world_tick(&world, 5000);
	assert_eq(world.totals.held_kib, GIB(2));
	assert_eq(world.totals.holdable_kib, GIB(4)); /* what is held already is part of it */
	/* More than there is above the reservations: what can be had, and no more. */
	world.settings.hold_kib = GIB(5);
	world_settle(&world, 200);
	for (size_t i = 0; i < 4; i++)
		assert_true(world_actual(&world, i) >= GIB(1));
	world_tick(&world, 5000);
	assert_true(world.totals.held_kib < GIB(5));
	world.settings.hold_kib = 0;
	world_tick(&world, 5000);
	assert_eq(world.totals.held_kib, 0);
	assert_eq(opt_or(world.totals.capacity_kib, 0), GIB(8));
}

static void test_sliding_reserve(void **state)
{
	struct policy_settings settings = { 0 };

	(void)state;
	assert_false(reserve_kib(&settings, opt_none()).known);
	assert_eq(opt_or(reserve_kib(&settings, opt_some(0)), 1), 0);
	assert_between(opt_or(reserve_kib(&settings, opt_some(GIB(4))), 0), GIB(4) * 6 / 100 - 4,
		       GIB(4) * 6 / 100);
	assert_between(opt_or(reserve_kib(&settings, opt_some(GIB(128))), 0), GIB(188) / 100 - 8,
		       GIB(188) / 100 + 8);
	assert_true(opt_or(reserve_kib(&settings, opt_some(UINT64_MAX)), 0) > GIB(1024));
	settings.reserve_permille = opt_some(100);
	assert_eq(opt_or(reserve_kib(&settings, opt_some(GIB(10))), 0), GIB(1));
	settings.reserve_kib = opt_some(GIB(3));
	assert_eq(opt_or(reserve_kib(&settings, opt_none()), 0), GIB(3));
}

/* One that was meant for a larger host is none: what holds without it is kept, and VMs what they have. */
static void test_reserve_of_a_larger_host(void **state)
{
	struct world world;

	(void)state;
	two(&world);
	host(&world, GIB(10), GIB(6)); /* 1 of them reserve */
	world.settings.reserve_kib = opt_some(GIB(10));
	for (int i = 0; i < 10; i++)
		world_tick(&world, 5000);
	assert_eq(opt_or(world.totals.reserve_kib, 0), GIB(1));
	assert_int_equal(world.totals.state, HOST_RELAXED);
	assert_eq(world_actual(&world, 0), GIB(2));
	assert_true(reserve_fits(&world.settings, opt_none()));
	assert_false(reserve_fits(&world.settings, opt_some(GIB(11))));
	assert_true(reserve_fits(&world.settings, opt_some(GIB(12))));
	world.settings.reserve_kib = opt_some(GIB(9));
	assert_eq(opt_or(reserve_kib(&world.settings, opt_some(GIB(10))), 0), GIB(9));
}

/* A VM that boots is charged for what it has touched and a quarter, not for its maximum. */
static void test_booting_is_charged_by_touch(void **state)
{
	struct world world;

	(void)state;
	two_fixed(&world);
	host(&world, GIB(10), GIB(3));
	world.settings.boot_grace_ms = 60 * 1000;
	world.vms[0].silent = false;
	world.vms[0].sample.up_ms = 1000;
	world.vms[0].sample.rss_kib = opt_some(MIB(100));
	world_tick(&world, 5000);
	assert_eq(world.totals.charged_kib, MIB(100 + 512) + GIB(1));
	assert_eq(opt_or(world.totals.margin_kib, 0), GIB(3) - MIB(512));
	world.vms[0].sample.up_ms = 61 * 1000;
	world_tick(&world, 5000);
	assert_eq(world.totals.charged_kib, GIB(3));
}

/*
 * A VM that migrates in, from its first tick to its last page: all it will have is charged at once,
 * also while nobody can tell how much of it is here, and none of it twice while it arrives.
 */
static void test_migrating_in(void **state)
{
	const uint64_t size = GIB(2), free_kib = GIB(5) - GIB(2);
	struct world world;
	struct world_vm *vm;

	(void)state;
	world_init(&world);
	world_add(&world, GIB(2), GIB(2), MIB(100))->sample.rss_kib = opt_some(GIB(3));
	world.settings.boot_grace_ms = 60 * 1000;
	host(&world, GIB(10), GIB(6)); /* 1 of them reserve */
	world_tick(&world, 5000);
	assert_eq(opt_or(world.totals.free_kib, 0), GIB(5));
	vm = world_add(&world, size, size, 0);
	vm->silent = true;
	vm->sample.run_state = VM_MIGRATING;
	for (uint64_t here = 0; here <= size; here += MIB(256)) {
		vm->sample.up_ms = here / MIB(256) * 5000;
		host(&world, GIB(10), GIB(6) - here);
		if (here) /* libvirt says nothing all the time, the kernel from the second tick on */
			vm->sample.host.resident_kib = opt_some(here);
		world_tick(&world, 5000);
		assert_int_equal(world_decision(&world, 1)->reason, REASON_MIGRATING);
		assert_eq(world.totals.charged_kib, GIB(2) + size);
		assert_eq(opt_or(world.totals.free_kib, 0), free_kib);
	}
	/* It runs, a minute after it was first seen and before. */
	vm->sample.run_state = VM_RUNNING;
	vm->sample.rss_kib = opt_some(size);
	world_tick(&world, 5000);
	assert_int_equal(world_decision(&world, 1)->reason, REASON_BOOTING);
	assert_eq(world.totals.charged_kib, GIB(2) + size);
	assert_eq(opt_or(world.totals.free_kib, 0), free_kib);
	vm->sample.up_ms = 60 * 1000;
	world_tick(&world, 5000);
	assert_eq(opt_or(world.totals.free_kib, 0), free_kib);
}

/* One that is started has only touched what QEMU needs, whether that is known or not. */
static void test_starting(void **state)
{
	struct world world;
	struct world_vm *vm;

	(void)state;
	world_init(&world);
	world.settings.boot_grace_ms = 60 * 1000;
	host(&world, GIB(10), GIB(6));
	vm = world_add(&world, GIB(4), GIB(4), 0);
	vm->silent = true;
	vm->sample.up_ms = 0;
	vm->sample.run_state = VM_PAUSED;
	world_tick(&world, 5000);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_PAUSED);
	assert_eq(world.totals.charged_kib, GIB(1)); /* a quarter */
	assert_eq(opt_or(world.totals.free_kib, 0), GIB(4));
	vm->sample.run_state = VM_RUNNING;
	vm->sample.rss_kib = opt_some(MIB(4));
	world_tick(&world, 5000);
	assert_eq(world.totals.charged_kib, GIB(1) + MIB(4));
	assert_eq(opt_or(world.totals.free_kib, 0), GIB(4));
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
	for (int i = 0; i < 2; i++) /* before it counts as stuck */
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
		cmocka_unit_test(test_unknown_for_a_moment),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_from_host),
		cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_huge_pages),
		cmocka_unit_test(test_budget_and_host),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_states_and_untouched_memory),
		cmocka_unit_test(test_stalls),
		cmocka_unit_test(test_stalls_of_others),
		cmocka_unit_test(test_host_swapping),
		cmocka_unit_test(test_budget_overdrawn),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_sliding_reserve),
		cmocka_unit_test(test_reserve_of_a_larger_host),
		cmocka_unit_test(test_booting_is_charged_by_touch),
		cmocka_unit_test(test_migrating_in),
		cmocka_unit_test(test_starting),
		cmocka_unit_test(test_promises_count),
		cmocka_unit_test(test_reclaim_is_not_free_yet),
		cmocka_unit_test(test_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
