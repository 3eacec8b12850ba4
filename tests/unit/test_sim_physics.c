// SPDX-License-Identifier: GPL-2.0
/*
 * The simulated world against its published model: each law with numbers worked out by hand, and
 * the conservation laws that no step may break.
 */
#include "cmocka_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/guest.h"
#include "sim/host.h"
#include "sim/metrics.h"
#include "sim/model.h"

#define SECONDS	       4000
#define STATS_S	       5
#define NEAR(a, b)     assert_true(fabs((double)(a) - (double)(b)) < 1e-6)
#define CLOSE(a, b, d) assert_true(fabs((double)(a) - (double)(b)) <= (d))

/* One VM of 8 GiB, whose use a test writes down second by second. */
struct lone {
	struct trace_vm trace;
	struct guest_spec spec;
	struct guests guests;
	float use_mib[SECONDS];
};

static struct lone lone;

static const double kernel_mib = 64 + 0.02 * 8192;

static void lone_init(float use_mib)
{
	memset(&lone, 0, sizeof(lone));
	for (size_t s = 0; s < SECONDS; s++)
		lone.use_mib[s] = use_mib;
	lone.trace = (struct trace_vm){ .id = "lone",
					.provisioned_mib = 8192,
					.step_s = 1,
					.n_samples = SECONDS,
					.used_mib = lone.use_mib };
	lone.spec = guest_spec_init(&lone.trace, 0);
	lone.spec.demand.bursts = false;
}

static void lone_start(void)
{
	assert_int_equal(guests_init(&lone.guests, &lone.spec, 1, STATS_S, 1), 0);
}

static void use_from(size_t from, float use_mib)
{
	for (size_t s = from; s < SECONDS; s++)
		lone.use_mib[s] = use_mib;
}

static void run_s(int seconds)
{
	for (int s = 0; s < seconds; s++) {
		guests_begin(&lone.guests);
		guests_step(&lone.guests);
	}
}

static int teardown(void **state)
{
	(void)state;
	guests_free(&lone.guests);
	return 0;
}

/* Cache fills at 20 MiB/s up to all that is free; resident memory follows. */
static void test_cache(void **state)
{
	(void)state;
	lone_init(1000);
	lone_start();
	run_s(10);
	NEAR(lone.guests.cache_mib[0], 200);
	NEAR(lone.guests.resident_mib[0], kernel_mib + 1000 + 200);
	NEAR(lone.guests.slowdown[0], 1 + 0.5 * (300 - 200) / 300);
	run_s(10);
	NEAR(lone.guests.slowdown[0], 1);
	run_s(400);
	NEAR(lone.guests.cache_mib[0], 8192 - kernel_mib - 1000);
	NEAR(lone.guests.resident_mib[0], 8192);
}

/* 1 GiB/s out of free memory and cache, then 200 MiB/s; a part of a second each. */
static void test_inflate(void **state)
{
	double room;

	(void)state;
	lone_init(3000);
	lone_start();
	run_s(500);
	room = 8192 - kernel_mib - 3000;
	guests_set_target(&lone.guests, 0, 3072 * 1024);
	run_s(1);
	NEAR(lone.guests.actual_mib[0], 8192 - 1024);
	NEAR(lone.guests.swap_mib[0], 0);
	run_s(3);
	NEAR(lone.guests.actual_mib[0], 8192 - 4096);
	run_s(1);
	/* What was left of the room, and for the rest of the second pages to swap. */
	room -= 4096;
	NEAR(lone.guests.actual_mib[0], 4096 - room - 200 * (1 - room / 1024));
	NEAR(lone.guests.swap_mib[0], 200 * (1 - room / 1024));
	run_s(100);
	NEAR(lone.guests.actual_mib[0], 3072);
	NEAR(lone.guests.swap_mib[0], 3000 + kernel_mib - 3072);
	NEAR(lone.guests.cache_mib[0], 0);
	NEAR(lone.guests.slowdown[0], 1 + 8 * lone.guests.swap_mib[0] / 3000 + 0.5);
	NEAR(lone.guests.resident_mib[0], 3072);
	NEAR(lone.guests.moved_mib[0], 8192 - 3072);
}

