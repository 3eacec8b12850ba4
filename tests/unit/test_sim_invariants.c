// SPDX-License-Identifier: GPL-2.0
/*
 * The ten invariants over random worlds, at every tick; and each guard broken in turn, to see its
 * invariant fail.
 *
 * A failing world is named by its kind and seed: SEED=NUMBER runs the worlds of that one seed
 * alone. Without it, AEROSTAT_SEED says where the numbers begin; the same worlds are run where it is not
 * given, so that a run does not depend on the day.
 */
#include "cmocka_test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim_invariants.h"

#define WORLDS_OF_A_KIND 500
#define FAULT_TRIES	 60 /* worlds in which a broken guard must show */

/* How the guard of each invariant is broken, between the policy and the world. */
struct fault {
	enum invariant breaks;
	enum sim_world_kind kind;
	void (*before)(struct sim_tick *tick); /* what the policy is made to see */
	void (*after)(struct sim_tick *tick); /* what becomes of its decisions */
	void (*configure)(struct conf *conf);
};

/* What the policy is made to see in place of the world. */
static _Thread_local struct {
	const struct fault *fault;
	struct conf *conf;
	struct vm_sample samples[SIM_WORLD_VMS];
	struct vm_settings settings[SIM_WORLD_VMS];
} broken;

static int broken_init(const struct sim_policy_setup *setup, void **ret_self)
{
	struct sim_policy_setup changed = *setup;

	if (broken.fault->configure)
		changed.conf = broken.conf;
	return sim_aerostat.init(&changed, ret_self);
}

static void broken_tick(void *self, struct sim_tick *tick)
{
	const struct vm_sample *samples[SIM_WORLD_VMS];
	const struct vm_settings *settings[SIM_WORLD_VMS];
	struct host_sample host = tick->host;

	for (size_t i = 0; i < tick->n_vms; i++) {
		struct sim_vm *vm = &tick->vms[i];

		samples[i] = vm->sample;
		settings[i] = vm->settings;
		broken.samples[i] = *vm->sample;
		broken.settings[i] = *vm->settings;
		vm->sample = &broken.samples[i];
		vm->settings = &broken.settings[i];
	}
	if (broken.fault->before)
		broken.fault->before(tick);
	sim_aerostat.tick(self, tick);
	tick->host = host;
	for (size_t i = 0; i < tick->n_vms; i++) {
		tick->vms[i].sample = samples[i];
		tick->vms[i].settings = settings[i];
	}
	if (broken.fault->after)
		broken.fault->after(tick);
}

static void broken_free(void *self)
{
	sim_aerostat.free(self);
}

static const struct sim_policy sim_broken = {
	.name = "broken",
	.init = broken_init,
	.tick = broken_tick,
	.free = broken_free,
};

static void no_reservations(struct sim_tick *tick)
{
	for (size_t i = 0; i < tick->n_vms; i++) {
		broken.settings[i].reservation_kib = opt_some(0);
		broken.settings[i].reservation_permille = 0;
	}
}

static void more_available(struct sim_tick *tick)
{
	tick->host.available_kib =
		opt_some(opt_or(tick->host.available_kib, 0) + opt_or(tick->host.total_kib, 0) / 2);
}

static void all_fresh(struct sim_tick *tick)
{
	for (size_t i = 0; i < tick->n_vms; i++) {
		broken.samples[i].stats_age_ms = opt_some(0);
		if (!broken.samples[i].usable_kib.known)
			broken.samples[i].usable_kib = broken.samples[i].actual_kib;
	}
}

static void liars_first(struct sim_tick *tick)
{
	for (size_t i = 0; i < tick->n_vms; i++)
		if (!opt_or(broken.samples[i].usable_kib, 1))
			broken.settings[i].shares = 1000000;
}

static void no_hold(struct conf *conf)
{
	conf->policy.turn_hold_ms = 0;
	conf->policy.turn_hold_urgent_ms = 0;
	conf->policy.dead_band_kib = 0;
	conf->policy.dead_band_permille = 0;
	conf->policy.headroom_permille = 0;
	conf->policy.decay_permille = 1000;
}

/* Statistics that are never the same twice. */
static void restless(struct sim_tick *tick)
{
	for (size_t i = 0; i < tick->n_vms; i++) {
		uint64_t usable = opt_or(broken.samples[i].usable_kib, 0);

		if ((tick->now_s / 60) % 2)
			broken.samples[i].usable_kib = opt_some(usable / 4);
	}
}

static void half_a_step(struct sim_tick *tick)
{
	for (size_t i = 0; i < tick->n_vms; i++) {
		struct sim_vm *vm = &tick->vms[i];

		if (vm->set && vm->set_kib > vm->target_kib)
			vm->set_kib -= (vm->set_kib - vm->target_kib) / 2;
	}
}

static void first_twins_first(struct sim_tick *tick)
{
	for (size_t i = 0; i < tick->n_vms; i += 2)
		broken.settings[i].shares *= 2;
}

static void less_available(struct sim_tick *tick)
{
	tick->host.available_kib = opt_some(opt_or(tick->host.available_kib, 0) / 8);
}

