// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the groups of tests in guests of one kernel; see test.h for how guests are shared.
 */
#include "harness/suite.h"
#include "harness/last_words.h"
#include "harness/lines.h"
#include "harness/test.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

/* How long actual must stand still before a guest counts as quiet. */
#define RESET_SETTLE_MS 300

#define END_TIMEOUT_MS 2000 /* of a QEMU that has closed its monitor */

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define KMEMLEAK_AGE_MS 6000 /* the kernel's is 5 s */

struct suite {
	const struct guest_source *source;
	const char *log_root;
	const char *pattern;
	struct guest *guest; /* the one in use, or NULL */
	char log_dir[400]; /* its logs */
	unsigned int boots; /* of this group */
};

static struct guest_group *groups;

void guest_group_register(struct guest_group *group)
{
	struct guest_group **place = &groups;

	/* By name: constructors run in an order of the linker's choice. */
	while (*place && strcmp((*place)->name, group->name) < 0)
		place = &(*place)->next;
	group->next = *place;
	*place = group;
}

void test_fail(struct test *t, const char *file, int line, const char *format, ...)
{
	const char *name = strrchr(file, '/');
	va_list args;
	int n;

	if (t->failed)
		return;
	t->failed = true;
	n = snprintf(t->message, sizeof(t->message), "%s:%d: ", name ? name + 1 : file, line);
	va_start(args, format);
	vsnprintf(t->message + n, sizeof(t->message) - (size_t)n, format, args);
	va_end(args);
}

void test_skip(struct test *t, const char *format, ...)
{
	va_list args;

	t->skipped = true;
	va_start(args, format);
	vsnprintf(t->message, sizeof(t->message), format, args);
	va_end(args);
}

void test_note(struct test *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(t->note, sizeof(t->note), format, args);
	va_end(args);
}

void test_expect(struct test *t, const char *text)
{
	if (t->expected_count == sizeof(t->expected) / sizeof(*t->expected))
		abort();
	t->expected[t->expected_count++] = text;
}

void test_expect_oom_kill(struct test *t)
{
	test_expect(t, "invoked oom-killer");
	test_expect(t, "Call Trace");
	test_expect(t, "Out of memory");
	test_expect(t, "oom_reaper");
	/* Of the task that is being killed. */
	test_expect(t, "page allocation failure");
}

/* One record, short enough that a pipe keeps it in one piece. */
static void verdict(const struct suite *suite, const struct guest_group *group,
		    const struct guest_test *test, const struct test *t, uint64_t took_ms)
{
	char record[PIPE_BUF], message[sizeof(t->message)];
	size_t used;

	used = (size_t)snprintf(record, sizeof(record), "%s - guest/%s/%s/%s%s%.300s\n",
				t->failed ? "not ok" : "ok", suite->source->series, group->name,
				test->name, t->skipped && !t->failed ? " # SKIP " : "",
				t->skipped && !t->failed ? t->message : "");
	/* A verdict is one line. */
	snprintf(message, sizeof(message), "%s", t->message);
	for (char *c = message; *c; c++)
		*c = *c == '\n' ? ';' : *c;
	if (t->failed)
		used += (size_t)snprintf(record + used, sizeof(record) - used,
					 "#   %s\n#   logs: %s\n", message, suite->log_dir);
	else if (took_ms >= 10000)
		used += (size_t)snprintf(record + used, sizeof(record) - used,
					 "#   took %" PRIu64 " s\n", took_ms / 1000);
	if (*t->note)
		used += (size_t)snprintf(record + used, sizeof(record) - used, "#   %s\n", t->note);
	if (t->failed)
		last_words(suite->log_dir, record + used, sizeof(record) - used);
	used = strlen(record);
	if (write(1, record, used) != (ssize_t)used)
		abort();
}

/* What is on a disk is no business of the next guest. */
static void forget_disk(const struct suite *suite)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/disk", suite->log_dir);
	unlink(path);
}

static void drop_guest(struct suite *suite)
{
	guest_free(suite->guest);
	suite->guest = NULL;
	forget_disk(suite);
}

