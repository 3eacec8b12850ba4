// SPDX-License-Identifier: GPL-2.0
/*
 * The peers against their published formulas, with numbers worked out by hand; and what holds for
 * every policy in a run.
 */
#include "cmocka_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/experiment.h"
#include "sim/run.h"

#define GIB_KIB	 ((uint64_t)1024 * 1024)
#define MIB_KIB	 ((uint64_t)1024)
#define VMS	 4
#define POLICIES 9 /* all */

/* A tick made by hand: `VMS` VMs of 8 GiB, reserved 2 GiB, at their maximum. */
struct hand {
	struct vm_sample samples[VMS];
	struct vm_settings settings[VMS];
	struct sim_vm vms[VMS];
	struct sim_tick tick;
	const struct sim_policy *policy;
	void *self;
};

static struct hand hand;

static void hand_init(const struct sim_policy *policy, uint64_t available_kib)
{
	static struct guest_spec specs[VMS];
	struct sim_policy_setup setup = { .specs = specs, .n_specs = VMS, .ram_mib = 34 * 1024 };

	memset(&hand, 0, sizeof(hand));
	hand.policy = policy;
	assert_int_equal(policy->init(&setup, &hand.self), 0);
	hand.tick = (struct sim_tick){ .vms = hand.vms, .n_vms = VMS };
	hand.tick.host.total_kib = opt_some(34 * GIB_KIB);
	hand.tick.host.available_kib = opt_some(available_kib);
	for (size_t i = 0; i < VMS; i++) {
		hand.settings[i].shares = 1000;
		hand.samples[i].actual_kib = opt_some(8 * GIB_KIB);
		hand.samples[i].max_kib = 8 * GIB_KIB;
		hand.samples[i].unused_kib = opt_some(0);
		hand.vms[i] = (struct sim_vm){ .index = i,
					       .sample = &hand.samples[i],
					       .settings = &hand.settings[i],
					       .reservation_kib = 2 * GIB_KIB,
					       .limit_kib = 8 * GIB_KIB,
					       .target_kib = 8 * GIB_KIB };
	}
}

static void hand_tick(int64_t now_s)
{
	hand.tick.now_s = now_s;
	for (size_t i = 0; i < VMS; i++)
		hand.vms[i].set = false;
	hand.policy->tick(hand.self, &hand.tick);
	for (size_t i = 0; i < VMS; i++)
		hand.vms[i].started = false;
}

static void at(size_t i, uint64_t actual_kib, uint64_t unused_kib)
{
	hand.samples[i].actual_kib = opt_some(actual_kib);
	hand.samples[i].unused_kib = opt_some(unused_kib);
	hand.vms[i].target_kib = actual_kib;
}

static void assert_set(size_t i, uint64_t kib)
{
	assert_true(hand.vms[i].set);
	if (hand.vms[i].set_kib > kib + 4 || hand.vms[i].set_kib + 4 < kib)
		fail_msg("VM %zu: set to %lu, expected %lu", i, (unsigned long)hand.vms[i].set_kib,
			 (unsigned long)kib);
}

static int hand_free(void **state)
{
	(void)state;
	if (hand.policy)
		hand.policy->free(hand.self);
	hand.policy = NULL;
	return 0;
}

static void test_mom_shrinks(void **state)
{
	(void)state;
	/* hf = 0.1: down to use + 10 % of the size, by at most 5 % */
	hand_init(&sim_mom, 34 * GIB_KIB / 10);
	at(0, 8 * GIB_KIB, 6 * GIB_KIB); /* uses 2, may go to 2.8 */
	at(1, 8 * GIB_KIB, 1 * GIB_KIB); /* uses 7, may go to 7.8 */
	at(2, 2 * GIB_KIB, 2 * GIB_KIB); /* at its minimum */
	hand.samples[3].unused_kib = opt_none();
	hand_tick(10);
	assert_set(0, 8 * GIB_KIB * 95 / 100);
	assert_set(1, (uint64_t)(7.8 * (double)GIB_KIB));
	assert_false(hand.vms[2].set);
	assert_false(hand.vms[3].set);
}

static void test_mom_forces_swap(void **state)
{
	(void)state;
	/* hf = 0.01 is critical: 4 % below what is used */
	hand_init(&sim_mom, 34 * GIB_KIB / 100);
	at(0, 8 * GIB_KIB, 0);
	hand_tick(10);
	assert_set(0, 8 * GIB_KIB * 96 / 100);
}

static void test_mom_grows_by_averages(void **state)
{
	(void)state;
	hand_init(&sim_mom, 34 * GIB_KIB / 2);
	at(0, 4 * GIB_KIB, GIB_KIB); /* use 3 + 20 % of 4 is less than 5 % more: 4.2 */
	at(1, 4 * GIB_KIB, 0); /* 4.8 */
	hand_tick(10);
	assert_set(0, 4 * GIB_KIB * 105 / 100);
	assert_set(1, 4 * GIB_KIB * 120 / 100);
	assert_false(hand.vms[2].set); /* has its maximum */
	/* Rules every 10 s, on averages: 4 - (1 + 0 + 0) / 3 are used then. */
	at(0, 4 * GIB_KIB, 0);
	hand_tick(15);
	assert_false(hand.vms[0].set);
	hand_tick(20);
	assert_set(0, (uint64_t)((4 - 1.0 / 3 + 0.8) * (double)GIB_KIB));
}

