// SPDX-License-Identifier: GPL-2.0
/* The operator's command: who raises an alarm waits neither for it nor for what it is on. */
#include "cmocka_test.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "publish/hook.h"
#include "scratch_dir.h"
#include "util/clock.h"

#define ALARMS	    40
#define PATIENCE_MS 20000

static const struct alarm silent = {
	.kind = ALARM_SILENT,
	.raised = true,
	.vm = "a b;c",
	.uuid = "6f1d4ea2-0f0b-4d5c-9a52-000000000001",
};

/* A script in the scratch directory; `$dir` is that. */
static const char *script(struct scratch *scratch, const char *text)
{
	char whole[512];
	const char *path;

	snprintf(whole, sizeof(whole), "#!/bin/sh\ndir=%s\n%s\n", scratch->path, text);
	path = scratch_write(scratch, "command", whole);
	assert_int_equal(chmod(path, 0700), 0);
	return path;
}

static size_t length_of(const struct scratch *scratch, const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", scratch->path, name);
	return stat(path, &st) ? 0 : (size_t)st.st_size;
}

static void wait_for_length(const struct scratch *scratch, const char *name, size_t length)
{
	uint64_t end_ms = clock_monotonic_ms() + PATIENCE_MS;

	while (length_of(scratch, name) < length) {
		assert_true(clock_monotonic_ms() < end_ms);
		usleep(20000);
	}
	assert_eq(length_of(scratch, name), length);
}

/* More than run at once: all are run. */
static void test_every_alarm_is_told(void **state)
{
	struct scratch *scratch = *state;
	const char *path = script(scratch, "printf x >>$dir/out; [ \"$3\" = 'a b;c' ]; sleep 0.1");
	struct hook *hook;

	assert_int_equal(hook_new(&hook), 0);
	for (unsigned int i = 0; i < ALARMS; i++)
		hook_run(hook, path, &silent, "text");
	wait_for_length(scratch, "out", ALARMS);
	hook_free(hook);
}

/* One that hangs is killed at the end, with what it has started. */
static void test_hanging_command_holds_up_nobody(void **state)
{
	struct scratch *scratch = *state;
	const char *path =
		script(scratch, "printf x >>$dir/out; { sleep 3; printf x >>$dir/late; } & wait");
	uint64_t began_ms = clock_monotonic_ms();
	struct hook *hook;

	assert_int_equal(hook_new(&hook), 0);
	for (unsigned int i = 0; i < 2 * ALARMS; i++)
		hook_run(hook, path, &silent, "text");
	assert_true(clock_monotonic_ms() - began_ms < 1000);
	wait_for_length(scratch, "out", 8);
	began_ms = clock_monotonic_ms();
	hook_free(hook);
	assert_true(clock_monotonic_ms() - began_ms < 2000);
	usleep(3500000);
	assert_eq(length_of(scratch, "late"), 0);
	assert_eq(length_of(scratch, "out"), 8);
}

/* As systemd does it for the unit. False: we have not got it ourselves. */
static bool make_ambient(int capability)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, sets))
		return false;
	sets[CAP_TO_INDEX(capability)].inheritable |= CAP_TO_MASK(capability);
	return !syscall(SYS_capset, &header, sets) &&
	       !prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
}

/* Whoever wrote the command need not be trusted with what the daemon may do. */
static void test_capabilities_are_not_passed_on(void **state)
{
	struct scratch *scratch = *state;
	const char *path =
		script(scratch, "grep -q '^CapAmb:.0*$' /proc/self/status && printf x >>$dir/none\n"
				"printf x >>$dir/out");
	struct hook *hook;

	if (!make_ambient(CAP_NET_ADMIN))
		skip();
	assert_int_equal(hook_new(&hook), 0);
	hook_run(hook, path, &silent, "text");
	wait_for_length(scratch, "out", 1);
	assert_eq(length_of(scratch, "none"), 1);
	assert_int_equal(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_ADMIN, 0, 0), 1);
	hook_free(hook);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_alarm_is_told, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_hanging_command_holds_up_nobody, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_capabilities_are_not_passed_on, scratch_setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
