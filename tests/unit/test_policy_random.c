// SPDX-License-Identifier: GPL-2.0
/*
 * What must hold whatever the world does: random VMs (honest, stuck, slow, silent, lying, coming
 * and going between modes) on a random host, checked after each tick. The seed is printed;
 * AEROSTAT_SEED begins elsewhere.
 */
#include "cmocka_test.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy_world.h"

#define WORLDS	     150
#define TICKS	     60
#define PAGE_SLACK   8 /* KiB, rounding */
#define BAND_DIVISOR 4 /* as in pace.c: need counts from a quarter of the dead-band */

static uint64_t random_state;

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t random_u64(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static uint64_t below(uint64_t bound)
{
	return random_u64() % bound;
}

static bool one_in(uint64_t n)
{
	return below(n) == 0;
}

#define FIRST_SEED 1

static int seed(void **state)
{
	const char *given = getenv("AEROSTAT_SEED");

	(void)state;
	random_state = given ? strtoull(given, NULL, 0) : FIRST_SEED;
	print_message("# AEROSTAT_SEED=%" PRIu64 "\n", random_state);
	return 0;
}

/* Any 64-bit number, with a liking for the extremes. */
static uint64_t wild(void)
{
	switch (below(5)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - below(3);
	case 2:
		return below(GIB(4));
	default:
		return random_u64() >> below(64);
	}
}

static struct opt_u64 maybe(uint64_t value)
{
	return one_in(6) ? opt_none() : opt_some(value);
}

static uint64_t pages(uint64_t kib)
{
	return kib / 4 * 4;
}

static void random_settings(struct vm_settings *settings, uint64_t max_kib)
{
	settings->reservation_kib = one_in(2) ? opt_some(below(max_kib)) : opt_none();
	settings->reservation_permille = (uint32_t)below(1001);
	settings->limit_kib = one_in(3) ? opt_some(below(max_kib)) : opt_none();
	settings->limit_permille = 1 + (uint32_t)below(1000);
	settings->shares = 1 + (uint32_t)below(5000);
	settings->buffer_permille = (uint32_t)below(500);
	settings->mode = one_in(8) ? (one_in(2) ? VM_MODE_OFF : VM_MODE_OBSERVE) : VM_MODE_AUTO;
}

/* VMs in pairs of twins, which nothing may ever tell apart. */
static void random_world(struct world *world)
{
	size_t n = 2 * (1 + below(8));

	world_init(world);
	world->settings.boot_grace_ms = 60 * 1000;
	world->settings.float_permille = (uint32_t)below(200);
	world->settings.reclaim_permille = 1 + (uint32_t)below(200);
	world->settings.decay_permille = 1 + (uint32_t)below(1000);
	world->settings.budget_kib = maybe(n * GIB(1) / (1 + below(4)));
	world->host.total_kib = maybe(GIB(64));
	for (size_t i = 0; i < n; i += 2) {
		uint64_t max_kib = 4 + pages(below(GIB(4)));
		uint64_t actual_kib = pages(below(max_kib + 1));
		struct vm_settings settings;

		random_settings(&settings, max_kib);
		for (size_t twin = i; twin < i + 2; twin++)
			world_add(world, max_kib, actual_kib, 0)->settings = settings;
	}
}

/* The same for both twins: how they are and what they report. */
static void random_change(struct world *world, size_t i)
{
	struct world_vm *vm = &world->vms[i];
	struct vm_sample *sample = &vm->sample;

	if (one_in(10))
		sample->run_state = (enum vm_run_state)below(3);
	if (one_in(10))
		sample->run_state = VM_RUNNING;
	if (one_in(10))
		sample->has_balloon = !one_in(4);
	if (one_in(10))
		sample->up_ms = below(120 * 1000);
	if (one_in(5))
		vm->use_kib = below(sample->max_kib + sample->max_kib / 4 + 1);
	vm->silent = one_in(3);
	if (one_in(20))
		vm->stuck = !vm->stuck;
	if (vm->silent) { /* or lying: any number at all */
		sample->stats_age_ms = maybe(below(40 * 1000));
		sample->usable_kib = maybe(wild());
		sample->unused_kib = maybe(wild());
	}
	sample->swap_in_kib = maybe(wild());
	sample->major_faults = maybe(wild());
	sample->rss_kib = maybe(wild());
	if (one_in(30)) /* a target lost, or a foreign one */
		sample->actual_kib = opt_some(pages(below(sample->max_kib + 1)));
	if (one_in(50))
		vm->state.last_target_kib = opt_none();
	world->vms[i + 1] = *vm;
}

static void random_host(struct world *world)
{
	world->host.available_kib = maybe(below(GIB(16)));
	world->host.psi_some_permille = maybe(below(200));
}

static bool left_alone(enum reason reason)
{
	return reason == REASON_MODE_OFF || reason == REASON_NO_BALLOON ||
	       reason == REASON_PAUSED || reason == REASON_MIGRATING ||
	       reason == REASON_HOST_UNKNOWN || reason == REASON_MODE_OBSERVE ||
	       reason == REASON_FOREIGN;
}

/* One VM's decision, against what it held before. */
static void check_vm(const struct world *world, size_t i, uint64_t actual_kib,
		     struct opt_u64 last_target_kib)
{
	const struct vm_sample *sample = &world->vms[i].sample;
	const struct vm_decision *decision = world_decision(world, i);
	uint64_t heading_kib = opt_or(last_target_kib, actual_kib);
	bool fresh = opt_or(sample->stats_age_ms, UINT64_MAX) <= world->settings.stale_ms;
	uint64_t holds_kib = actual_kib > heading_kib ? actual_kib : heading_kib;

	assert_int_not_equal(decision->reason, REASON_NONE);
	assert_true(decision->reservation_kib <= decision->limit_kib);
	assert_true(decision->limit_kib <= sample->max_kib);
	assert_true(decision->target_kib <= sample->max_kib);
	if (left_alone(decision->reason))
		assert_false(decision->set);
	if (!decision->set)
		return;
	if (decision->target_kib > holds_kib)
		assert_true(decision->target_kib <= decision->limit_kib);
	/* A promise that is not taken up may be withdrawn from anybody. */
	if (decision->target_kib < heading_kib && decision->target_kib < actual_kib) {
		assert_true(fresh);
		assert_true(decision->target_kib >= decision->reservation_kib);
		assert_true(sample->up_ms >= world->settings.boot_grace_ms ||
			    world->totals.state >= HOST_HARD);
	}
	assert_true(decision->target_kib % 4 == 0 || decision->target_kib == sample->max_kib);
}

static void check_totals(const struct world *world, const uint64_t *holds_kib)
{
	uint64_t free_kib = opt_or(world->totals.free_kib, 0);
	uint64_t granted_kib = 0, slack_kib = 0;
	bool short_of = false;

	for (size_t i = 0; i < world->n_vms; i++) {
		const struct vm_decision *decision = world_decision(world, i);
		uint64_t due, band = world->settings.dead_band_kib;

		if (decision->set && decision->target_kib > holds_kib[i])
			granted_kib += decision->target_kib - holds_kib[i];
		if (band < holds_kib[i] / 50)
			band = holds_kib[i] / 50;
		slack_kib += band / BAND_DIVISOR + PAGE_SLACK;
		due = opt_or(decision->demand_kib, 0);
		if (due > decision->entitlement_kib)
			due = decision->entitlement_kib;
		if (!left_alone(decision->reason) && decision->reason != REASON_STUCK &&
		    due > decision->target_kib + band)
			short_of = true;
	}
	assert_true(granted_kib <= free_kib);
	assert_eq(granted_kib, world->totals.grant_kib);
	/* Nobody is short while memory is free. */
	if (short_of)
		assert_true(free_kib - granted_kib <= slack_kib);
}

static void check_twins(const struct world *world)
{
	for (size_t i = 0; i < world->n_vms; i += 2) {
		const struct vm_decision *a = world_decision(world, i);
		const struct vm_decision *b = world_decision(world, i + 1);

		assert_int_equal(a->reason, b->reason);
		assert_eq(a->target_kib, b->target_kib);
		assert_eq(a->entitlement_kib, b->entitlement_kib);
		assert_int_equal(a->set, b->set);
	}
}

/* Copy a world; its order then refers to the copy's VMs. */
static void copy_world(struct world *copy, const struct world *world)
{
	*copy = *world;
	for (size_t i = 0; i < copy->n_vms; i++) {
		struct world_vm *vm = &copy->vms[i];

		copy->order[i].sample = &vm->sample;
		copy->order[i].settings = &vm->settings;
		copy->order[i].state = &vm->state;
	}
}

/* Given any order of the same VMs, the same is decided for each. */
static void check_order(const struct world *before, const struct world *after, uint64_t elapsed_ms)
{
	struct world copy;

	copy_world(&copy, before);
	for (size_t i = copy.n_vms - 1; i > 0; i--) {
		size_t j = below(i + 1);
		struct policy_vm swap = copy.order[i];

		copy.order[i] = copy.order[j];
		copy.order[j] = swap;
	}
	world_tick(&copy, elapsed_ms);
	for (size_t i = 0; i < copy.n_vms; i++) {
		assert_int_equal(world_decision(&copy, i)->reason,
				 world_decision(after, i)->reason);
		assert_eq(world_decision(&copy, i)->target_kib,
			  world_decision(after, i)->target_kib);
	}
}

/* A VM with more shares is never entitled to less. */
static void check_shares(const struct world *before, const struct world *after, uint64_t elapsed_ms)
{
	struct world copy;
	size_t i = below(before->n_vms);

	copy_world(&copy, before);
	copy.vms[i].settings.shares *= 2;
	world_tick(&copy, elapsed_ms);
	assert_true(world_decision(&copy, i)->entitlement_kib + PAGE_SLACK >=
		    world_decision(after, i)->entitlement_kib);
}

static void test_invariants(void **state)
{
	static struct world world, before;

	(void)state;
	for (int w = 0; w < WORLDS; w++) {
		random_world(&world);
		for (int tick = 0; tick < TICKS; tick++) {
			uint64_t elapsed_ms = below(2) ? 5000 : below(20 * 1000);
			uint64_t holds_kib[WORLD_VMS];

			for (size_t i = 0; i < world.n_vms; i += 2)
				random_change(&world, i);
			random_host(&world);
			copy_world(&before, &world);
			world_tick(&world, elapsed_ms);
			for (size_t i = 0; i < world.n_vms; i++) {
				const struct world_vm *vm = &before.vms[i];
				uint64_t actual_kib = opt_or(vm->sample.actual_kib, 0);
				struct opt_u64 target = vm->state.last_target_kib, last;

				holds_kib[i] = actual_kib;
				if (vm->settings.mode != VM_MODE_AUTO || !vm->sample.has_balloon)
					target = opt_none();
				last = target;
				/* What one that is stuck was promised does not count. */
				if (world.vms[i].state.movement.stuck &&
				    world.vms[i].state.movement.stuck_growing)
					target = opt_none();
				if (opt_or(target, 0) > actual_kib)
					holds_kib[i] = opt_or(target, 0);
				check_vm(&world, i, actual_kib, last);
			}
			check_totals(&world, holds_kib);
			check_twins(&world);
			check_order(&before, &world, elapsed_ms);
			check_shares(&before, &world, elapsed_ms);
		}
	}
}

/* Honest guests whose use does not change come to rest, and then everybody has what is due. */
static void test_fixed_point(void **state)
{
	static struct world world;

	(void)state;
	for (int w = 0; w < WORLDS; w++) {
		random_world(&world);
		if (!world.settings.budget_kib.known)
			continue;
		/* The slowest rates only make it take longer. */
		world.settings.reclaim_permille = 10 + (uint32_t)below(100);
		for (size_t i = 0; i < world.n_vms; i++)
			world.vms[i].use_kib = below(world.vms[i].sample.max_kib + 1);
		world_settle(&world, 2000);
		for (size_t i = 0; i < world.n_vms; i++) {
			const struct vm_decision *decision = world_decision(&world, i);

			if (left_alone(decision->reason))
				continue;
			assert_true(decision->target_kib == world_actual(&world, i));
			assert_true(world_actual(&world, i) <= decision->limit_kib);
			assert_true(world_actual(&world, i) >= decision->reservation_kib ||
				    opt_or(world.totals.free_kib, 0) <= PAGE_SLACK * world.n_vms);
		}
	}
}

/* 10,000 VMs, twice as much wanted as there is: the passes over them must stay few. */
static void test_many_vms(void **state)
{
	enum { MANY = 10000 };
	struct policy_settings settings;
	struct host_sample host = { 0 };
	struct host_decision totals;
	struct world world;
	struct policy_vm *vms = calloc(MANY, sizeof(*vms));
	struct world_vm *models = calloc(MANY, sizeof(*models));
	uint64_t granted = 0;

	(void)state;
	assert_non_null(vms);
	assert_non_null(models);
	world_init(&world);
	world_add(&world, GIB(1), MIB(512), 0);
	settings = world.settings;
	settings.budget_kib = opt_some((uint64_t)MANY * MIB(600));
	for (size_t i = 0; i < MANY; i++) {
		models[i] = world.vms[0];
		models[i].settings.shares = 1 + (uint32_t)below(1000000);
		models[i].sample.stats_age_ms = opt_some(0);
		models[i].sample.usable_kib = opt_some(below(MIB(10)));
		vms[i] = (struct policy_vm){ .sample = &models[i].sample,
					     .settings = &models[i].settings,
					     .state = &models[i].state };
	}
	policy_tick(world.now_ms, &settings, &host, &world.state, vms, MANY, &totals);
	for (size_t i = 0; i < MANY; i++)
		if (vms[i].decision.set && vms[i].decision.target_kib > MIB(512))
			granted += vms[i].decision.target_kib - MIB(512);
	assert_eq(granted, totals.grant_kib);
	assert_true(granted > 0);
	assert_true(granted <= opt_or(totals.free_kib, 0));
	free(models);
	free(vms);
}

/* Nothing but nonsense, from guests, host and clock. */
static void random_nonsense(struct world *world)
{
	for (size_t i = 0; i < world->n_vms; i++) {
		struct vm_sample *sample = &world->vms[i].sample;

		sample->run_state = (enum vm_run_state)(one_in(4) ? below(3) : VM_RUNNING);
		sample->up_ms = wild();
		sample->apart = one_in(16);
		sample->max_kib = one_in(3) ? wild() : sample->max_kib;
		sample->actual_kib = maybe(one_in(2) ? wild() : sample->max_kib / 2);
		sample->rss_kib = maybe(wild());
		sample->host.resident_kib = maybe(wild());
		sample->host.swapped_kib = maybe(wild());
		sample->host.swap_wait_permille = maybe(wild());
		sample->stats_age_ms = maybe(one_in(3) ? wild() : below(20 * 1000));
		sample->usable_kib = maybe(wild());
		sample->unused_kib = maybe(wild());
		sample->swap_in_kib = maybe(wild());
		sample->major_faults = maybe(wild());
		world->vms[i].silent = true;
	}
	world->host = (struct host_sample){
		.total_kib = maybe(wild()),
		.available_kib = maybe(wild()),
		.swap_out_pages = maybe(wild()),
		.psi_some_permille = maybe(wild()),
		.psi_full_permille = maybe(one_in(4) ? wild() : 0),
	};
	world->settings.hold_kib = one_in(4) ? wild() : 0;
	world->now_ms = one_in(8) ? wild() : world->now_ms;
}

/* No size beyond what the VM can have, none taken without fresh statistics, no step too long. */
static void check_nonsense(const struct world *world, const struct world *before, size_t i)
{
	const struct vm_sample *sample = &before->vms[i].sample;
	const struct vm_decision *decision = world_decision(world, i);
	uint64_t ceiling_kib = (uint64_t)1 << 46, max_kib = sample->max_kib, actual_kib, step_kib;

	max_kib = max_kib < ceiling_kib ? max_kib : ceiling_kib;
	assert_true(decision->target_kib <= max_kib);
	assert_true(decision->reservation_kib <= decision->limit_kib);
	assert_true(decision->limit_kib <= max_kib);
	assert_true(decision->entitlement_kib <= max_kib);
	actual_kib = opt_or(sample->actual_kib, UINT64_MAX);
	actual_kib = actual_kib < max_kib ? actual_kib : max_kib;
	if (!decision->set || decision->target_kib >= actual_kib ||
	    decision->target_kib >= opt_or(before->vms[i].state.last_target_kib, actual_kib))
		return;
	assert_true(opt_or(sample->stats_age_ms, UINT64_MAX) <= world->settings.stale_ms);
	step_kib = max_kib / 1000 * world->settings.step_permille + max_kib % 1000 + 4;
	if (world->totals.state != HOST_LOW)
		assert_true(actual_kib - decision->target_kib <= step_kib);
}

static void test_nonsense(void **state)
{
	static struct world world, before;
	unsigned int taken = 0, given = 0;

	(void)state;
	for (int w = 0; w < WORLDS; w++) {
		random_world(&world);
		world.settings.boot_grace_ms = 1;
		for (int tick = 0; tick < TICKS; tick++) {
			random_nonsense(&world);
			copy_world(&before, &world);
			world_tick(&world, one_in(4) ? wild() : 5000);
			for (size_t i = 0; i < world.n_vms; i++) {
				const struct vm_decision *decision = world_decision(&world, i);
				uint64_t actual = opt_or(before.vms[i].sample.actual_kib, 0);

				check_nonsense(&world, &before, i);
				taken += decision->set && decision->target_kib < actual;
				given += decision->set && decision->target_kib > actual;
			}
			assert_true(world.totals.grant_kib <= opt_or(world.totals.free_kib, 0));
		}
	}
	assert_true(taken > 100 && given > 100);
}

/* A clock that goes back, and a host that slept: what waits goes on waiting, and steps stay steps. */
static void test_clock(void **state)
{
	struct world world;
	uint64_t before, demand;

	(void)state;
	world_init(&world);
	world.settings.budget_kib = opt_some(GIB(4));
	world.settings.float_permille = 500;
	world.settings.step_permille = 100;
	world.settings.decay_permille = 10;
	world_add(&world, GIB(4), GIB(4) - MIB(100), MIB(3000));
	world_tick(&world, 5000);
	demand = opt_or(world_decision(&world, 0)->demand_kib, 0);
	world.vms[0].use_kib = MIB(100);
	for (int i = 0; i < 3; i++) {
		before = world_actual(&world, 0);
		world_tick(&world, i % 2 ? 1000 : (uint64_t)-3600 * 1000);
		assert_true(before - world_actual(&world, 0) <= GIB(4) / 10 + 4);
		assert_true(opt_or(world_decision(&world, 0)->demand_kib, 0) >
			    demand - demand / 20);
	}
	/* Asleep for a year: one step, however much was to be taken. */
	before = world_actual(&world, 0);
	world_tick(&world, (uint64_t)365 * 24 * 3600 * 1000);
	assert_between(before - world_actual(&world, 0), MIB(100), GIB(4) / 10 + 4);
	/* A guest on its way is not stuck because the clock went back. */
	world.vms[0].stuck = true;
	world_tick(&world, 5000);
	assert_true(world_decision(&world, 0)->set);
	world_tick(&world, 1000);
	world_tick(&world, (uint64_t)-3600 * 1000);
	assert_int_not_equal(world_decision(&world, 0)->reason, REASON_STUCK);
	world_tick(&world, 20 * 1000);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_STUCK);
	/* Nor is it asked again before its time. */
	before = world_decision(&world, 0)->wait_ms;
	assert_true(before > 1000);
	world_tick(&world, (uint64_t)-3600 * 1000);
	assert_eq(world_decision(&world, 0)->wait_ms, before);
	world_tick(&world, 1000);
	assert_eq(world_decision(&world, 0)->wait_ms, before - 1000);
}

