// SPDX-License-Identifier: GPL-2.0
/* Alarms: when they are raised and over, how long they wait, whose they are; and their catalogue. */
#include "cmocka_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "publish/alarms.h"
#include "publish/history.h"

#define N_VMS	  3
#define GIB	  ((uint64_t)1024 * 1024)
#define HOLD_MS	  ((uint64_t)10 * 60 * 1000)
#define MINUTE_MS ((uint64_t)60 * 1000)

struct scene {
	struct vm vms[N_VMS];
	struct vm *table[N_VMS];
	struct fleet fleet;
	struct conf *conf;
	struct status status;
	struct alarms *alarms;
	uint64_t now_ms;
	unsigned int raised; /* since the last look */
	unsigned int cleared;
	struct alarm last;
	char device[STORAGE_NAME_LEN]; /* of that; "": of none */
	char name[32]; /* of its VM */
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	if (!scene)
		return -1;
	scene->conf = conf_new_default();
	scene->alarms = alarms_new();
	for (size_t i = 0; i < N_VMS; i++) {
		struct vm *vm = &scene->vms[i];

		vm->name = (char *)"vm";
		snprintf(vm->sample.uuid, sizeof(vm->sample.uuid), "uuid-%zu", i);
		vm->sample.max_kib = 4 * GIB;
		vm->sample.actual_kib = opt_some(4 * GIB);
		vm->decision.reason = REASON_STEADY;
		vm->decided_ms = 1;
		scene->table[i] = vm;
	}
	scene->fleet = (struct fleet){ .vms = scene->table, .n_vms = N_VMS };
	scene->status = (struct status){
		.fleet = &scene->fleet,
		.conf = scene->conf,
		.ticks = 1,
	};
	scene->status.host.total_kib = opt_some(100 * GIB);
	scene->status.host.available_kib = opt_some(50 * GIB);
	scene->now_ms = 1000000;
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	alarms_free(scene->alarms);
	conf_free(scene->conf);
	free(scene);
	return 0;
}

static void take(void *userdata, const struct alarm *alarm)
{
	struct scene *scene = userdata;

	if (alarm->raised)
		scene->raised++;
	else
		scene->cleared++;
	scene->last = *alarm;
	snprintf(scene->name, sizeof(scene->name), "%s", alarm->vm ? alarm->vm : "host");
	snprintf(scene->device, sizeof(scene->device), "%s", alarm->device ? alarm->device : "");
}

/* One tick later; expects so many alarms to be raised and over in it. */
static void tick(struct scene *scene, uint64_t elapsed_ms, unsigned int raised,
		 unsigned int cleared)
{
	scene->now_ms += elapsed_ms;
	scene->raised = scene->cleared = 0;
	assert_int_equal(alarms_tick(scene->alarms, &scene->status, scene->now_ms, take, scene), 0);
	assert_int_equal(scene->raised, raised);
	assert_int_equal(scene->cleared, cleared);
}

static void set_ballooned(struct scene *scene, size_t i, unsigned int permille)
{
	scene->vms[i].sample.actual_kib = opt_some(4 * GIB - (4 * GIB * permille + 999) / 1000);
}

static void test_holds_before_it_is_an_alarm(void **state)
{
	struct scene *scene = *state;

	set_ballooned(scene, 1, 400);
	tick(scene, 5000, 0, 0);
	tick(scene, HOLD_MS - 1, 0, 0);
	tick(scene, 1, 1, 0);
	assert_int_equal(scene->last.kind, ALARM_BALLOONED);
	assert_string_equal(scene->last.uuid, "uuid-1");
	assert_eq(opt_or(scene->last.value, 0), 400);
	assert_eq(opt_or(scene->last.limit, 0), 300);
	assert_true(alarms_raised(scene->alarms, ALARM_BALLOONED, "uuid-1"));
	assert_false(alarms_raised(scene->alarms, ALARM_BALLOONED, "uuid-0"));
	tick(scene, HOLD_MS, 0, 0); /* told once */
}

/* One that was just found is nobody's trouble yet, and no decision stands for what it is. */
static void test_not_judged_is_no_alarm(void **state)
{
	struct scene *scene = *state;

	scene->vms[0].decided_ms = 0;
	scene->vms[0].decision.reason = REASON_NO_STATS;
	scene->vms[0].state.movement.stuck = true;
	set_ballooned(scene, 0, 900);
	tick(scene, 5000, 0, 0);
	tick(scene, HOLD_MS, 0, 0);
	scene->vms[0].decided_ms = 1;
	tick(scene, 5000, 1, 0); /* stuck, at once; the others wait from now on */
	tick(scene, HOLD_MS, 2, 0);
}

