// SPDX-License-Identifier: GPL-2.0
/*
 * The daemon's heart while libvirt is away, refuses or floods: the manager, its workers and its timers
 * are the real ones, on libvirt's test driver or on a socket that is not there. Its clock runs as
 * fast as a test wants, which is how minutes of an outage pass in a second.
 */
#include "cmocka_test.h"

#include <errno.h>
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manager.h"
#include "manager_reload.h"
#include "manager_reserve.h"
#include "publish/status.h"
#include "scratch_dir.h"
#include "source/libvirt.h"
#include "source/stats.h"
#include "util/clock.h"
#include "util/log.h"

#define PATIENCE_MS 30000

static unsigned int speed = 1; /* of the daemon's clock */
static unsigned int lines; /* logged, but for debugging */
static unsigned int misfits; /* of them, those of a reserve that cannot be this host's */
static atomic_uint targets; /* that were handed to libvirt ... */
static bool refusing; /* ... which takes none */
static atomic_bool roster_hangs; /* as while libvirt starts a domain */
static unsigned int readies; /* how often the service manager was told READY=1 */

uint64_t __real_clock_monotonic_ms(void);
uint64_t __wrap_clock_monotonic_ms(void);
int __wrap_sd_notify(int unset_environment, const char *state);
void __wrap_log_at(enum log_level level, const char *format, ...);
void __wrap_log_fields(enum log_level level, const char *message, const struct log_field *fields,
		       size_t n_fields);
int __real_virDomainSetMemoryFlags(virDomainPtr domain, unsigned long kib, unsigned int flags);
int __wrap_virDomainSetMemoryFlags(virDomainPtr domain, unsigned long kib, unsigned int flags);
int __real_stats_collect_roster(struct job *job, virConnectPtr conn, struct stats_batch *ret_batch);
int __wrap_stats_collect_roster(struct job *job, virConnectPtr conn, struct stats_batch *ret_batch);

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

void __wrap_log_at(enum log_level level, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	__wrap_log_fields(level, text, NULL, 0);
}

void __wrap_log_fields(enum log_level level, const char *message, const struct log_field *fields,
		       size_t n_fields)
{
	(void)fields;
	(void)n_fields;
	if (level == LOG_LEVEL_DEBUG)
		return;
	lines++;
	misfits += strstr(message, "host.reserve: ") != NULL;
	print_message("# %s\n", message);
}

/* More than any domain has: libvirt's own refusal. */
int __wrap_virDomainSetMemoryFlags(virDomainPtr domain, unsigned long kib, unsigned int flags)
{
	targets++;
	return __real_virDomainSetMemoryFlags(domain, refusing ? ULONG_MAX / 1024 : kib, flags);
}

int __wrap_stats_collect_roster(struct job *job, virConnectPtr conn, struct stats_batch *ret_batch)
{
	while (roster_hangs)
		usleep(10000);
	return __real_stats_collect_roster(job, conn, ret_batch);
}

struct scene {
	struct scratch *scratch;
	sd_event *event;
	struct manager_options options;
	struct manager *manager;
	char uri[128];
	char text[256];
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

/* The test driver's host, with one VM. */
static void make_node(struct scene *scene)
{
	const char *path = scratch_write(
		scene->scratch, "node.xml",
		"<node><domain type='test'><name>vm</name><memory>1048576</memory>"
		"<uuid>6f1d4ea2-0f0b-4d5c-9a52-000000000001</uuid><os><type>hvm</type></os>"
		"<devices><memballoon model='virtio'/></devices></domain></node>");

	snprintf(scene->uri, sizeof(scene->uri), "test://%s", path);
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	void *scratch = scene->scratch;

	refusing = roster_hangs = false;
	assert_true(manager_stop(scene->manager));
	sd_event_unref(scene->event);
	free(scene);
	speed = 1;
	refusing = false;
	lines = misfits = targets = readies = 0;
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
	assert_int_equal(
		manager_new(scene->event, configure(scene, conf), &scene->options, &scene->manager),
		0);
}

static void run_for_ms(struct scene *scene, uint64_t ms)
{
	uint64_t end_ms = __real_clock_monotonic_ms() + ms;

	while (__real_clock_monotonic_ms() < end_ms)
		assert_true(sd_event_run(scene->event, 20000) >= 0);
}

/*
 * A libvirt that is not there for minutes, from the start: it does not count as ready, as it controls
 * nothing, and all the time whoever asks for the watchdog hears that the loop goes on.
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
	assert_int_equal(readies, 0);
}

static enum reason reason(const struct scene *scene)
{
	struct status status;

	manager_status(scene->manager, &status);
	assert_eq(status.fleet->n_vms, 1);
	return status.fleet->vms[0]->decision.reason;
}

static void run_until_targets(struct scene *scene, unsigned int n)
{
	uint64_t end_ms = __real_clock_monotonic_ms() + PATIENCE_MS;

	while (targets < n) {
		run_for_ms(scene, 20);
		assert_true(__real_clock_monotonic_ms() < end_ms);
	}
}

/* libvirt refuses for two minutes: asked a few times, said once, and in control when it does not. */
static void test_targets_are_refused(void **state)
{
	struct scene *scene = *state;
	unsigned int asked;

	make_node(scene);
	refusing = true;
	speed = 50;
	start(scene, "[daemon]\ninterval = 200ms\n[policy]\nboot_grace = 0s\n"
		     "[vm]\nlimit = 50%\n");
	run_until_targets(scene, 1);
	lines = 0;
	run_for_ms(scene, 2400);
	assert_int_equal(reason(scene), REASON_REFUSED);
	/* After 10, 30 and 70 s. */
	assert_between(targets, 3, 5);
	assert_between(lines, 1, 4);

	refusing = false;
	asked = targets;
	run_until_targets(scene, asked + 1);
	run_for_ms(scene, 500);
	assert_int_not_equal(reason(scene), REASON_REFUSED);
}

struct outcome {
	bool known;
	int error;
	char why[256];
};

static void on_reloaded(void *userdata, int error, const char *why)
{
	struct outcome *outcome = userdata;

	outcome->known = true;
	outcome->error = error;
	snprintf(outcome->why, sizeof(outcome->why), "%s", why);
}

static void reload(struct scene *scene, const char *path, struct outcome *outcome)
{
	struct conf_error why;

	*outcome = (struct outcome){ 0 };
	assert_int_equal(manager_reload(scene->manager, path, on_reloaded, outcome, &why), 0);
}

static void run_until_known(struct scene *scene, const struct outcome *outcome)
{
	uint64_t end_ms = __real_clock_monotonic_ms() + PATIENCE_MS;

	while (!outcome->known) {
		run_for_ms(scene, 20);
		assert_true(__real_clock_monotonic_ms() < end_ms);
	}
}

static struct status status_of(const struct scene *scene)
{
	struct status status;

