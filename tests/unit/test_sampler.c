// SPDX-License-Identifier: GPL-2.0
/*
 * Rounds of samples while calls hang. The sampler, its workers, their threads and the mailbox are the
 * real ones; libvirt's answers are not: the two functions that ask for them are replaced (--wrap) by
 * a host whose QEMUs stop and go on when told. As with libvirt, the first call hangs at a QEMU that
 * is stopped, and those after it skip that one.
 *
 * Nothing depends on how fast this machine is, but that an answer which nobody holds up comes within
 * three deadlines of half a second.
 */
#include "cmocka_test.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/sampler.h"
#include "util/clock.h"

#define VMS	    50
#define INTERVAL_MS 3000 /* deadlines of half a second */
#define PATIENCE_US (60 * 1000000ULL)
#define HUNG_MAX    (WORKERS_MAX - WORKERS_HEALTHY) /* QEMUs that may hang at once */
#define CALLS_MAX   (HUNG_MAX + 2) /* calls */

/* What the workers' threads see. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopped[VMS]; /* this QEMU does not answer ... */
	bool held[VMS]; /* ... and a call waits for it */
	bool roster_stopped; /* nor does libvirt when asked who is there */
	size_t n_vms; /* that the roster names */
	uint64_t actual_kib; /* of all; another one each round */
	unsigned int hanging; /* calls that wait now ... */
	unsigned int hanging_max; /* ... and at most */
	unsigned int calls; /* for numbers */
} host = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

struct scene {
	sd_event *event;
	struct mailbox *mailbox;
	struct workers *workers;
	struct fleet fleet;
	struct sampler *sampler;
	unsigned int rounds, found, lost, thawed;
	struct sampler_outcome outcome; /* of the last round */
};

int __wrap_stats_collect_roster(struct job *job, virConnectPtr conn, struct stats_batch *ret_batch);
int __wrap_stats_collect_numbers(struct job *job, virConnectPtr conn,
				 const char (*uuids)[VM_UUID_LEN], size_t n_uuids, bool one_by_one,
				 struct stats_batch *ret_batch);

static void name_uuid(size_t i, char uuid[VM_UUID_LEN])
{
	snprintf(uuid, VM_UUID_LEN, "00000000-0000-4000-8000-%012zu", i);
}

static size_t index_of(const char *uuid)
{
	return strtoul(uuid + strlen("00000000-0000-4000-8000-"), NULL, 10);
}

static struct domain_stats *add_domain(struct stats_batch *batch, size_t i)
{
	struct domain_stats *stats = &batch->domains[batch->n_domains++];

	name_uuid(i, stats->uuid);
	stats->name = strdup(stats->uuid);
	stats->id = 1;
	stats->run_state = VM_RUNNING;
	return stats;
}

/* Called with the lock held. */
static void hang_while(const bool *stopped)
{
	if (!*stopped)
		return;
	host.hanging++;
	if (host.hanging > host.hanging_max)
		host.hanging_max = host.hanging;
	while (*stopped)
		pthread_cond_wait(&host.changed, &host.lock);
	host.hanging--;
}

int __wrap_stats_collect_roster(struct job *job, virConnectPtr conn, struct stats_batch *ret_batch)
{
	struct stats_batch batch = { .domains = calloc(VMS, sizeof(*batch.domains)) };

	(void)job;
	(void)conn;
	pthread_mutex_lock(&host.lock);
	hang_while(&host.roster_stopped);
	for (size_t i = 0; i < host.n_vms; i++)
		add_domain(&batch, i);
	pthread_mutex_unlock(&host.lock);
	*ret_batch = batch;
	return 0;
}

int __wrap_stats_collect_numbers(struct job *job, virConnectPtr conn,
				 const char (*uuids)[VM_UUID_LEN], size_t n_uuids, bool one_by_one,
				 struct stats_batch *ret_batch)
{
	struct stats_batch batch = { .domains = calloc(n_uuids, sizeof(*batch.domains)) };