/* 4 GiB/s back; what is in swap comes back at 200 MiB/s, and counts until then. */
static void test_deflate(void **state)
{
	double swap;

	(void)state;
	lone_init(3000);
	lone_start();
	run_s(500);
	guests_set_target(&lone.guests, 0, 2048 * 1024);
	run_s(200);
	swap = lone.guests.swap_mib[0];
	NEAR(swap, 3000 + kernel_mib - 2048);
	guests_set_target(&lone.guests, 0, 8192 * 1024);
	run_s(1);
	NEAR(lone.guests.actual_mib[0], 2048 + 4096);
	NEAR(lone.guests.swap_mib[0], swap);
	run_s(2);
	NEAR(lone.guests.swap_mib[0], swap - 400);
	NEAR(lone.guests.actual_mib[0], 8192);
}

/* A working set that outgrows its memory is in swap at once, after the cache has gone. */
static void test_growth(void **state)
{
	(void)state;
	lone_init(1000);
	use_from(500, 5000);
	lone_start();
	run_s(450);
	guests_set_target(&lone.guests, 0, 4096 * 1024);
	run_s(50);
	NEAR(lone.guests.cache_mib[0], 4096 - kernel_mib - 1000);
	run_s(1);
	NEAR(lone.guests.cache_mib[0], 0);
	NEAR(lone.guests.swap_mib[0], 5000 + kernel_mib - 4096);
}

/* hv_balloon's table: a guest of 8 GiB keeps 744 MiB. */
static void test_floor(void **state)
{
	(void)state;
	lone_init(100);
	lone_start();
	run_s(20);
	guests_set_target(&lone.guests, 0, 4);
	run_s(100);
	NEAR(lone.guests.actual_mib[0], 744);
}

/* Pages that were never touched are taken first: nothing is freed by that. */
static void test_untouched_first(void **state)
{
	(void)state;
	lone_init(1000);
	lone_start();
	run_s(11);
	NEAR(lone.guests.resident_mib[0], kernel_mib + 1000 + 220);
	guests_set_target(&lone.guests, 0, 6144 * 1024);
	run_s(2);
	NEAR(lone.guests.actual_mib[0], 6144);
	NEAR(lone.guests.resident_mib[0], kernel_mib + 1000 + 260);
}

/* Freed memory stays resident, unless it is reported: then it goes two seconds later. */
static void test_reporting(void **state)
{
	(void)state;
	for (int reporting = 0; reporting < 2; reporting++) {
		lone_init(4000);
		use_from(100, 1000);
		lone.spec.reporting = reporting;
		lone_start();
		run_s(100);
		NEAR(lone.guests.resident_mib[0], kernel_mib + 4000 + 100 * 20);
		run_s(MODEL_REPORTING_DELAY_S);
		assert_true(lone.guests.resident_mib[0] >= kernel_mib + 4000 + 100 * 20);
		run_s(1);
		if (reporting)
			NEAR(lone.guests.resident_mib[0], kernel_mib + 1000 + 103 * 20);
		else
			NEAR(lone.guests.resident_mib[0], kernel_mib + 4000 + 100 * 20);
		guests_free(&lone.guests);
	}
}

static void test_behaviours(void **state)
{
	(void)state;
	lone_init(500);
	lone.spec.inflate_mib_s = 0;
	lone_start();
	run_s(20);
	guests_set_target(&lone.guests, 0, 2048 * 1024);
	run_s(100);
	NEAR(lone.guests.actual_mib[0], 8192);
	guests_free(&lone.guests);

	lone_init(500);
	lone.spec.inflate_mib_s = 1;
	lone_start();
	run_s(20);
	guests_set_target(&lone.guests, 0, 2048 * 1024);
	run_s(100);
	NEAR(lone.guests.actual_mib[0], 8092);
	guests_free(&lone.guests);

	lone_init(500);
	lone.spec.lowest_fraction = 0.5;
	lone_start();
	run_s(20);
	guests_set_target(&lone.guests, 0, 2048 * 1024);
	run_s(100);
	NEAR(lone.guests.actual_mib[0], 4096);
	guests_free(&lone.guests);

	lone_init(500);
	lone.spec.pinned = true;
	lone_start();
	run_s(500);
	guests_set_target(&lone.guests, 0, 2048 * 1024);
	run_s(100);
	NEAR(lone.guests.actual_mib[0], 2048);
	NEAR(lone.guests.resident_mib[0], 8192);
	guests_free(&lone.guests);

	lone_init(500);
	lone.spec.boots = true;
	lone_start();
	run_s(1);
	guests_set_target(&lone.guests, 0, 2048 * 1024);
	run_s(MODEL_BOOT_S - 1);
	NEAR(lone.guests.actual_mib[0], 8192);
	run_s(1);
	NEAR(lone.guests.actual_mib[0], 8192 - 1024);
}

