// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers of domains from libvirt's test driver, by handles that are kept: they are asked for anew only
 * when one is missing, and what they stand for may end, come back, or be somebody else by then.
 */
#include "cmocka_test.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>

#include "source/stats.h"

#define VMS 5

struct scene {
	virConnectPtr conn;
	struct handles handles;
	struct job job;
	char uuids[VMS][VM_UUID_LEN];
	struct stats_batch batch; /* the last answer */
};

static unsigned int lists; /* how often all domains were asked for */

int __real_virConnectListAllDomains(virConnectPtr conn, virDomainPtr **domains, unsigned int flags);
int __wrap_virConnectListAllDomains(virConnectPtr conn, virDomainPtr **domains, unsigned int flags);

int __wrap_virConnectListAllDomains(virConnectPtr conn, virDomainPtr **domains, unsigned int flags)
{
	lists++;
	return __real_virConnectListAllDomains(conn, domains, flags);
}

static void ignore_error(void *userdata, virErrorPtr error)
{
	(void)userdata;
	(void)error;
}

static void start(struct scene *scene, size_t i)
{
	virDomainPtr domain;
	char xml[512];

	snprintf(xml, sizeof(xml),
		 "<domain type='test'><name>vm-%zu</name><uuid>%s</uuid>"
		 "<memory unit='KiB'>%zu</memory><os><type>hvm</type></os></domain>",
		 i, scene->uuids[i], (i + 1) * 1024);
	domain = virDomainCreateXML(scene->conn, xml, 0);
	assert_non_null(domain);
	virDomainFree(domain);
}

static void end(struct scene *scene, size_t i)
{
	virDomainPtr domain = virDomainLookupByUUIDString(scene->conn, scene->uuids[i]);

	assert_non_null(domain);
	assert_int_equal(virDomainDestroy(domain), 0);
	virDomainFree(domain);
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	virSetErrorFunc(NULL, ignore_error);
	scene->conn = virConnectOpen("test:///default");
	assert_non_null(scene->conn);
	scene->job.handles = &scene->handles;
	for (size_t i = 0; i < VMS; i++) {
		snprintf(scene->uuids[i], VM_UUID_LEN, "6f1d4ea2-0f0b-4d5c-9a52-%012zu", i);
		start(scene, i);
	}
	lists = 0;
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	stats_batch_clear(&scene->batch);
	handles_clear(&scene->handles);
	virConnectClose(scene->conn);
	free(scene);
	return 0;
}

/* Ask for `n` from `first` on; returns how many are in the answer. */
static size_t ask(struct scene *scene, size_t first, size_t n, bool one_by_one)
{
	stats_batch_clear(&scene->batch);
	assert_int_equal(stats_collect_numbers(&scene->job, scene->conn,
					       (const char(*)[VM_UUID_LEN])scene->uuids + first, n,
					       one_by_one, &scene->batch),
			 0);
	return scene->batch.n_domains;
}

static const struct domain_stats *answer_of(const struct scene *scene, size_t i)
{
	for (size_t at = 0; at < scene->batch.n_domains; at++)
		if (!strcmp(scene->batch.domains[at].uuid, scene->uuids[i]))
			return &scene->batch.domains[at];
	return NULL;
}

static void test_those_wanted(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(ask(scene, 1, 3, false), 3);
	for (size_t i = 1; i <= 3; i++) {
		assert_non_null(answer_of(scene, i));
		assert_int_equal(opt_or(answer_of(scene, i)->max_kib, 0), (i + 1) * 1024);
	}
	assert_int_equal(ask(scene, 1, 0, false), 0);
	assert_int_equal(ask(scene, 0, VMS, true), VMS);
}

static void test_asked_for_once(void **state)
{
	struct scene *scene = *state;

	for (int round = 0; round < 3; round++) {
		assert_int_equal(ask(scene, 0, 2, false), 2);
		assert_int_equal(ask(scene, 2, VMS - 2, false), VMS - 2);
	}
	assert_int_equal(lists, 1);
}

/* It is left out, and the others are not. */
static void test_one_has_ended(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(ask(scene, 0, VMS, false), VMS);
	end(scene, 2);
	assert_int_equal(ask(scene, 0, VMS, false), VMS - 1);
	assert_null(answer_of(scene, 2));
	assert_int_equal(ask(scene, 0, VMS, true), VMS - 1);
}

/* Its number is of the new run, whatever the handle is of. */
static void test_one_runs_anew(void **state)
{
	struct scene *scene = *state;
	int id;

	assert_int_equal(ask(scene, 0, VMS, false), VMS);
	id = answer_of(scene, 2)->id;
	end(scene, 2);
	start(scene, 2);
	assert_int_equal(ask(scene, 0, VMS, false), VMS);
	assert_int_not_equal(answer_of(scene, 2)->id, id);
}

static void test_one_comes(void **state)
{
	struct scene *scene = *state;

	end(scene, 4);
	assert_int_equal(ask(scene, 0, VMS, false), VMS - 1);
	start(scene, 4);
	assert_int_equal(ask(scene, 0, VMS, false), VMS);
	assert_int_equal(ask(scene, 4, 1, false), 1);
	assert_int_equal(lists, 2);
}

#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_SCENE(test_those_wanted),	WITH_SCENE(test_asked_for_once),
		WITH_SCENE(test_one_has_ended), WITH_SCENE(test_one_runs_anew),
		WITH_SCENE(test_one_comes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