static void test_pve(void **state)
{
	(void)state;
	/* 80 % of 34 GiB are 27.2; 30 are used: 2.8 too much, 100 MiB a VM at once */
	hand_init(&sim_pve, 4 * GIB_KIB);
	at(0, 8 * GIB_KIB, GIB_KIB); /* more than a quarter of 2 GiB free: first */
	hand_tick(10);
	assert_set(0, 8 * GIB_KIB - 100 * MIB_KIB);
	assert_false(hand.vms[1].set);
	/* Nobody has free memory: all */
	at(0, 8 * GIB_KIB, 0);
	hand_tick(20);
	for (size_t i = 0; i < VMS; i++)
		assert_set(i, 8 * GIB_KIB - 100 * MIB_KIB);
	/* Within 10 MiB of the goal: nothing */
	hand.tick.host.available_kib = opt_some((uint64_t)(0.2 * 34 * (double)GIB_KIB));
	hand_tick(30);
	assert_false(hand.vms[0].set);
	/* Room: those short of memory first */
	hand.tick.host.available_kib = opt_some(20 * GIB_KIB);
	at(0, 4 * GIB_KIB, 3 * GIB_KIB);
	at(1, 4 * GIB_KIB, 0);
	hand_tick(40);
	assert_false(hand.vms[0].set);
	assert_set(1, 4 * GIB_KIB + 100 * MIB_KIB);
	/* A VM begins at its minimum */
	hand.vms[2].started = true;
	hand_tick(50);
	assert_set(2, 2 * GIB_KIB);
}

static void test_pve_shares(void **state)
{
	(void)state;
	/* Of twice the shares twice as much above the minimum is due: 6 + 2 · 3 / 4 ... */
	hand_init(&sim_pve, 5 * GIB_KIB);
	for (size_t i = 0; i < VMS; i++)
		at(i, 5 * GIB_KIB, 0);
	hand.settings[0].shares = 3000;
	hand_tick(10);
	/* goal -1.8: 12 - 1.8 = 10.2 above the minimums, 5.1 for the first, 1.7 each for others */
	assert_false(hand.vms[0].set);
	assert_set(1, 5 * GIB_KIB - 100 * MIB_KIB);
}

static void test_squeezed(void **state)
{
	const uint64_t keep_kib = 10 * MIB_KIB;

	(void)state;
	/* 32 GiB for four VMs that hold 32: no range is left over, all keep what they have */
	hand_init(&sim_squeezed, 0);
	hand_tick(0);
	/* but for the 10 MiB that are kept free */
	for (size_t i = 0; i < VMS; i++)
		assert_set(i, 8 * GIB_KIB - keep_kib / 4);
	/* One VM is at 4 GiB: 4 GiB are free, and go to it in one step. */
	at(0, 4 * GIB_KIB, 0);
	for (size_t i = 1; i < VMS; i++)
		at(i, 8 * GIB_KIB - keep_kib / 4, 0);
	hand_tick(1);
	assert_set(0, 8 * GIB_KIB - keep_kib / 4);
	/* Asked to shrink and has not yet: nothing is given before it has. */
	at(0, 4 * GIB_KIB, 0);
	for (size_t i = 1; i < VMS; i++)
		at(i, (uint64_t)(9.3 * (double)GIB_KIB), 0);
	hand_tick(2);
	assert_false(hand.vms[0].set);
	for (size_t i = 1; i < VMS; i++)
		assert_true(hand.vms[i].set && hand.vms[i].set_kib < 9 * GIB_KIB);
}

/* A VM that has not moved for 5 s is counted at what it has, and the others make do. */
static void test_squeezed_stuck(void **state)
{
	const uint64_t keep_kib = 10 * MIB_KIB;
	int64_t s = 0;

	(void)state;
	hand_init(&sim_squeezed, 0);
	for (size_t i = 0; i < VMS; i++) {
		at(i, 12 * GIB_KIB, 0);
		hand.vms[i].target_kib = 8 * GIB_KIB - keep_kib / 4;
	}
	for (; s < 5; s++) {
		for (size_t i = 1; i < VMS; i++)
			hand.samples[i].actual_kib = opt_some((uint64_t)(12 - s) * GIB_KIB);
		hand_tick(s);
		for (size_t i = 0; i < VMS; i++)
			assert_false(hand.vms[i].set);
	}
	for (size_t i = 1; i < VMS; i++)
		hand.samples[i].actual_kib = opt_some(hand.vms[i].target_kib);
	hand_tick(6);
	assert_false(hand.vms[0].set);
	/* (32 - 12 - 3 * 2) of 3 * 6 GiB above the minimums */
	for (size_t i = 1; i < VMS; i++)
		assert_set(i, 2 * GIB_KIB + (14 * GIB_KIB - keep_kib) / 3);
}

