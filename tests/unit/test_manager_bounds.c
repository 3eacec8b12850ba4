// SPDX-License-Identifier: GPL-2.0
/* What a guest does as often as it likes: reboots, crashes, and events of its balloon. */
#include "cmocka_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "manager_internal.h"

#define GRACE_MS    60000
#define INTERVAL_MS 5000

static uint64_t now_ms;

uint64_t __wrap_clock_monotonic_ms(void);

uint64_t __wrap_clock_monotonic_ms(void)
{
	return now_ms;
}

struct scene {
	struct manager manager;
	struct vm vm;
};

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	scene->manager.conf = conf_new_default();
	scene->manager.conf->policy.boot_grace_ms = GRACE_MS;
	scene->manager.conf->daemon.interval_ms = INTERVAL_MS;
	snprintf(scene->vm.sample.uuid, sizeof(scene->vm.sample.uuid), "%s",
		 "6f1d4ea2-0f0b-4d5c-9a52-000000000001");
	now_ms = 1000000;
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	conf_free(scene->manager.conf);
	free(scene->manager.gone);
	free(scene);
	return 0;
}

/* For how much of an hour, in thousandths, it counts as booting when it restarts each 30 s. */
static unsigned int booting_permille(struct scene *scene, void (*restart)(struct scene *scene))
{
	unsigned int booting = 0, looks = 0;

	for (unsigned int s = 0; s < 3600; s += 5) {
		if (s % 30 == 0)
			restart(scene);
		now_ms += 5000;
		booting += manager_up_ms(&scene->manager, &scene->vm, now_ms) < GRACE_MS;
		looks++;
	}
	return 1000 * booting / looks;
}

static void reboot(struct scene *scene)
{
	fleet_vm_restarted(&scene->vm, now_ms);
}

/* It is out of the table for a moment. */
static void crash(struct scene *scene)
{
	struct vm anew = { 0 };

	manager_bounds_keep(&scene->manager, &scene->vm);
	memcpy(anew.sample.uuid, scene->vm.sample.uuid, sizeof(anew.sample.uuid));
	scene->vm = anew;
	manager_bounds_restore(&scene->manager, &scene->vm);
	fleet_vm_restarted(&scene->vm, now_ms);
}

static void test_a_guest_that_reboots_again_and_again(void **state)
{
	assert_between(booting_permille(*state, reboot), 50, 200);
}

static void test_a_guest_that_crashes_again_and_again(void **state)
{
	assert_between(booting_permille(*state, crash), 50, 200);
}

/* An update reboots twice; each time it is left in peace for the whole of its grace. */
static void test_a_few_boots_count(void **state)
{
	struct scene *scene = *state;

	for (unsigned int i = 0; i < 3; i++) {
		reboot(scene);
		now_ms += GRACE_MS / 2;
		assert_eq(manager_up_ms(&scene->manager, &scene->vm, now_ms), GRACE_MS / 2);
	}
}

static unsigned int early_ticks(struct scene *scene, uint64_t step_kib)
{
	struct domain_event event = { .kind = DOMAIN_EVENT_BALLOON, .actual_kib = 8 << 20 };
	unsigned int n = 0;

	scene->vm.asked_kib = opt_some(1 << 20);
	scene->vm.bounds.nearest_kib = UINT64_MAX;
	for (unsigned int i = 0; i < 1000; i++) {
		now_ms += 100;
		event.actual_kib -= step_kib;
		n += manager_event_counts(&scene->manager, &scene->vm, &event);
	}
	return n;
}

/* In 100 s: those at once, one an interval, and no more. */
static void test_events_that_mean_nothing(void **state)
{
	assert_between(early_ticks(*state, 0), 20, 32);
}

/* Of the memory that it gives, somebody may be in need. */
static void test_events_of_a_balloon_that_moves(void **state)
{
	assert_int_equal(early_ticks(*state, 4096), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_guest_that_reboots_again_and_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_guest_that_crashes_again_and_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_few_boots_count, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_events_that_mean_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_events_of_a_balloon_that_moves, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
