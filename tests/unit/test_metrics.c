// SPDX-License-Identifier: GPL-2.0
/*
 * The metrics as text: units, what is unknown, hostile names and numbers, histograms; where they
 * may be listened for; and which VM is advised to leave.
 */
#include "cmocka_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "publish/advice.h"
#include "publish/metrics.h"
#include "publish/telemetry.h"
#include "scratch_dir.h"

#define N_VMS 3
#define GIB   ((uint64_t)1024 * 1024)

struct scene {
	struct vm vms[N_VMS];
	struct vm *table[N_VMS];
	struct fleet fleet;
	struct telemetry telemetry;
	struct status status;
	struct conf *conf;
};

static int setup(void **state)
{
	static const char *const names[N_VMS] = { "a", "b", "c" };
	struct scene *scene = calloc(1, sizeof(*scene));

	if (!scene)
		return -1;
	scene->conf = conf_new_default();
	for (size_t i = 0; i < N_VMS; i++) {
		struct vm *vm = &scene->vms[i];

		vm->name = (char *)names[i];
		snprintf(vm->sample.uuid, sizeof(vm->sample.uuid), "uuid-%s", names[i]);
		vm->sample.max_kib = 4 * GIB;
		vm->sample.actual_kib = opt_some(3 * GIB);
		vm->sample.rss_kib = opt_some((i + 1) * GIB);
		vm->described = true;
		scene->table[i] = vm;
	}
	scene->fleet = (struct fleet){ .vms = scene->table, .n_vms = N_VMS };
	scene->status = (struct status){
		.fleet = &scene->fleet,
		.conf = scene->conf,
		.telemetry = &scene->telemetry,
		.ticks = 1,
	};
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	conf_free(scene->conf);
	free(scene);
	return 0;
}

static void assert_has(const struct scene *scene, const char *line, bool expected)
{
	char *text;
	size_t length;

	assert_int_equal(metrics_render(&scene->status, &text, &length), 0);
	assert_eq(strlen(text), length);
	if ((strstr(text, line) != NULL) != expected)
		fail_msg("%s \"%s\" in: %s", expected ? "no" : "unexpected", line, text);
	free(text);
}

static void test_base_units(void **state)
{
	struct scene *scene = *state;
	struct host_detail detail = { 0 };

	scene->vms[0].sample.stats_age_ms = opt_some(1234);
	scene->status.host.psi_some_permille = opt_some(25);
	assert_has(scene, "\naerostat_vm_actual_bytes{domain=\"a\",uuid=\"uuid-a\"} 3221225472\n",
		   true);
	assert_has(scene, "\naerostat_vm_ballooned_ratio{domain=\"a\",uuid=\"uuid-a\"} 0.250\n",
		   true);
	assert_has(scene, "\naerostat_vm_stats_age_seconds{domain=\"a\",uuid=\"uuid-a\"} 1.234\n",
		   true);
	assert_has(scene, "\naerostat_host_pressure_some_ratio 0.025\n", true);
	scene->status.host_detail = &detail;
	assert_has(scene, "aerostat_host_storage_latency_seconds", false);
	detail.storage.latency_us = opt_some(35250);
	assert_has(scene, "\naerostat_host_storage_latency_seconds 0.035250\n", true);
	assert_has(scene,
		   "\naerostat_alarm_threshold_seconds{alarm=\"storage-latency\"} 0.020000\n",
		   true);
	assert_has(scene, "\naerostat_alarm_threshold_ratio{alarm=\"io-wait\"} 0.200\n", true);
	assert_has(scene, "aerostat_alarm_threshold_ratio{alarm=\"storage-latency\"}", false);
}

/* Absent is not zero: neither a sample nor a heading. */
static void test_unknown_is_absent(void **state)
{
	struct scene *scene = *state;

	assert_has(scene, "aerostat_host_available_bytes", false);
	assert_has(scene, "aerostat_vm_demand_bytes", false);
	assert_has(scene, "aerostat_vm_stuck", false);
	scene->vms[1].sample.actual_kib = opt_none();
	assert_has(scene, "aerostat_vm_actual_bytes{domain=\"b\"", false);
	assert_has(scene, "aerostat_vm_ballooned_ratio{domain=\"b\"", false);
	assert_has(scene, "aerostat_vm_actual_bytes{domain=\"c\"", true);
}