	(void)job;
	(void)conn;
	(void)one_by_one;
	pthread_mutex_lock(&host.lock);
	host.calls++;
	for (size_t n = 0; n < n_uuids; n++) {
		size_t i = index_of(uuids[n]);
		struct domain_stats *stats = add_domain(&batch, i);
		bool skipped = host.held[i];

		if (host.stopped[i] && !skipped) {
			host.held[i] = true;
			hang_while(&host.stopped[i]);
			host.held[i] = false;
		}
		stats->actual_kib = opt_some(host.actual_kib);
		if (skipped)
			continue;
		stats->rss_kib = opt_some(1);
		stats->last_update_s = opt_some(1);
	}
	pthread_mutex_unlock(&host.lock);
	*ret_batch = batch;
	return 0;
}

static void set(bool *flag, bool value)
{
	pthread_mutex_lock(&host.lock);
	*flag = value;
	pthread_cond_broadcast(&host.changed);
	pthread_mutex_unlock(&host.lock);
}

static unsigned int hanging(void)
{
	unsigned int n;

	pthread_mutex_lock(&host.lock);
	n = host.hanging;
	pthread_mutex_unlock(&host.lock);
	return n;
}

static void on_found(void *userdata, struct vm *vm)
{
	(void)vm;
	((struct scene *)userdata)->found++;
}

static void on_lost(void *userdata, struct vm *vm)
{
	(void)vm;
	((struct scene *)userdata)->lost++;
}

static void on_done(void *userdata, const struct sampler_outcome *outcome)
{
	struct scene *scene = userdata;

	scene->outcome = *outcome;
	scene->rounds++;
}

static void on_thawed(void *userdata)
{
	((struct scene *)userdata)->thawed++;
}

static void ignore_error(void *userdata, virErrorPtr error)
{
	(void)userdata;
	(void)error;
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct sampler_config config = {
		.fleet = &scene->fleet,
		.observer = { .found = on_found, .lost = on_lost, .userdata = scene },
		.done = on_done,
		.thawed = on_thawed,
		.userdata = scene,
	};

	virSetErrorFunc(NULL, ignore_error);
	host.n_vms = VMS;
	host.hanging_max = 0;
	assert_true(sd_event_new(&scene->event) >= 0);
	assert_int_equal(mailbox_new(scene->event, &scene->mailbox), 0);
	assert_int_equal(workers_new(scene->mailbox, "test:///default", 5000, &scene->workers), 0);
	config.workers = scene->workers;
	assert_int_equal(sampler_new(scene->event, &config, &scene->sampler), 0);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	for (size_t i = 0; i < VMS; i++)
		set(&host.stopped[i], false);
	set(&host.roster_stopped, false);
	assert_true(workers_stop(scene->workers, PATIENCE_US / 1000));
	mailbox_flush(scene->mailbox);
	workers_free(scene->workers);
	sampler_free(scene->sampler);
	mailbox_free(scene->mailbox);
	fleet_clear(&scene->fleet);
	sd_event_unref(scene->event);
	free(scene);
	return 0;
}

/* Let the loop run until the counter has reached `value`. */
static void run_until(struct scene *scene, const unsigned int *counter, unsigned int value)
{
	uint64_t end_us = clock_monotonic_us() + PATIENCE_US;

	while (*counter < value) {
		assert_true(sd_event_run(scene->event, PATIENCE_US) >= 0);
		assert_true(clock_monotonic_us() < end_us);
	}
}

/* Returns what sampler_begin() said; when it was 0, the round is over. */
static int make_round(struct scene *scene)
{
	unsigned int rounds = scene->rounds;
	int ret;

	pthread_mutex_lock(&host.lock);
	host.actual_kib++;
	pthread_mutex_unlock(&host.lock);
	ret = sampler_begin(scene->sampler, INTERVAL_MS);
	if (!ret)
		run_until(scene, &scene->rounds, rounds + 1);
	return ret;
}

static struct vm *vm_number(const struct scene *scene, size_t i)
{
	char uuid[VM_UUID_LEN];
	struct vm *vm;

	name_uuid(i, uuid);
	vm = fleet_find(&scene->fleet, uuid);
	assert_non_null(vm);
	return vm;
}