	manager_status(scene->manager, &status);
	return status;
}

/* A FIFO is opened as slowly as a file on a file system that hangs. */
static void test_configuration_hangs(void **state)
{
	static const char good[] = "[daemon]\ninterval = 300ms\nconnect = test:///default\n";
	struct scene *scene = *state;
	struct outcome outcome;
	struct conf_error why;
	char fifo[96];
	uint64_t ticks;
	int fd;

	make_node(scene);
	start(scene, "[daemon]\ninterval = 200ms\n");
	while (!status_of(scene).ticks)
		run_for_ms(scene, 20);
	snprintf(fifo, sizeof(fifo), "%s/fifo", scene->scratch->path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	reload(scene, fifo, &outcome);
	ticks = status_of(scene).ticks;
	run_for_ms(scene, 1500);
	assert_true(status_of(scene).ticks >= ticks + 3);
	assert_false(outcome.known);
	assert_int_equal(manager_reload(scene->manager, fifo, on_reloaded, &outcome, &why),
			 -EINVAL);
	assert_contains(why.text, "already");

	fd = open(fifo, O_WRONLY | O_CLOEXEC);
	assert_int_equal(write(fd, good, strlen(good)), strlen(good));
	close(fd);
	run_until_known(scene, &outcome);
	assert_int_equal(outcome.error, 0);
	assert_int_equal(status_of(scene).conf->daemon.interval_ms, 300);
	assert_string_equal(status_of(scene).uri, scene->uri);
}

/* Said to whoever asked, and nothing changes; another libvirt is for the next start. */
static void test_configuration_is_wrong(void **state)
{
	struct scene *scene = *state;
	struct outcome outcome;

	make_node(scene);
	scene->options.uri = NULL;
	snprintf(scene->text, sizeof(scene->text), "[daemon]\ninterval = 200ms\nconnect = %s\n",
		 scene->uri);
	start(scene, scene->text);
	reload(scene, scratch_write(scene->scratch, "wrong.conf", "[daemon]\ninterval = soon\n"),
	       &outcome);
	run_until_known(scene, &outcome);
	assert_int_equal(outcome.error, -EINVAL);
	assert_contains(outcome.why, "wrong.conf:2: daemon.interval");
	assert_int_equal(status_of(scene).conf->daemon.interval_ms, 200);
	reload(scene,
	       scratch_write(scene->scratch, "other.conf",
			     "[daemon]\ninterval = 400ms\nconnect = test:///default\n"),
	       &outcome);
	run_until_known(scene, &outcome);
	assert_int_equal(outcome.error, 0);
	assert_int_equal(status_of(scene).conf->daemon.interval_ms, 400);
	assert_string_equal(status_of(scene).uri, scene->uri);
}

/* A host of 32 GiB, where VMs may have 6, and libvirt's test driver, whose one VM holds 2. */
static void start_with_budget(struct scene *scene)
{
	scratch_write(scene->scratch, "proc/meminfo",
		      "MemTotal: 33554432 kB\nMemAvailable: 31457280 kB\n");
	scene->options.root = scene->scratch->path;
	snprintf(scene->uri, sizeof(scene->uri), "test:///default");
	start(scene, "[daemon]\ninterval = 200ms\n[host]\nbudget = 6G\n[vm]\nmode = off\n");
}

static int reserve_gib(struct scene *scene, const char *vm, uint64_t gib, struct outcome *outcome)
{
	struct conf_error why = { "" };
	int ret;

	*outcome = (struct outcome){ 0 };
	ret = manager_reserve(scene->manager, vm, gib * 1024 * 1024, 20000, on_reloaded, outcome,
			      &why);
	print_message("# %s\n", why.text);
	return ret;
}

/*
 * Asked before libvirt has said who runs, a reservation is neither refused for good nor waited for, as
 * libvirt may say nothing until the asker is done.
 */
static void test_reserving_too_early(void **state)
{
	struct scene *scene = *state;
	struct outcome outcome;

	roster_hangs = true;
	start_with_budget(scene);
	assert_int_equal(reserve_gib(scene, "new", 1, &outcome), -EAGAIN);
	run_for_ms(scene, 600);
	assert_int_equal(reserve_gib(scene, "new", 1, &outcome), -EAGAIN);
	roster_hangs = false;
	while (!status_of(scene).ticks)
		run_for_ms(scene, 20);
	assert_int_equal(reserve_gib(scene, "new", 1, &outcome), 0);
	run_until_known(scene, &outcome);
	assert_int_equal(outcome.error, 0);
}

/*
 * A VM is restarted while another's start keeps libvirt from saying who runs: the run that is over
 * neither is in the way of the next, nor holds memory. The same for one that waits for more than there
 * is while that VM runs; nobody is squeezed for it meanwhile.
 */
static void test_reserving_for_a_restart(void **state)
{
	struct scene *scene = *state;
	struct outcome waits, restart;
	virConnectPtr conn;
	virDomainPtr domain;

	start_with_budget(scene);
	conn = virConnectOpen(scene->uri);
	domain = virDomainLookupByName(conn, "test");
	assert_non_null(domain);
	while (!status_of(scene).ticks)
		run_for_ms(scene, 20);
	assert_int_equal(reserve_gib(scene, "test", 1, &restart), -EINVAL);
	assert_int_equal(reserve_gib(scene, "new", 5, &waits), 0);
	run_for_ms(scene, 1000);
	assert_false(waits.known);
	assert_eq(opt_or(status_of(scene).decision.capacity_kib, 0), 6 * 1024 * 1024);
	assert_int_not_equal(status_of(scene).decision.state, HOST_HARD);

	roster_hangs = true;
	assert_int_equal(virDomainDestroy(domain), 0);
	run_until_known(scene, &waits);
	assert_int_equal(waits.error, 0);
	assert_int_equal(reserve_gib(scene, "test", 1, &restart), 0);
	run_until_known(scene, &restart);
	assert_int_equal(restart.error, 0);
	assert_eq(status_of(scene).fleet->n_vms, 1); /* until a roster says otherwise */
	roster_hangs = false;
	while (status_of(scene).fleet->n_vms)
		run_for_ms(scene, 20);
	assert_eq(status_of(scene).decision.held_kib, 6 * 1024 * 1024);
	assert_int_equal(virDomainCreate(domain), 0);
	while (status_of(scene).decision.held_kib != 4 * 1024 * 1024)
		run_for_ms(scene, 20);
	assert_eq(status_of(scene).fleet->n_vms, 1);
	virDomainFree(domain);
	virConnectClose(conn);
}

/* Known to be wrong only on this host: a reload keeps what was; a start says so and does without. */
static void test_reserve_of_a_larger_host(void **state)
{
	struct scene *scene = *state;
	struct outcome outcome;
	uint64_t kept_kib;

	make_node(scene);
	start(scene, "[daemon]\ninterval = 200ms\n[host]\nreserve = 90000G\n");
	while (status_of(scene).ticks < 3)
		run_for_ms(scene, 20);
	kept_kib = opt_or(status_of(scene).decision.reserve_kib, 0);
	assert_between(kept_kib, 1, opt_or(status_of(scene).host.total_kib, 0) / 5);
	assert_int_equal(misfits, 1);
	reload(scene, scratch_write(scene->scratch, "good.conf", "[host]\nreserve = 1M\n"),
	       &outcome);
	run_until_known(scene, &outcome);
	assert_int_equal(outcome.error, 0);
	reload(scene, scratch_write(scene->scratch, "large.conf", "[host]\nreserve = 90000G\n"),
	       &outcome);
	run_until_known(scene, &outcome);
	assert_int_equal(outcome.error, -EINVAL);
	assert_contains(outcome.why, "host.reserve");
	assert_eq(opt_or(status_of(scene).conf->policy.reserve_kib, 0), 1024);
	assert_int_equal(misfits, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_libvirt_is_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_targets_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_configuration_hangs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_configuration_is_wrong, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reserving_too_early, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reserving_for_a_restart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reserve_of_a_larger_host, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, group_set_up, NULL);
}
