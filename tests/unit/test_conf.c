// SPDX-License-Identifier: GPL-2.0
/* Reading the configuration: what is taken, what is refused, and with which words. */
#include "cmocka_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "scratch_dir.h"

#define MAIN "etc/aerostatd.conf"

static struct conf *load(const char *path)
{
	struct conf *conf = NULL;
	struct conf_error error = { "" };

	if (conf_load(path, &conf, &error))
		fail_msg("%s", error.text);
	assert_non_null(conf);
	return conf;
}

static struct conf *load_text(void **state, const char *text)
{
	return load(scratch_write(*state, MAIN, text));
}

/* Refused with `expected_errno`, and in the message each of the parts. */
static void refuse(const char *path, int expected_errno, const char *place, const char *what)
{
	struct conf *conf = (void *)&conf;
	struct conf_error error = { "" };

	assert_int_equal(conf_load(path, &conf, &error), expected_errno);
	assert_ptr_equal(conf, &conf);
	assert_contains(error.text, place);
	assert_contains(error.text, what);
	assert_null(strchr(error.text, '\n'));
}

static void test_every_kind_of_value(void **state)
{
	struct conf *conf = load_text(state, "; a comment\n"
					     "[daemon]\n"
					     "connect = test:///default\n"
					     "interval = 1.5s\n"
					     "stats_period: 2s\n"
					     "[host]\n"
					     "  reserve = 4G ; and a remark\n"
					     "budget=3G\n"
					     "float = 2.5%\n"
					     "[policy]\n"
					     "dead_band = 8 MiB\n"
					     "\tfault_limit = 7\n"
					     "[vm]\n"
					     "reservation = 512M\n"
					     "limit = 50%\n"
					     "mode = observe\n");

	assert_string_equal(conf->daemon.connect, "test:///default");
	assert_eq(conf->daemon.interval_ms, 1500);
	assert_eq(conf->daemon.stats_period_s, 2);
	assert_eq(opt_or(conf->policy.reserve_kib, 0), 4 * 1024 * 1024);
	assert_eq(opt_or(conf->policy.budget_kib, 0), 3 * 1024 * 1024);
	assert_eq(conf->policy.float_permille, 25);
	assert_eq(conf->policy.dead_band_kib, 8192);
	assert_eq(conf->policy.fault_rate_limit, 7);
	assert_int_equal(conf->vm.reservation.unit, AMOUNT_KIB);
	assert_int_equal(conf->vm.limit.unit, AMOUNT_PERMILLE);
	assert_eq(opt_or(conf->vm.mode, 99), VM_MODE_OBSERVE);
	/* What was not mentioned keeps its default. */
	assert_eq(conf->policy.stale_ms, 20000);
	conf_free(conf);
}

/* A later percentage takes the place of an earlier size, and `none` that of a budget. */
static void test_later_value_wins(void **state)
{
	struct conf *conf = load_text(state, "[host]\nreserve = 4G\nbudget = 3G\n"
					     "reserve = 5%\nbudget = none\n");

	assert_false(conf->policy.reserve_kib.known);
	assert_eq(opt_or(conf->policy.reserve_permille, 0), 50);
	assert_false(conf->policy.budget_kib.known);
	conf_free(conf);
}

static void test_dropins_in_name_order(void **state)
{
	struct conf *conf;

	scratch_write(*state, "etc/aerostatd.conf.d/20-b.conf", "[daemon]\ninterval = 2s\n");
	scratch_write(*state, "etc/aerostatd.conf.d/10-a.conf",
		      "[daemon]\ninterval = 1s\nevent_gap = 1s\n[class web]\nshares = 2\n");
	scratch_write(*state, "etc/aerostatd.conf.d/30-c.conf.bak", "[daemon]\ninterval = 9s\n");
	scratch_write(*state, "etc/aerostatd.conf.d/.40-d.conf", "[daemon]\ninterval = 9s\n");
	conf = load_text(state, "[daemon]\ninterval = 3s\nevent_gap = 2s\n[class web]\n"
				"match = web-*\nshares = 1\n");
	assert_eq(conf->daemon.interval_ms, 2000);
	assert_eq(conf->daemon.event_gap_ms, 1000);
	assert_eq(conf->n_classes, 1);
	assert_eq(opt_or(conf->classes[0].tune.shares, 0), 2);
	assert_string_equal(conf->classes[0].match, "web-*");
	conf_free(conf);
}