/* How many have this round's numbers. */
static size_t fresh(const struct scene *scene)
{
	size_t n = 0;

	for (size_t i = 0; i < scene->fleet.n_vms; i++)
		n += opt_or(scene->fleet.vms[i]->sample.actual_kib, 0) == host.actual_kib &&
		     !scene->fleet.vms[i]->silent_ms;
	return n;
}

static void test_all_answer(void **state)
{
	struct scene *scene = *state;

	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(make_round(scene), 0);
		assert_int_equal(scene->outcome.error, 0);
		assert_eq(scene->outcome.unanswered, 0);
		assert_eq(fresh(scene), VMS);
	}
	assert_int_equal(scene->found, VMS);
	host.n_vms = VMS - 1;
	assert_int_equal(make_round(scene), 0);
	assert_int_equal(scene->lost, 1);
}

/* However long: one call hangs at each, all others are sampled, and it is said when that is over. */
static void test_qemus_stop(void **state)
{
	static const size_t stopped[] = { 3, 7, 8 };
	struct scene *scene = *state;

	assert_int_equal(make_round(scene), 0);
	for (size_t i = 0; i < ARRAY_SIZE(stopped); i++)
		set(&host.stopped[stopped[i]], true);
	for (unsigned int i = 0; i < 6; i++) {
		assert_int_equal(make_round(scene), 0);
		assert_int_equal(scene->outcome.error, 0);
		assert_int_equal(scene->thawed, 0);
		/* Two of them in one part are found one after the other. */
		if (i >= ARRAY_SIZE(stopped))
			assert_eq(fresh(scene), VMS - ARRAY_SIZE(stopped));
	}
	assert_eq(hanging(), ARRAY_SIZE(stopped));
	assert_eq(host.hanging_max, ARRAY_SIZE(stopped));
	for (size_t i = 0; i < ARRAY_SIZE(stopped); i++)
		assert_true(vm_number(scene, stopped[i])->silent_ms);

	set(&host.stopped[3], false);
	run_until(scene, &scene->thawed, 1);
	assert_int_equal(make_round(scene), 0);
	assert_false(vm_number(scene, 3)->silent_ms);
	assert_eq(fresh(scene), VMS - ARRAY_SIZE(stopped) + 1);
}

/* Let some go on, and make rounds until all others are known to hang, and these are sampled. */
static void go_on_from(struct scene *scene, size_t first, size_t n_stopped)
{
	for (size_t i = first; i < n_stopped; i++)
		set(&host.stopped[i], false);
	for (unsigned int i = 0; i < 6 && (i < 2 || fresh(scene) < VMS - first); i++)
		assert_int_equal(make_round(scene), 0);
	assert_eq(fresh(scene), VMS - first);
}

/* Many at once: as long as not more than may hang, the others are sampled in every round. */
static void many_stop(struct scene *scene, size_t n)
{
	assert_int_equal(make_round(scene), 0);
	for (size_t i = 0; i < n; i++)
		set(&host.stopped[i], true);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(make_round(scene), 0);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(make_round(scene), 0);
		assert_int_equal(scene->outcome.error, 0);
		assert_eq(fresh(scene), VMS - n);
	}
	assert_eq(hanging(), n);
	go_on_from(scene, n / 2, n);
	go_on_from(scene, 0, n / 2);
	assert_eq(hanging(), 0);
}

static void test_ten_stop(void **state)
{
	many_stop(*state, 10);
}

static void test_as_many_as_may_stop(void **state)
{
	many_stop(*state, HUNG_MAX);
}

/* More than can be survived: no more calls than may hang, and when some go on, all is well. */
static void test_half_stop(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(make_round(scene), 0);
	for (size_t i = 0; i < VMS / 2; i++)
		set(&host.stopped[i], true);
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(make_round(scene), 0);
	assert_true(host.hanging_max <= CALLS_MAX);
	go_on_from(scene, HUNG_MAX, VMS / 2);
	go_on_from(scene, 0, HUNG_MAX);
	assert_eq(hanging(), 0);
}