static void test_a_short_peak_is_none(void **state)
{
	struct scene *scene = *state;

	set_ballooned(scene, 0, 400);
	tick(scene, 5000, 0, 0);
	set_ballooned(scene, 0, 100);
	tick(scene, HOLD_MS - 5000, 0, 0);
	set_ballooned(scene, 0, 400);
	tick(scene, 5000, 0, 0);
	tick(scene, HOLD_MS - 1, 0, 0); /* the time before the dip does not count */
}

static void test_it_is_over_below_nine_tenths(void **state)
{
	struct scene *scene = *state;

	set_ballooned(scene, 0, 301);
	tick(scene, 5000, 0, 0);
	tick(scene, HOLD_MS, 1, 0);
	set_ballooned(scene, 0, 280);
	tick(scene, 5000, 0, 0);
	set_ballooned(scene, 0, 269);
	tick(scene, 5000, 0, 1);
}

static void test_at_the_threshold_is_not_above(void **state)
{
	struct scene *scene = *state;

	set_ballooned(scene, 0, 300);
	tick(scene, 5000, 0, 0);
	tick(scene, 2 * HOLD_MS, 0, 0);
}

static void test_low_and_stuck_do_not_wait(void **state)
{
	struct scene *scene = *state;

	scene->status.decision.state = HOST_LOW;
	tick(scene, 5000, 1, 0);
	assert_int_equal(scene->last.kind, ALARM_HOST_LOW);
	assert_null(scene->last.vm);
	scene->vms[2].state.movement.stuck = true;
	tick(scene, 5000, 1, 0);
	assert_int_equal(scene->last.kind, ALARM_STUCK);
	scene->status.decision.state = HOST_HARD;
	scene->vms[2].state.movement.stuck = false;
	tick(scene, 5000, 0, 2);
}

static void test_host_memory(void **state)
{
	struct scene *scene = *state;

	scene->status.host.available_kib = opt_some(9 * GIB);
	tick(scene, 5000, 0, 0);
	tick(scene, HOLD_MS, 1, 0);
	assert_eq(opt_or(scene->last.value, 0), 910);
	/* Unknown is no news: neither raised nor over. */
	scene->status.host.available_kib = opt_none();
	tick(scene, HOLD_MS, 0, 0);
	assert_true(alarms_raised(scene->alarms, ALARM_HOST_MEMORY, NULL));
}

/* In its own unit, and with the disk it is about. */
static void test_storage_latency(void **state)
{
	struct scene *scene = *state;
	struct host_detail detail = { 0 };

	scene->status.host_detail = &detail;
	tick(scene, 5000, 0, 0);
	detail.storage = (struct storage_sample){ opt_some(20000), "sda" };
	tick(scene, 5000, 0, 0);
	tick(scene, HOLD_MS, 0, 0); /* at the threshold is not above it */
	detail.storage.latency_us = opt_some(20001);
	tick(scene, 5000, 0, 0);
	tick(scene, HOLD_MS, 1, 0);
	assert_int_equal(scene->last.kind, ALARM_STORAGE_LATENCY);
	assert_null(scene->last.vm);
	assert_string_equal(scene->device, "sda");
	assert_eq(opt_or(scene->last.value, 0), 20001);
	assert_eq(opt_or(scene->last.limit, 0), 20000);
	detail.storage = (struct storage_sample){ 0 }; /* unknown is no news */
	tick(scene, HOLD_MS, 0, 0);
	detail.storage = (struct storage_sample){ opt_some(0), "" }; /* nobody waits */
	tick(scene, 5000, 0, 1);
	assert_string_equal(scene->device, "");
	assert_int_equal(alarm_unit(ALARM_STORAGE_LATENCY), ALARM_US);
}

static void test_guest_swap_and_waits(void **state)
{
	struct scene *scene = *state;
	struct vm_sample *sample = &scene->vms[0].sample;

	sample->swap_in_kib = opt_some(GIB);
	sample->swap_out_kib = opt_some(2 * GIB);
	sample->host.cpu_wait_permille = opt_some(51);
	sample->host.io_wait_permille = opt_some(201);
	tick(scene, 5000, 0, 0);
	tick(scene, HOLD_MS, 3, 0);
	sample->swap_in_kib = opt_some(2 * GIB);
	sample->host.cpu_wait_permille = opt_some(0);
	sample->host.io_wait_permille = opt_some(0);
	tick(scene, 5000, 0, 3);
}

static void test_thresholds_are_configured(void **state)
{
	struct scene *scene = *state;

	scene->conf->alarms.ballooned_permille = 500;
	scene->conf->alarms.hold_ms = 0;
	set_ballooned(scene, 0, 400);
	tick(scene, 5000, 0, 0);
	set_ballooned(scene, 0, 501);
	tick(scene, 5000, 1, 0);
}