static void test_error_in_dropin(void **state)
{
	const char *path;

	scratch_write(*state, "etc/aerostatd.conf.d/10-a.conf", "[daemon]\n\ninterval = 1\n");
	path = scratch_write(*state, MAIN, "[daemon]\ninterval = 3s\n");
	refuse(path, -EINVAL, "etc/aerostatd.conf.d/10-a.conf:3: daemon.interval: ",
	       "\"1\" is not understood; expected a duration from 200ms to 1h");
}

static void test_missing_and_unreadable(void **state)
{
	struct scratch *scratch = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/none.conf", scratch->path);
	refuse(path, -ENOENT, path, "No such file");
	refuse(scratch->path, -EISDIR, scratch->path, "Is a directory");
	snprintf(path, sizeof(path), "%s/etc/aerostatd.conf.d", scratch->path);
	scratch_write(scratch, "etc/aerostatd.conf.d", "not a directory");
	refuse(scratch_write(scratch, MAIN, ""), -ENOTDIR, path, "Not a directory");
}

static void test_missing_default_is_no_error(void **state)
{
	(void)state;
	if (access(CONF_PATH_DEFAULT, F_OK) == 0) {
		print_message("# %s exists here: it is read instead\n", CONF_PATH_DEFAULT);
		return;
	}
	conf_free(load(NULL));
}

