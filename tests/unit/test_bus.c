// SPDX-License-Identifier: GPL-2.0
/*
 * What everybody may ask of the daemon on the bus, which here is a socket pair: who asks all the time
 * is answered from what was made a moment ago, and answers do not pile up for one that does not read.
 */
#include "cmocka_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <systemd/sd-id128.h>
#include <unistd.h>

#include "publish/bus_internal.h"
#include "publish/metrics.h"
#include "publish/telemetry.h"

#define N_VMS 500
#define CALLS 200
#define GIB   ((uint64_t)1024 * 1024)

struct scene {
	struct bus bus;
	sd_bus *client;
	struct vm vms[N_VMS];
	struct vm *table[N_VMS];
	struct fleet fleet;
	struct telemetry telemetry;
	struct host_detail host_detail;
	struct conf *conf;
	unsigned int asked; /* how often the status was */
	unsigned int answered, refused;
};

static void get_status(void *userdata, struct status *ret_status)
{
	struct scene *scene = userdata;

	scene->asked++;
	*ret_status = (struct status){
		.fleet = &scene->fleet,
		.conf = scene->conf,
		.telemetry = &scene->telemetry,
		.host_detail = &scene->host_detail,
		.ticks = 1,
	};
}

static void connect_both(struct scene *scene)
{
	const int small = 64 * 1024; /* sd-bus asks for 8 MiB */
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_true(sd_bus_new(&scene->bus.connection) >= 0);
	assert_true(sd_bus_set_fd(scene->bus.connection, fds[0], fds[0]) >= 0);
	assert_true(sd_bus_set_server(scene->bus.connection, 1, SD_ID128_NULL) >= 0);
	assert_true(sd_bus_set_anonymous(scene->bus.connection, 1) >= 0);
	assert_true(sd_bus_start(scene->bus.connection) >= 0);
	assert_true(bus_add_objects(&scene->bus, scene->bus.connection) >= 0);
	assert_true(sd_bus_new(&scene->client) >= 0);
	assert_true(sd_bus_set_fd(scene->client, fds[1], fds[1]) >= 0);
	assert_true(sd_bus_set_anonymous(scene->client, 1) >= 0);
	assert_true(sd_bus_start(scene->client) >= 0);
	assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	scene->conf = conf_new_default();
	for (size_t i = 0; i < N_VMS; i++) {
		struct vm *vm = &scene->vms[i];

		vm->name = (char *)"a";
		snprintf(vm->sample.uuid, sizeof(vm->sample.uuid), "uuid-%04zu", i);
		vm->sample.max_kib = 4 * GIB;
		vm->sample.actual_kib = opt_some(3 * GIB);
		scene->table[i] = vm;
	}
	scene->fleet = (struct fleet){ .vms = scene->table, .n_vms = N_VMS };
	scene->bus.status = get_status;
	scene->bus.userdata = scene;
	connect_both(scene);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	sd_bus_close_unref(scene->client);
	sd_bus_close_unref(scene->bus.connection);
	free(scene->bus.metrics);
	conf_free(scene->conf);
	free(scene);
	return 0;
}

static void process(sd_bus *connection)
{
	while (sd_bus_process(connection, NULL) > 0)
		;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct scene *scene = userdata;

	(void)error;
	if (!sd_bus_message_is_method_error(m, NULL))
		scene->answered++;
	else if (sd_bus_message_is_method_error(m, SD_BUS_ERROR_LIMITS_EXCEEDED))
		scene->refused++;
	return 0;
}

static void call(struct scene *scene, const char *member)
{
	assert_true(sd_bus_call_method_async(scene->client, NULL, NULL, BUS_PATH, BUS_INTERFACE,
					     member, on_answer, scene, "") >= 0);
}

/* Until all calls have had an answer, of whichever kind. */
static void run_until(struct scene *scene, unsigned int n)
{
	for (unsigned int i = 0; scene->answered + scene->refused < n; i++) {
		assert_true(i < 20000);
		process(scene->bus.connection);
		process(scene->client);
		usleep(100);
	}
	assert_int_equal(scene->answered + scene->refused, n);
}

/* Each read before the next: all are answered, but most from what was rendered for another. */
static void test_metrics_are_rendered_now_and_then(void **state)
{
	struct scene *scene = *state;
	unsigned int asked;

	for (unsigned int i = 1; i <= CALLS; i++) {
		call(scene, "Metrics");
		run_until(scene, i);
	}
	assert_int_equal(scene->refused, 0);
	assert_true(scene->asked < CALLS);
	usleep(METRICS_FRESH_MS * 1000 + 50000);
	asked = scene->asked;
	call(scene, "Metrics");
	run_until(scene, CALLS + 1);
	assert_int_equal(scene->asked, asked + 1);
}

static void many_unread(struct scene *scene, const char *member)
{
	unsigned int answered;
	uint64_t waiting;

	call(scene, member); /* with which they get to know each other */
	run_until(scene, 1);
	for (unsigned int i = 0; i < CALLS; i++) {
		call(scene, member);
		process(scene->bus.connection);
	}
	assert_true(sd_bus_get_n_queued_write(scene->bus.connection, &waiting) >= 0);
	assert_true(waiting > 0);
	run_until(scene, CALLS + 1);
	assert_between(scene->answered, 2, 40);
	/* Whoever has read is answered again. */
	answered = scene->answered;
	call(scene, member);
	run_until(scene, CALLS + 2);
	assert_int_equal(scene->answered, answered + 1);
}

static void test_unread_metrics_are_bounded(void **state)
{
	many_unread(*state, "Metrics");
}

static void test_unread_statuses_are_bounded(void **state)
{
	many_unread(*state, "Status");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_metrics_are_rendered_now_and_then, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_unread_metrics_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unread_statuses_are_bounded, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
