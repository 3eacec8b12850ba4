// SPDX-License-Identifier: GPL-2.0
/*
 * The daemon's heart while libvirt is away, refuses or floods: the manager, its workers and its timers
 * are the real ones, on libvirt's test driver or on a socket that is not there. Its clock runs as
 * fast as a test wants, which is how minutes of an outage pass in a second.
 */
#include "cmocka_test.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>

#include "manager.h"
#include "scratch_dir.h"
#include "source/libvirt.h"
#include "util/clock.h"

static unsigned int speed = 1; /* of the daemon's clock */
static unsigned int readies; /* how often the service manager was told READY=1 */

uint64_t __real_clock_monotonic_ms(void);
uint64_t __wrap_clock_monotonic_ms(void);
int __wrap_sd_notify(int unset_environment, const char *state);

uint64_t __wrap_clock_monotonic_ms(void)
{
	return __real_clock_monotonic_ms() * speed;
}

int __wrap_sd_notify(int unset_environment, const char *state)
{
	(void)unset_environment;
	readies += !strcmp(state, "READY=1");
	return 0;
}

struct scene {
	struct scratch *scratch;
	sd_event *event;
	struct manager_options options;
	struct manager *manager;
	char uri[128];
};

static int group_set_up(void **state)
{
	(void)state;
	return link_global_init();
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	void *scratch;

	assert_int_equal(scratch_setup(&scratch), 0);
	scene->scratch = scratch;
	assert_true(sd_event_new(&scene->event) >= 0);
	scene->options = (struct manager_options){
		.uri = scene->uri,
		.root = "",
		/* When the test driver's guests report. */
		.clock = { .fixed_wall_s = opt_some(627319920) },
	};
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	void *scratch = scene->scratch;

	assert_true(manager_stop(scene->manager));
	sd_event_unref(scene->event);
	free(scene);
	speed = 1;
	return scratch_teardown(&scratch);
}

/* `text`: the configuration's. */
static struct conf *configure(struct scene *scene, const char *text)
{
	const char *path = scratch_write(scene->scratch, "aerostatd.conf", text);
	struct conf_error error;
	struct conf *conf;

	if (conf_load(path, &conf, &error))
		fail_msg("%s", error.text);
	return conf;
}

static void start(struct scene *scene, const char *conf)
{
	assert_int_equal(manager_new(scene->event, configure(scene, conf), &scene->options,
				     &scene->manager),
			 0);
}

static void run_for_ms(struct scene *scene, uint64_t ms)
{
	uint64_t end_ms = __real_clock_monotonic_ms() + ms;

	while (__real_clock_monotonic_ms() < end_ms)
		assert_true(sd_event_run(scene->event, 20000) >= 0);
}

/*
 * A libvirt that is not there for minutes, from the start: ready all the same, as boot must not wait,
 * and all the time whoever asks for the watchdog hears that the loop goes on.
 */
static void test_libvirt_is_away(void **state)
{
	struct scene *scene = *state;

	snprintf(scene->uri, sizeof(scene->uri), "qemu+unix:///system?socket=%s/none",
		 scene->scratch->path);
	speed = 100;
	start(scene, "[daemon]\ninterval = 200ms\n");
	for (unsigned int i = 0; i < 20; i++) {
		run_for_ms(scene, 100);
		assert_true(manager_proceeds(scene->manager));
	}
	assert_int_equal(readies, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_libvirt_is_away, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, group_set_up, NULL);
}