static void test_hostile_names_are_escaped(void **state)
{
	struct scene *scene = *state;

	scene->vms[0].name = (char *)"x\"} 1\nfake \\";
	assert_has(scene, "{domain=\"x\\\"} 1\\nfake \\\\\",uuid=", true);
	assert_has(scene, "\nfake", false);
}

static void test_hostile_numbers_are_bounded(void **state)
{
	struct scene *scene = *state;

	scene->vms[0].sample.usable_kib = opt_some(UINT64_MAX);
	scene->vms[0].sample.swap_in_kib = opt_some(7);
	scene->vms[0].sample.swap_out_kib = opt_some(3);
	assert_has(scene,
		   "aerostat_vm_guest_usable_bytes{domain=\"a\",uuid=\"uuid-a\"} "
		   "18446744073709551615\n",
		   true);
	assert_has(scene, "aerostat_vm_swap_estimate_bytes{domain=\"a\",uuid=\"uuid-a\"} 0\n",
		   true);
	/* More than its maximum: the share that the balloon holds is not known. */
	scene->vms[0].sample.actual_kib = opt_some(UINT64_MAX);
	assert_has(scene, "aerostat_vm_ballooned_ratio{domain=\"a\"", false);
}

static void test_histogram_is_cumulative(void **state)
{
	struct scene *scene = *state;

	histogram_note(&scene->telemetry.tick, 100); /* a bound belongs to its bucket */
	histogram_note(&scene->telemetry.tick, 101);
	histogram_note(&scene->telemetry.tick, 20000000);
	assert_has(scene, "aerostat_tick_duration_seconds_bucket{le=\"0.0001\"} 1\n", true);
	assert_has(scene, "aerostat_tick_duration_seconds_bucket{le=\"0.0005\"} 2\n", true);
	assert_has(scene, "aerostat_tick_duration_seconds_bucket{le=\"10\"} 2\n", true);
	assert_has(scene, "aerostat_tick_duration_seconds_bucket{le=\"+Inf\"} 3\n", true);
	assert_has(scene, "aerostat_tick_duration_seconds_sum 20.000201\n", true);
	assert_has(scene, "aerostat_tick_duration_seconds_count 3\n", true);
}

static void test_decisions_by_reason(void **state)
{
	struct scene *scene = *state;

	scene->telemetry.decisions[REASON_RELIEF] = 5;
	assert_has(scene, "\naerostat_decisions_total{reason=\"relief\"} 5\n", true);
	assert_has(scene, "\naerostat_decisions_total{reason=\"stuck\"} 0\n", true);
}

static void make_short(struct scene *scene, uint64_t missing_kib)
{
	scene->status.decision.state = HOST_HARD;
	scene->status.decision.shortage_kib = missing_kib;
	scene->status.decision.free_kib = opt_some(0);
}

static void test_no_advice_without_need(void **state)
{
	struct scene *scene = *state;

	assert_null(advice_migration(&scene->status));
	make_short(scene, GIB);
	scene->status.decision.state = HOST_SOFT;
	assert_null(advice_migration(&scene->status));
}

/* Everybody has what is due to him, but that is less than what he needs: one VM too many. */
static void test_unmet_need_is_a_reason(void **state)
{
	struct scene *scene = *state;
	struct vm *vm = &scene->vms[1];

	scene->status.decision =
		(struct host_decision){ .state = HOST_HARD, .free_kib = opt_some(1024) };
	vm->decided_ms = 1;
	vm->decision.limit_kib = 4 * GIB;
	vm->decision.demand_kib = opt_some(3 * GIB + 1024);
	assert_null(advice_migration(&scene->status)); /* that much is free */
	vm->decision.demand_kib = opt_some(3 * GIB + 1025);
	assert_ptr_equal(advice_migration(&scene->status), &scene->vms[0]);
	vm->decision.limit_kib = 3 * GIB; /* by its owner's will, not the host's */
	assert_null(advice_migration(&scene->status));
}