/* Statistics come once a period, are a second old when they do, and age. */
static void test_statistics(void **state)
{
	const struct vm_sample *sample;
	uint64_t age_ms, usable_kib, last = UINT64_MAX;
	int published = 0;

	(void)state;
	lone_init(1000);
	lone_start();
	sample = &lone.guests.samples[0];
	for (int s = 0; s < 100; s++) {
		double cache_mib = lone.guests.cache_mib[0];
		double free_mib = lone.guests.actual_mib[0] - cache_mib - kernel_mib - 1000;

		run_s(1);
		guests_observe(&lone.guests, 0, 0);
		if (!opt_get(sample->stats_age_ms, &age_ms))
			continue;
		assert_true(age_ms == (last == UINT64_MAX || last == 4000 ? 0 : last + 1000));
		last = age_ms;
		if (age_ms || !s)
			continue;
		published++;
		assert_true(opt_get(sample->usable_kib, &usable_kib));
		CLOSE((double)usable_kib, (free_mib + cache_mib) * 1024, 1);
		CLOSE((double)opt_or(sample->cache_kib, 0), cache_mib * 1024, 1);
	}
	CLOSE(published, 20, 1);
	guests_free(&lone.guests);

	lone_init(1000);
	lone.spec.silent = true;
	lone_start();
	run_s(50);
	guests_observe(&lone.guests, 0, 0);
	assert_false(lone.guests.samples[0].stats_age_ms.known);
	assert_false(lone.guests.samples[0].usable_kib.known);
}

/* Nothing appears or vanishes, whatever is asked of whatever workload. */
static void test_conservation(void **state)
{
	struct rng rng;

	(void)state;
	rng_init(&rng, 1, RNG_TEST, 0);
	lone_init(0);
	for (size_t s = 0; s < SECONDS; s++)
		lone.use_mib[s] = rng_below(&rng, 50) ? (s ? lone.use_mib[s - 1] : 500)
						      : (float)rng_below(&rng, 9000);
	lone_start();
	for (size_t s = 0; s < SECONDS; s++) {
		struct guests *guests = &lone.guests;
		double working_set, used;

		if (rng_below(&rng, 20) == 0)
			guests_set_target(guests, 0, rng_below(&rng, (uint64_t)9000 * 1024));
		run_s(1);
		working_set = guests->demand.working_set_mib[0];
		used = kernel_mib + working_set - guests->swap_mib[0] + guests->cache_mib[0];
		assert_true(guests->swap_mib[0] >= 0 && guests->swap_mib[0] <= working_set + 1e-6);
		assert_true(guests->cache_mib[0] >= 0);
		assert_true(used <= guests->actual_mib[0] + 1e-6);
		assert_true(guests->resident_mib[0] <= guests->actual_mib[0] + 1e-6);
		assert_true(guests->resident_mib[0] >= used - 1e-6);
		assert_true(guests->slowdown[0] >= 1 && guests->slowdown[0] <= 9.5 + 1e-6);
		assert_true(guests->alone_slowdown[0] <= guests->slowdown[0] + 0.5 + 1e-6);
	}
}