/* Over a short run, of all policies: it ends, breaks no reservation, and again gives the same. */
static void test_every_policy(void **state)
{
	static float samples[8][24];
	struct trace_vm vms[8] = { 0 };
	struct guest_spec specs[8];
	struct vm_settings settings[8];
	struct conf *conf = conf_new_default();
	struct experiment experiment = {
		.conf = conf,
		.specs = specs,
		.settings = settings,
		.n_specs = 8,
		.factors = { 1, 2 },
		.n_factors = 2,
		.ram_mib = 16 * 1024,
		.seed = 3,
		.duration_s = 7200,
	};
	struct metrics once[2 * POLICIES], again[2 * POLICIES];
	struct conf_error error;

	(void)state;
	assert_non_null(conf);
	while ((experiment.policies[experiment.n_policies] = sim_policy_at(experiment.n_policies)))
		experiment.n_policies++;
	assert_int_equal(experiment.n_policies, POLICIES);
	for (size_t i = 0; i < 8; i++) {
		vms[i] = (struct trace_vm){ .provisioned_mib = 4096 + 512 * (double)(i % 3),
					    .step_s = 300,
					    .n_samples = 24,
					    .used_mib = samples[i] };
		for (size_t s = 0; s < 24; s++)
			samples[i][s] = i == 3 && s < 4 ? NAN : (float)(300 + 100 * (s % 7));
		snprintf(vms[i].id, sizeof(vms[i].id), "vm%zu", i);
		specs[i] = guest_spec_init(&vms[i], i);
		assert_int_equal(conf_vm_settings(conf, vms[i].id, NULL, &settings[i], &error), 0);
	}
	experiment.jobs = 1;
	assert_int_equal(experiment_run(&experiment, once), 0);
	experiment.jobs = 3;
	assert_int_equal(experiment_run(&experiment, again), 0);
	assert_memory_equal(once, again, 2 * POLICIES * sizeof(once[0]));
	for (size_t p = 0; p < POLICIES; p++) {
		assert_true(once[p].hosts == 2 && once[POLICIES + p].hosts == 1);
		assert_int_equal(once[p].breaches, 0);
		assert_true(once[p].vm_minutes > 0);
		assert_true(metrics_mean_slowdown(&once[p]) >= 1);
		assert_true(metrics_mean_relative(&once[p]) >= 1);
	}
	/* Doing nothing at twice the memory there is makes the host swap; who takes does better. */
	for (size_t p = 2; p < POLICIES; p++)
		assert_true(once[POLICIES + p].host_swap_mib_s < once[POLICIES].host_swap_mib_s);
	experiment.seed = 4;
	assert_int_equal(experiment_run(&experiment, again), 0);
	assert_memory_not_equal(once, again, 2 * POLICIES * sizeof(once[0]));
	conf_free(conf);
}

/* Bursts on a host that cannot cover them all: foresight helps, and to be late does harm. */
static void test_oracles(void **state)
{
	static float samples[8][24];
	const struct sim_policy *const policies[] = { &sim_oracle, &sim_present, &sim_late };
	struct trace_vm vms[8] = { 0 };
	struct guest_spec specs[8];
	struct vm_settings settings[8];
	struct conf *conf = conf_new_default();
	struct metrics metrics[3];
	struct conf_error error;

	(void)state;
	assert_non_null(conf);
	for (size_t i = 0; i < 8; i++) {
		vms[i] = (struct trace_vm){ .provisioned_mib = 8192,
					    .step_s = 300,
					    .n_samples = 24,
					    .used_mib = samples[i] };
		for (size_t s = 0; s < 24; s++)
			samples[i][s] = 800;
		specs[i] = guest_spec_init(&vms[i], i);
		assert_int_equal(conf_vm_settings(conf, "vm", NULL, &settings[i], &error), 0);
	}
	for (size_t p = 0; p < 3; p++) {
		struct run_setup setup = {
			.policy = policies[p],
			.conf = conf,
			.specs = specs,
			.settings = settings,
			.n_specs = 8,
			.ram_mib = 24 * 1024,
			.seed = 5,
			.duration_s = 7200,
		};

		assert_int_equal(run_host(&setup, &metrics[p]), 0);
		print_message("# %s: mean slowdown %.4f\n", policies[p]->name,
			      metrics_mean_slowdown(&metrics[p]));
	}
	assert_true(metrics_mean_slowdown(&metrics[0]) < metrics_mean_slowdown(&metrics[1]));
	assert_true(metrics_mean_slowdown(&metrics[1]) < metrics_mean_slowdown(&metrics[2]));
	conf_free(conf);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_mom_shrinks, hand_free),
		cmocka_unit_test_teardown(test_mom_forces_swap, hand_free),
		cmocka_unit_test_teardown(test_mom_grows_by_averages, hand_free),
		cmocka_unit_test_teardown(test_pve, hand_free),
		cmocka_unit_test_teardown(test_pve_shares, hand_free),
		cmocka_unit_test_teardown(test_squeezed, hand_free),
		cmocka_unit_test_teardown(test_squeezed_stuck, hand_free),
		cmocka_unit_test(test_every_policy),
		cmocka_unit_test(test_oracles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