/* Alarms follow their VMs when others come and go. */
static void test_vms_come_and_go(void **state)
{
	struct scene *scene = *state;

	set_ballooned(scene, 2, 400);
	tick(scene, 5000, 0, 0);
	scene->fleet = (struct fleet){ .vms = &scene->table[1], .n_vms = 2 };
	tick(scene, HOLD_MS, 1, 0);
	assert_string_equal(scene->last.uuid, "uuid-2");
	scene->fleet = (struct fleet){ .vms = scene->table, .n_vms = N_VMS };
	tick(scene, 5000, 0, 0);
	assert_true(alarms_raised(scene->alarms, ALARM_BALLOONED, "uuid-2"));
	assert_false(alarms_raised(scene->alarms, ALARM_BALLOONED, "uuid-0"));
	/* With the VM they are over, and whoever was told of them is told that. */
	scene->fleet.n_vms = 2;
	tick(scene, 5000, 0, 1);
	assert_int_equal(scene->last.kind, ALARM_BALLOONED);
	assert_false(scene->last.value.known);
	assert_string_equal(scene->name, "vm");
	tick(scene, 5000, 0, 0);
}

/* journalctl -x finds each kind's explanation by its MESSAGE_ID; no two kinds share one. */
static void test_every_kind_is_in_the_catalogue(void **state)
{
	FILE *file = fopen(TEST_TOP "/hostd/data/aerostat.catalog", "re");
	char *text = NULL;
	size_t size = 0;

	(void)state;
	assert_non_null(file);
	assert_true(getdelim(&text, &size, '\0', file) > 0);
	fclose(file);
	for (int i = 0; i < ALARM_KINDS_; i++) {
		const char *id = alarm_message_id((enum alarm_kind)i);
		char wanted[64];

		assert_int_equal(strlen(id), 32);
		assert_int_equal(strspn(id, "0123456789abcdef"), 32);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(id, alarm_message_id((enum alarm_kind)k));
		snprintf(wanted, sizeof(wanted), "\n-- %s\nSubject: ", id);
		assert_contains(text, wanted);
	}
	free(text);
}

struct points {
	unsigned int n;
	struct history_point oldest;
	struct history_point newest;
	uint64_t covered_ms;
};

static int take_point(void *userdata, const struct history_point *point)
{
	struct points *points = userdata;

	if (!points->n++)
		points->oldest = *point;
	points->newest = *point;
	points->covered_ms += point->span_ms;
	return 0;
}

/* A day and more of ticks: the last hour by minutes, the rest coarser, without holes or overlap. */
static void test_history_covers_time_once(void **state)
{
	struct history *history = history_new();
	struct scene *scene = *state;
	struct points points = { 0 };
	uint64_t since_ms = 20 * 60 * MINUTE_MS;

	for (uint64_t minute = 0; minute < 30 * 60; minute++) {
		/* From all its memory down to half of it, then back at once. */
		scene->vms[0].sample.actual_kib =
			opt_some(minute < 30 * 60 - 30 ? 4 * GIB : 2 * GIB);
		scene->now_ms += MINUTE_MS;
		assert_int_equal(history_tick(history, &scene->status, scene->now_ms), 0);
	}
	assert_int_equal(
		history_each(history, "uuid-0", scene->now_ms, since_ms, take_point, &points), 0);
	assert_between(points.covered_ms, since_ms - 20 * MINUTE_MS, since_ms + 20 * MINUTE_MS);
	assert_eq(points.newest.span_ms, MINUTE_MS);
	assert_between(opt_or(points.newest.actual_kib, 0), 2 * GIB - 1024, 2 * GIB);
	assert_eq(points.oldest.span_ms, 15 * MINUTE_MS);
	assert_between(opt_or(points.oldest.actual_kib, 0), 4 * GIB - 1024, 4 * GIB);
	assert_false(points.newest.demand_kib.known);
	points = (struct points){ 0 };
	assert_int_equal(
		history_each(history, "uuid-9", scene->now_ms, since_ms, take_point, &points), 0);
	assert_int_equal(points.n, 0);
	history_free(history);
}

int main(void)
{
#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	static const struct CMUnitTest tests[] = {
		WITH_SCENE(test_holds_before_it_is_an_alarm),
		WITH_SCENE(test_not_judged_is_no_alarm),
		WITH_SCENE(test_a_short_peak_is_none),
		WITH_SCENE(test_it_is_over_below_nine_tenths),
		WITH_SCENE(test_at_the_threshold_is_not_above),
		WITH_SCENE(test_low_and_stuck_do_not_wait),
		WITH_SCENE(test_host_memory),
		WITH_SCENE(test_storage_latency),
		WITH_SCENE(test_guest_swap_and_waits),
		WITH_SCENE(test_thresholds_are_configured),
		WITH_SCENE(test_vms_come_and_go),
		cmocka_unit_test(test_every_kind_is_in_the_catalogue),
		WITH_SCENE(test_history_covers_time_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