/* A guest in its first state: the one at hand, or a new one. */
static int ready_guest(struct suite *suite, const struct guest_group *group, struct test *t)
{
	char why[1024];
	int r;

	if (suite->guest)
		return 0;
	snprintf(suite->log_dir, sizeof(suite->log_dir), "%s/%s-%u", suite->log_root, group->name,
		 ++suite->boots);
	if (mkdir(suite->log_dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	forget_disk(suite);
	r = guest_boot(suite->source, &group->config, suite->log_dir, &suite->guest, why,
		       sizeof(why));
	if (r < 0)
		test_fail(t, __FILE__, __LINE__, "%s", why);
	else if (suite->guest->module_errno)
		test_fail(t, __FILE__, __LINE__, "the balloon module was not loaded: %s",
			  strerror(suite->guest->module_errno));
	return r;
}

/* Back to the state after boot, in which the next test finds it. */
static bool reset_guest(struct guest *guest)
{
	uint64_t actual_kib;

	qmp_forget_events(guest->qmp);
	return guest_ask(guest, NULL, "reset") == 0 && guest_balloon_bound(guest) &&
	       guest_set_stats_interval(guest, 0) == 0 &&
	       guest_balloon_to(guest, (uint64_t)guest->memory_mib * 1024) == 0 &&
	       guest_wait_settled(guest, RESET_SETTLE_MS, &actual_kib) == 0;
}

/* Everything the kernel said during a test has reached the console once this mark has. */
static void check_console(struct suite *suite, struct test *t, const char *name)
{
	char mark[256], *line;
	int r;

	snprintf(mark, sizeof(mark), "guest-test: end of %s", name);
	r = guest_mark(suite->guest, mark);
	if (console_unwell(&suite->guest->console, t->expected, t->expected_count, &line)) {
		test_fail(t, __FILE__, __LINE__, "the console says: %s", line);
		free(line);
	} else if (r < 0) {
		test_fail(t, __FILE__, __LINE__, "the guest is gone: %s", strerror(-r));
	}
}

/*
 * A kernel with kmemleak looks for memory that nothing leads to any more, which takes it two scans:
 * what it has not seen for seconds is all that counts. One verdict a guest, for all that ran in it.
 */
static void check_leaks(struct suite *suite, const struct guest_group *group)
{
	static const struct guest_test leaks = { .name = "no-leaks" };
	uint64_t start_ms = clock_ms();
	struct test t = { .guest = suite->guest };
	char *text = NULL;

	if (guest_ask(suite->guest, NULL, "read " KMEMLEAK) < 0)
		return;
	if (guest_ask(suite->guest, NULL, "write " KMEMLEAK " scan") < 0 ||
	    guest_ask(suite->guest, NULL, "sleep %d", KMEMLEAK_AGE_MS) < 0 ||
	    guest_ask(suite->guest, NULL, "write " KMEMLEAK " scan") < 0 ||
	    guest_ask(suite->guest, &text, "read " KMEMLEAK) < 0)
		test_fail(&t, __FILE__, __LINE__, "kmemleak does not answer");
	else if (*text)
		test_fail(&t, __FILE__, __LINE__, "kmemleak says: %s", text);
	free(text);
	check_console(suite, &t, leaks.name);
	verdict(suite, group, &leaks, &t, clock_ms() - start_ms);
}

/* The end of a guest that is well. */
static void end_guest(struct suite *suite, const struct guest_group *group)
{
	if (suite->guest)
		check_leaks(suite, group);
	drop_guest(suite);
}

/* What a lost guest left behind: the monitor's last messages get into the log that way. */
static void look_after_failure(struct test *t)
{
	size_t used = strlen(t->message);
	char how[64];

	if (qmp_wait_event(t->guest->qmp, 0, "SHUTDOWN", NULL) == -EPIPE)
		qemu_wait_exit(t->guest->pid, END_TIMEOUT_MS);
	if (qemu_how_it_ended(t->guest->pid, how, sizeof(how)) == 0)
		snprintf(t->message + used, sizeof(t->message) - used, "; %s", how);
}

/* Whether it had a fair chance: false when QEMU lost the guest. */
static bool attempt(struct suite *suite, const struct guest_group *group,
		    const struct guest_test *test, struct test *t)
{
	struct console console;
	bool lost = false;
	char mark[256];

	if (ready_guest(suite, group, t) < 0 || t->failed)
		return true;
	t->guest = suite->guest;
	snprintf(mark, sizeof(mark), "guest-test: begin of %s", test->name);
	if (guest_mark(suite->guest, mark) == 0)
		test->run(t);
	else
		test_fail(t, __FILE__, __LINE__, "the guest does not answer");
	/* A test may have put another one in its place; see test.h. */
	suite->guest = t->guest;
	console = suite->guest->console;
	check_console(suite, t, test->name);
	if (t->failed) {
		lost = guest_lost_waking(suite->guest, &console);
		look_after_failure(t);
	}
	return !lost;
}

static void run_test(struct suite *suite, const struct guest_group *group,
		     const struct guest_test *test)
{
	uint64_t start_ms = clock_ms();
	struct test t = { .guest = NULL };
	const char *missing;

	if (group->missing && (missing = group->missing(suite->source))) {
		test_skip(&t, "%s", missing);
		verdict(suite, group, test, &t, 0);
		return;
	}
	if (test->alone)
		end_guest(suite, group);
	if (!attempt(suite, group, test, &t)) {
		drop_guest(suite);
		t = (struct test){ .note = "run again: QEMU lost the first guest as it woke" };
		attempt(suite, group, test, &t);
	}
	verdict(suite, group, test, &t, clock_ms() - start_ms);
	if (t.failed)
		drop_guest(suite);
	else if (test->alone || !reset_guest(suite->guest))
		end_guest(suite, group);
}

static bool selected(const char *pattern, const struct guest_group *group,
		     const struct guest_test *test)
{
	char name[256];

	snprintf(name, sizeof(name), "%s/%s", group->name, test->name);
	return !pattern || fnmatch(pattern, name, FNM_EXTMATCH) == 0;
}

static void run_group(struct suite *suite, const struct guest_group *group)
{
	if (group->config.arm64 != suite->source->arm64)
		return;
	suite->boots = 0;
	for (size_t i = 0; i < group->test_count; i++)
		if (selected(suite->pattern, group, &group->tests[i]))
			run_test(suite, group, &group->tests[i]);
	end_guest(suite, group);
}

int suite_run(const struct guest_source *source, const char *log_root, const char *pattern,
	      atomic_uint *next_group)
{
	struct suite suite = { .source = source, .log_root = log_root, .pattern = pattern };
	unsigned int taken = atomic_fetch_add(next_group, 1), number = 0;

	for (const struct guest_group *group = groups; group; group = group->next) {
		if (number++ != taken)
			continue;
		run_group(&suite, group);
		taken = atomic_fetch_add(next_group, 1);
	}
	return 0;
}

void suite_list(const char *pattern)
{
	for (const struct guest_group *group = groups; group; group = group->next)
		for (size_t i = 0; i < group->test_count; i++)
			if (selected(pattern, group, &group->tests[i]))
				printf("%s/%s\n", group->name, group->tests[i].name);
}