/* What does not fit is in swap at once, costs by its share, and comes back at 200 MiB/s. */
static void test_host(void **state)
{
	struct host_sample sample;
	struct host host;

	(void)state;
	host_init(&host, 65536);
	host_step(&host, 50000);
	NEAR(host.swap_mib, 0);
	NEAR(host.slowdown, 1);
	sample = host_observe(&host);
	assert_eq(opt_or(sample.available_kib, 0), (65536 - 2048 - 50000) * 1024);
	host_step(&host, 64000);
	NEAR(host.swap_mib, 64000 + 2048 - 65536);
	NEAR(host.slowdown, 1 + 80 * 512.0 / 64000);
	sample = host_observe(&host);
	assert_eq(opt_or(sample.available_kib, 1), 0);
	assert_true(opt_or(sample.swap_out_pages, 0) >= 512 * 256);
	assert_true(opt_or(sample.psi_some_permille, 0) > 0);
	host_step(&host, 50000);
	NEAR(host.swap_mib, 312);
	host_step(&host, 50000);
	host_step(&host, 50000);
	NEAR(host.swap_mib, 0);
	for (int s = 0; s < 100; s++)
		host_step(&host, 50000);
	assert_eq(opt_or(host_observe(&host).psi_some_permille, 1), 0);
}

static void test_metrics(void **state)
{
	struct metrics a = { 0 }, b = { 0 };

	(void)state;
	for (int i = 0; i < 98; i++)
		metrics_minute(&a, 1, 1);
	metrics_minute(&b, 1.2, 1);
	metrics_minute(&b, 1.5, 1.5);
	metrics_vm(&a, "slow", 2);
	metrics_vm(&b, "slower", 3);
	metrics_add(&a, &b);
	NEAR(metrics_violation(&a), 0.02);
	NEAR(metrics_harm(&a), 0.01);
	NEAR(metrics_slowdown_at(&a, 980), 1);
	CLOSE(metrics_slowdown_at(&a, 990), 1.2, 0.0011);
	CLOSE(metrics_slowdown_at(&a, 1000), 1.5, 0.0011);
	assert_string_equal(a.worst_vm, "slower");
	assert_int_equal(a.vms, 2);
	metrics_minute(&a, 40, 1);
	CLOSE(metrics_slowdown_at(&a, 1000), 40, 0.5);
	metrics_minute(&a, 1e9, 1); /* beyond the last bin */
}

/* Linear between samples, stopped where there are none, and bursts on average every two hours. */
static void test_demand(void **state)
{
	static float samples[] = { 100, 400, NAN, 200, 200 };
	static float month[8640];
	struct trace_vm vm = { .id = "v",
			       .provisioned_mib = 1000,
			       .step_s = 300,
			       .n_samples = 5,
			       .used_mib = samples };
	struct demand_source source = { .vm = &vm };
	struct demand demand;
	unsigned int bursts = 0, changes = 0;
	double before = 0, highest = 0;

	(void)state;
	assert_int_equal(demand_init(&demand, &source, 1, 1), 0);
	for (int s = 0; s < 1600; s++) {
		demand_step(&demand);
		changes += demand.changed[0];
		if (s == 150)
			NEAR(demand.working_set_mib[0], 250);
		if (s == 450)
			NEAR(demand.working_set_mib[0], 400);
		assert_int_equal(demand.running[0], s < 600 || (s >= 900 && s < 1500));
	}
	assert_int_equal(changes, 4);
	demand_free(&demand);

	for (size_t i = 0; i < 8640; i++)
		month[i] = 50;
	vm.n_samples = 8640;
	vm.used_mib = month;
	source.bursts = true;
	assert_int_equal(demand_init(&demand, &source, 1, 1), 0);
	for (int s = 0; s < 8640 * 300; s++) {
		demand_step(&demand);
		bursts += before == 50 && demand.working_set_mib[0] > 50;
		before = demand.working_set_mib[0];
		highest = fmax(highest, before);
	}
	/* 720 h, a burst of 5.5 minutes after two hours on average */
	CLOSE(bursts, 720 / (2 + 5.7 / 60), 45);
	assert_true(highest > 400 && highest <= 450);
	demand_free(&demand);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_cache, teardown),
		cmocka_unit_test_teardown(test_inflate, teardown),
		cmocka_unit_test_teardown(test_deflate, teardown),
		cmocka_unit_test_teardown(test_growth, teardown),
		cmocka_unit_test_teardown(test_floor, teardown),
		cmocka_unit_test_teardown(test_untouched_first, teardown),
		cmocka_unit_test_teardown(test_reporting, teardown),
		cmocka_unit_test_teardown(test_behaviours, teardown),
		cmocka_unit_test_teardown(test_statistics, teardown),
		cmocka_unit_test_teardown(test_conservation, teardown),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_demand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
