// SPDX-License-Identifier: GPL-2.0
/*
 * Every scenario of the library has the outcome that its file demands; and what is wrong in a
 * scenario's file is said.
 */
#include "cmocka_test.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "scratch_dir.h"
#include "sim/scenario.h"

#define LIBRARY TEST_TOP "/tests/scenarios"

/* Returns how many expectations are not met; -1: none is had. */
static int play(const char *path)
{
	struct conf *conf = conf_new_default();
	struct scenario *scenario;
	struct scenario_expectation expectation;
	const struct guest_spec *specs;
	const struct vm_settings *settings;
	struct run_vm_result *vms;
	struct sim_error error;
	struct metrics metrics;
	size_t n = 0;
	int bad = 0;

	assert_non_null(conf);
	if (scenario_load(path, conf, &scenario, &error))
		fail_msg("%s", error.text);
	vms = calloc(scenario_vms(scenario, &specs, &settings), sizeof(*vms));
	assert_non_null(vms);
	assert_true(*scenario_about(scenario));
	assert_int_equal(scenario_run(scenario, &sim_aerostat, 1, &metrics, vms), 0);
	while (scenario_expect(scenario, n, &metrics, vms, &expectation)) {
		n++;
		if (expectation.met)
			continue;
		bad++;
		print_message("# %s: %s: %s %s %g expected, %g found\n", strrchr(path, '/') + 1,
			      expectation.of ? expectation.of : "host", expectation.what,
			      expectation.at_most ? "at most" : "at least", expectation.bound,
			      expectation.found);
	}
	free(vms);
	scenario_free(scenario);
	conf_free(conf);
	return n ? bad : -1;
}

static void test_library(void **state)
{
	DIR *library = opendir(LIBRARY);
	const struct dirent *entry;
	unsigned int files = 0;
	int bad = 0;

	(void)state;
	assert_non_null(library);
	while ((entry = readdir(library))) {
		char path[512];
		int unmet;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", LIBRARY, entry->d_name);
		unmet = play(path);
		if (unmet < 0)
			fail_msg("%s expects nothing", entry->d_name);
		bad += unmet;
		files++;
	}
	closedir(library);
	assert_true(files >= 20);
	assert_int_equal(bad, 0);
}

#define HEAD "[scenario]\nduration = 10s\nhost_ram = 8G\n"
#define VM   "[vm a]\nmemory = 1G\nuse = 10%\n"

static const struct {
	const char *text;
	const char *what;
} wrong[] = {
	{ HEAD, "there is no [vm NAME]" },
	{ VM, "needs a duration" },
	{ "[scenario]\nduration = 10s\n" VM, "needs a host_ram" },
	{ HEAD "[vm a]\nuse = 10%\n", "has no memory" },
	{ HEAD VM "count = 0\n", "count outside" },
	{ HEAD VM "count = 100000\n", "count outside" },
	{ "[scenario]\nduration = 100h\nhost_ram = 8G\n" VM "count = 9999\n", "too many VMs" },
	{ HEAD VM "memry = 1G\n", ":7: [vm a] memry = 1G: there is no such thing" },
	{ HEAD VM "pause = long\n", ":7: [vm a] pause = long: the value is not understood" },
	{ HEAD VM "silent = maybe\n", "the value is not understood" },
	{ HEAD VM "lie = often\n", "the value is not understood" },
	{ HEAD VM "shares = 0\n", "the value is not understood" },
	{ HEAD VM "class = none-such\n", "none-such" },
	{ HEAD VM "[expect b]\nrelative = 1\n", "there is no such thing" },
	{ HEAD VM "[expect]\nluck = 1\n", "there is no such thing" },
	{ HEAD VM "[expect]\nharm = x\n", "the value is not understood" },
	{ HEAD "[conf policy]\nstael = 3s\n" VM, "did you mean stale?" },
	{ HEAD "[weather]\nrain = yes\n" VM, "there is no such thing" },
	{ HEAD "nonsense\n" VM, "neither a section nor a key" },
};

static void test_wrong_files(void **state)
{
	const struct scratch *scratch = *state;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct conf *conf = conf_new_default();
		struct sim_error error = { .text = "" };
		struct scenario *scenario;

		assert_int_equal(scenario_load(scratch_write(scratch, "s.ini", wrong[i].text), conf,
					       &scenario, &error),
				 -EINVAL);
		if (!strstr(error.text, wrong[i].what))
			fail_msg("file %zu says: %s", i, error.text);
		conf_free(conf);
	}
}

/* An expectation that is not met is told so. */
static void test_unmet(void **state)
{
	const struct scratch *scratch = *state;
	const char *path =
		scratch_write(scratch, "s.ini",
			      HEAD "about = x\n" VM "[expect a]\nat_least = 101%\nat_most = 99%\n"
				   "relative = 0.5\n[expect]\nrelative = 1%\nbreaches = 0\n");
	assert_int_equal(play(path), 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_library),
		cmocka_unit_test_setup_teardown(test_wrong_files, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_unmet, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