static void test_refused(void **state)
{
	static const struct {
		const char *text;
		const char *place;
		const char *what;
	} cases[] = {
		{ "[daemon]\ninterval = 1ms\n", ":2: daemon.interval: ",
		  "\"1ms\" is out of bounds; expected a duration from 200ms to 1h" },
		{ "[daemon]\nstats_period = 1.5s\n", ":2: daemon.stats_period: ", "whole seconds" },
		{ "[daemon]\nconnect = nowhere\n", ":2: daemon.connect: ", "a libvirt URI" },
		{ "[daemon]\nconnect =\n", ":2: daemon.connect: ", "\"\" is not understood" },
		{ "[host]\nreserve = 95%\n", ":2: host.reserve: ", "from 0% to 90%" },
		{ "[host]\nreserve = 4\n", ":2: host.reserve: ", "a size such as 4G, auto" },
		{ "[host]\nbudget = 0\n", ":2: host.budget: ", "or none" },
		{ "[host]\nfloat = 51%\n", ":2: host.float: ", "out of bounds" },
		{ "[policy]\nfault_limit = many\n", ":2: policy.fault_limit: ", "a number" },
		{ "[policy]\ndead_band = 5%\n", ":2: policy.dead_band: ", "a size" },
		{ "[vm]\nmode = on\n", ":2: vm.mode: ", "auto, observe or off" },
		{ "[vm]\nshares = 0\n", ":2: vm.shares: ", "from 1 to 1000000" },
		{ "[vm]\nlimit = 0%\n", ":2: vm.limit: ", "out of bounds" },
		{ "[vm]\nlimit = 1K\n", ":2: vm.limit: ", "at least 1M" },
		{ "[vm]\nreservation = 101%\n", ":2: vm.reservation: ", "out of bounds" },
		{ "[class a]\nbuffer = 1G\n", ":2: class a.buffer: ", "a percentage" },
		{ "[class a]\nmatch =\n", ":2: class a.match: ", "patterns" },
		{ "\n\n[demon]\n", ":3: ", "unknown section [demon]; did you mean [daemon]?" },
		{ "[other]\n", ":1: ", "unknown section [other]; expected [daemon], [host]" },
		{ "[class a b]\n", ":1: ", "\"a b\" cannot name a class" },
		{ "[class ]\n", ":1: ", "\"\" cannot name a class" },
		{ "[class aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
		  ":1: ", "cannot name a class" },
		{ "[class aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
		  ":1: ", "too long" },
		{ "[vm]\nreservaton = 1G\n",
		  ":2: vm.reservaton: ", "unknown key; did you mean reservation?" },
		{ "[policy]\nbudget = 1G\n",
		  ":2: policy.budget: ", "unknown key; it belongs in [host]" },
		{ "[vm]\nmatch = a\n", ":2: vm.match: ", "it belongs in [class NAME]" },
		{ "[vm]\nclass = a\n", ":2: vm.class: ", "unknown key" },
		{ "[vm]\ncompletely_different = 1\n",
		  ":2: vm.completely_different: ", "unknown key" },
		{ "interval = 1s\n", ":1: ", "before the first [section]" },
		{ "[vm]\nshares\n", ":2: ", "neither \"key = value\" nor" },
		{ "[vm\nshares = 1\n", ":1: ", "ends with ']'" },
		{ "[vm] shares = 1\n", ":1: ", "a line of its own" },
		/* Indented, it is still a key and not more of the value above. */
		{ "[vm]\nshares = 1\n  2\n", ":3: ", "neither \"key = value\" nor" },
		{ "[policy]\nstale = 5s\n", ": policy.stale: ", "2 times" },
		{ "[daemon]\nstats_period = 20s\n", ": policy.stale: ", "would count as stale" },
		{ "[vm]\nreservation = 2G\nlimit = 1G\n", ": vm.reservation: ", "above" },
		{ "[class a]\nlimit = 5%\n", ": class a.reservation: ", "above its limit" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		refuse(scratch_write(*state, MAIN, cases[i].text), -EINVAL, cases[i].place,
		       cases[i].what);
}

/* Nothing after the first error may hide it. */
static void test_first_error_is_told(void **state)
{
	refuse(scratch_write(*state, MAIN, "[vm]\nshares = x\nmode = y\nnonsense\n"), -EINVAL,
	       ":2: vm.shares: ", "not understood");
}

static void test_long_and_binary_lines(void **state)
{
	char text[1000] = "[vm]\n# ";
	size_t length;

	memset(text + 7, 'x', 500);
	strcpy(text + 507, "\nshares = 2\n");
	conf_free(load_text(state, text)); /* a comment may be as long as it likes */
	memset(text, 'x', 500);
	memcpy(text, "[vm]\nshares = ", 14);
	strcpy(text + 500, "\n");
	refuse(scratch_write(*state, MAIN, text), -EINVAL, ":2: ", "too long");
	length = strlen("[vm]\nshares = 2");
	memcpy(text, "[vm]\nshares = 2\0\n", length + 2);
	refuse(scratch_write_bytes(*state, MAIN, text, length + 2), -EINVAL,
	       ":2: ", "not a text file");
}

/* No text of any kind may make the reader fall over; sanitizers watch. */
static void test_garbage(void **state)
{
	uint32_t number = 1;
	char text[600];

	for (int round = 0; round < 300; round++) {
		static const char letters[] = "[]=:;# \t\n\rclassvm%019.MG-*\\\"\xff";
		struct conf *conf = NULL;
		struct conf_error error;

		for (size_t i = 0; i < sizeof(text); i++) {
			number = number * 1664525 + 1013904223;
			text[i] = letters[(number >> 16) % (sizeof(letters) - 1)];
		}
		if (!conf_load(scratch_write_bytes(*state, MAIN, text, sizeof(text)), &conf,
			       &error))
			conf_free(conf);
	}
}

int main(void)
{
#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
	static const struct CMUnitTest tests[] = {
		WITH_SCRATCH(test_every_kind_of_value),
		WITH_SCRATCH(test_later_value_wins),
		WITH_SCRATCH(test_dropins_in_name_order),
		WITH_SCRATCH(test_error_in_dropin),
		WITH_SCRATCH(test_missing_and_unreadable),
		cmocka_unit_test(test_missing_default_is_no_error),
		WITH_SCRATCH(test_refused),
		WITH_SCRATCH(test_first_error_is_told),
		WITH_SCRATCH(test_long_and_binary_lines),
		WITH_SCRATCH(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