static void test_cheapest_that_suffices_is_advised(void **state)
{
	struct scene *scene = *state;

	make_short(scene, 2 * GIB);
	assert_ptr_equal(advice_migration(&scene->status), &scene->vms[0]);
	assert_has(scene, "aerostat_vm_migration_advice{domain=\"a\",uuid=\"uuid-a\"} 1\n", true);
	assert_has(scene, "aerostat_vm_migration_advice{domain=\"b\",uuid=\"uuid-b\"} 0\n", true);
	scene->vms[0].sample.actual_kib = opt_some(GIB); /* not enough any more */
	assert_ptr_equal(advice_migration(&scene->status), &scene->vms[1]);
}

static void test_largest_is_advised_when_none_suffices(void **state)
{
	struct scene *scene = *state;

	make_short(scene, 100 * GIB);
	scene->vms[2].sample.actual_kib = opt_some(4 * GIB);
	assert_ptr_equal(advice_migration(&scene->status), &scene->vms[2]);
}

static void test_who_cannot_leave_is_not_advised(void **state)
{
	struct scene *scene = *state;

	make_short(scene, GIB);
	scene->vms[0].description.pinned = "it has an assigned device";
	scene->vms[1].has_job = true;
	assert_ptr_equal(advice_migration(&scene->status), &scene->vms[2]);
	scene->vms[2].sample.run_state = VM_PAUSED;
	assert_null(advice_migration(&scene->status));
}

/* What `value` of metrics.listen comes to; fails when the outcome is not the expected one. */
static void expect_listen(void **state, const char *value, const char *address, uint16_t port)
{
	struct conf_error error;
	struct conf *conf;
	char text[120];
	int ret;

	snprintf(text, sizeof(text), "[metrics]\nlisten = %s\n", value);
	ret = conf_load(scratch_write(*state, "aerostatd.conf", text), &conf, &error);
	if (!address) {
		assert_int_not_equal(ret, 0);
		assert_contains(error.text, "metrics.listen");
		return;
	}
	assert_int_equal(ret, 0);
	assert_string_equal(conf->metrics.listen.address, address);
	assert_int_equal(conf->metrics.listen.port, port);
	conf_free(conf);
}

static void test_only_loopback_is_listened_on(void **state)
{
	expect_listen(state, "9178", "127.0.0.1", 9178);
	expect_listen(state, "127.0.0.2:1", "127.0.0.2", 1);
	expect_listen(state, "[::1]:65535", "::1", 65535);
	expect_listen(state, "none", "", 0);
	expect_listen(state, "0.0.0.0:9178", NULL, 0);
	expect_listen(state, "192.168.1.1:9178", NULL, 0);
	expect_listen(state, "[::]:9178", NULL, 0);
	expect_listen(state, "localhost:9178", NULL, 0);
	expect_listen(state, "127.0.0.1:0", NULL, 0);
	expect_listen(state, "127.0.0.1:65536", NULL, 0);
	expect_listen(state, "127.0.0.1:", NULL, 0);
	expect_listen(state, ":9178", NULL, 0);
	expect_listen(state, "[]:9178", NULL, 0);
}

int main(void)
{
#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		WITH_SCENE(test_base_units),
		WITH_SCENE(test_unknown_is_absent),
		WITH_SCENE(test_hostile_names_are_escaped),
		WITH_SCENE(test_hostile_numbers_are_bounded),
		WITH_SCENE(test_histogram_is_cumulative),
		WITH_SCENE(test_decisions_by_reason),
		WITH_SCENE(test_no_advice_without_need),
		WITH_SCENE(test_unmet_need_is_a_reason),
		WITH_SCENE(test_cheapest_that_suffices_is_advised),
		WITH_SCENE(test_largest_is_advised_when_none_suffices),
		WITH_SCENE(test_who_cannot_leave_is_not_advised),
		cmocka_unit_test_setup_teardown(test_only_loopback_is_listened_on, scratch_setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