/* One VM larger than its host has to make do; the other gets its part. */
static void test_larger_than_the_host(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world.host.total_kib = opt_some(GIB(8));
	world.host.available_kib = opt_some(GIB(7));
	world_add(&world, GIB(64), GIB(64), GIB(64))->sample.rss_kib = opt_some(GIB(1));
	world_add(&world, GIB(1), MIB(200), MIB(100))->sample.rss_kib = opt_some(MIB(200));
	world.vms[0].settings.reservation_kib = opt_some(0);
	for (int i = 0; i < 400; i++) {
		uint64_t before = world_actual(&world, 0);

		world_tick(&world, 5000);
		assert_true(world_actual(&world, 0) <= before);
		assert_true(world_actual(&world, 0) > 0);
		/* What it has not touched was free all the time; it cannot be any more. */
		if (opt_or(world.vms[0].sample.rss_kib, 0) > world_actual(&world, 0))
			world.vms[0].sample.rss_kib = opt_some(world_actual(&world, 0));
	}
	assert_true(world_sum_actual(&world) <= GIB(8));
	assert_true(world_actual(&world, 1) >= MIB(100));
}

/* No VM at all is a host like any other. */
static void test_no_vms(void **state)
{
	struct world world;

	(void)state;
	world_init(&world);
	world.settings.budget_kib = opt_some(GIB(1));
	policy_tick(0, &world.settings, &world.host, &world.state, NULL, 0, &world.totals);
	assert_int_equal(world.totals.state, HOST_RELAXED);
	assert_eq(opt_or(world.totals.free_kib, 0), GIB(1));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invariants), cmocka_unit_test(test_fixed_point),
		cmocka_unit_test(test_many_vms),   cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_clock),	   cmocka_unit_test(test_larger_than_the_host),
		cmocka_unit_test(test_no_vms),
	};

	return cmocka_run_group_tests(tests, seed, NULL);
}