static void shares_reversed(struct sim_tick *tick)
{
	for (size_t i = 0; i < tick->n_vms; i++)
		broken.settings[i].shares = 1000000 / broken.settings[i].shares;
}

static const struct fault faults[] = {
	{ INVARIANT_BOUNDS, WORLD_WILD, no_reservations, NULL, NULL },
	{ INVARIANT_FREE_FIRST, WORLD_WILD, more_available, NULL, NULL },
	{ INVARIANT_STALE, WORLD_WILD, all_fresh, NULL, NULL },
	{ INVARIANT_LIAR, WORLD_LIARS, liars_first, NULL, NULL },
	{ INVARIANT_TURNS, WORLD_LIARS, NULL, NULL, no_hold },
	{ INVARIANT_FIXED_POINT, WORLD_CALM, restless, NULL, NULL },
	{ INVARIANT_RELIEF, WORLD_WILD, NULL, half_a_step, NULL },
	{ INVARIANT_TWINS, WORLD_WILD, first_twins_first, NULL, NULL },
	{ INVARIANT_SHORT, WORLD_LIARS, less_available, NULL, NULL },
	{ INVARIANT_SHARES, WORLD_SHARES, shares_reversed, NULL, NULL },
};

#define FIRST_SEED 5550000

static uint64_t first_seed, n_seeds;

static int choose_seeds(void **state)
{
	const char *one = getenv("SEED"), *first = getenv("AEROSTAT_SEED");

	(void)state;
	first_seed = first ? strtoull(first, NULL, 0) : FIRST_SEED;
	n_seeds = WORLDS_OF_A_KIND;
	if (one) {
		first_seed = strtoull(one, NULL, 0);
		n_seeds = 1;
	}
	print_message("# AEROSTAT_SEED=%" PRIu64 "\n", first_seed);
	return 0;
}

/* Run one world; returns the invariant that broke. */
static enum invariant run_world(enum sim_world_kind kind, uint64_t seed, const struct fault *fault,
				struct watcher *watcher)
{
	struct sim_world world;
	struct conf *changed = NULL;
	struct run_setup setup;
	struct metrics metrics;

	sim_world_init(&world, kind, seed);
	watcher_init(watcher, &world);
	setup = sim_world_setup(&world, fault ? &sim_broken : &sim_aerostat);
	setup.observe = watcher_observe;
	setup.userdata = watcher;
	broken.fault = fault;
	if (fault && fault->configure) {
		changed = conf_new_default();
		assert_non_null(changed);
		fault->configure(changed);
		broken.conf = changed;
	}
	assert_in_range(run_host(&setup, &metrics), 0, 1);
	conf_free(changed);
	sim_world_free(&world);
	watcher->world = NULL;
	return watcher->broken;
}

static void run_worlds(enum sim_world_kind kind)
{
	unsigned int bad = 0;
	uint64_t ticks = 0;

	for (uint64_t seed = first_seed; seed < first_seed + n_seeds; seed++) {
		struct watcher watcher;
		enum invariant invariant = run_world(kind, seed, NULL, &watcher);

		ticks += watcher.ticks;
		if (invariant == INVARIANT_NONE)
			continue;
		if (bad++ < 10)
			print_message("# SEED=%" PRIu64 " breaks \"%s\": %s\n", seed,
				      invariant_to_string(invariant), watcher.what);
	}
	print_message("# %" PRIu64 " worlds, %" PRIu64 " ticks, %u broken\n", n_seeds, ticks, bad);
	assert_int_equal(bad, 0);
	assert_true(ticks > n_seeds * 10);
}

static void test_wild(void **state)
{
	(void)state;
	run_worlds(WORLD_WILD);
}

static void test_calm(void **state)
{
	(void)state;
	run_worlds(WORLD_CALM);
}

static void test_liars(void **state)
{
	(void)state;
	run_worlds(WORLD_LIARS);
}

static void test_shares(void **state)
{
	(void)state;
	run_worlds(WORLD_SHARES);
}

/* Each broken guard shows in its own invariant. */
static void test_broken_guards(void **state)
{
	unsigned int missed = 0;

	(void)state;
	assert_int_equal(sizeof(faults) / sizeof(faults[0]), INVARIANTS - 1);
	for (size_t f = 0; f < sizeof(faults) / sizeof(faults[0]); f++) {
		enum invariant invariant = INVARIANT_NONE;
		uint64_t tries = 0;
		struct watcher watcher;

		while (invariant != faults[f].breaks && tries < FAULT_TRIES)
			invariant = run_world(faults[f].kind, 1 + tries++, &faults[f], &watcher);
		print_message("# \"%s\" %s after %" PRIu64 " worlds\n",
			      invariant_to_string(faults[f].breaks),
			      invariant == faults[f].breaks ? "fails" : "DOES NOT FAIL", tries);
		missed += invariant != faults[f].breaks;
	}
	assert_int_equal(missed, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wild),	      cmocka_unit_test(test_calm),
		cmocka_unit_test(test_liars),	      cmocka_unit_test(test_shares),
		cmocka_unit_test(test_broken_guards),
	};

	return cmocka_run_group_tests(tests, choose_seeds, NULL);
}