/* A domain that is being started holds up the roster: those known are asked without one. */
static void test_roster_hangs(void **state)
{
	struct scene *scene = *state;

	host.n_vms = VMS - 1;
	assert_int_equal(make_round(scene), 0);
	host.n_vms = VMS;
	set(&host.roster_stopped, true);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(make_round(scene), 0);
		assert_int_equal(scene->outcome.error, 0);
		assert_true(scene->outcome.late);
		assert_eq(fresh(scene), VMS - 1);
	}
	assert_eq(hanging(), 1);
	set(&host.roster_stopped, false);
	run_until(scene, &scene->thawed, 1);
	assert_eq(scene->fleet.n_vms, VMS - 1); /* what came late is not taken ... */
	assert_int_equal(make_round(scene), 0);
	assert_eq(fresh(scene), VMS); /* ... but asked for again */
}

/*
 * The first VM of an empty host is being started: that there is no other is known, but not before
 * libvirt has said so, nor after its connection was lost.
 */
static void test_roster_hangs_on_an_empty_host(void **state)
{
	struct scene *scene = *state;

	host.n_vms = 0;
	set(&host.roster_stopped, true);
	assert_int_equal(make_round(scene), 0);
	assert_int_equal(scene->outcome.error, -ETIMEDOUT);
	assert_false(sampler_has_roster(scene->sampler));
	set(&host.roster_stopped, false);
	run_until(scene, &scene->thawed, 1);
	assert_int_equal(make_round(scene), 0);
	assert_int_equal(scene->outcome.error, 0);
	assert_true(sampler_has_roster(scene->sampler));
	set(&host.roster_stopped, true);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(make_round(scene), 0);
		assert_int_equal(scene->outcome.error, 0);
		assert_true(scene->outcome.late);
	}
	assert_eq(scene->fleet.n_vms, 0);
	sampler_cancel(scene->sampler);
	assert_int_equal(make_round(scene), 0);
	assert_int_equal(scene->outcome.error, -ETIMEDOUT);
}

/* libvirt itself hangs: nothing is known, calls are bounded, and all is well afterwards. */
static void test_everything_hangs(void **state)
{
	struct scene *scene = *state;
	unsigned int busy = 0;

	assert_int_equal(make_round(scene), 0);
	set(&host.roster_stopped, true);
	for (size_t i = 0; i < VMS; i++)
		set(&host.stopped[i], true);
	for (unsigned int i = 0; i < 5; i++) {
		int ret = make_round(scene);

		if (ret == -EBUSY) {
			busy++;
			continue;
		}
		assert_int_equal(ret, 0);
		assert_eq(fresh(scene), 0);
	}
	assert_true(hanging() <= CALLS_MAX + 1);
	assert_eq(scene->fleet.n_vms, VMS);
	set(&host.roster_stopped, false);
	run_until(scene, &scene->thawed, 1);
	go_on_from(scene, 0, VMS);
	assert_int_equal(scene->outcome.error, 0);
	print_message("# %u of 5 rounds were not begun, %u calls hung at most\n", busy,
		      host.hanging_max);
}

/* What was asked before a connection was lost is of no use after it. */
static void test_cancelled(void **state)
{
	struct scene *scene = *state;
	uint64_t before_kib;

	assert_int_equal(make_round(scene), 0);
	before_kib = opt_or(vm_number(scene, 0)->sample.actual_kib, 0);
	set(&host.stopped[0], true);
	pthread_mutex_lock(&host.lock);
	host.actual_kib++;
	pthread_mutex_unlock(&host.lock);
	assert_int_equal(sampler_begin(scene->sampler, INTERVAL_MS), 0);
	while (!hanging())
		assert_true(sd_event_run(scene->event, 10000) >= 0);
	sampler_cancel(scene->sampler);
	assert_false(sampler_busy(scene->sampler));
	set(&host.stopped[0], false);
	run_until(scene, &scene->thawed, 1);
	assert_int_equal(scene->rounds, 1);
	assert_eq(opt_or(vm_number(scene, 0)->sample.actual_kib, 0), before_kib);
	assert_int_equal(make_round(scene), 0);
	assert_eq(fresh(scene), VMS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_qemus_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ten_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_as_many_as_may_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_half_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_roster_hangs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_roster_hangs_on_an_empty_host, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_everything_hangs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cancelled, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
