/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a test file needs.
 *
 * A group is one guest configuration and the tests that may share a guest of it. A file defines
 * its groups and registers each with GUEST_GROUP(group). The runner boots a guest, runs the tests
 * in order, and between two of them checks the console and puts the guest back into its first
 * state: no hogs, driver bound, all memory given back. A guest in which a test has failed, or that
 * cannot be put back, is replaced before the next test.
 *
 * A test says what it requires; the first requirement that does not hold ends it:
 *
 *   static void inflates(struct test *t)
 *   {
 *           require_ok(t, guest_balloon_to(t->guest, 128 * 1024));
 *   }
 */
#ifndef GUEST_TEST_H
#define GUEST_TEST_H

#include "harness/guest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct test {
	/*
	 * A test that ends its guest on purpose frees it and puts another of the same group in its
	 * place.
	 */
	struct guest *guest;
	bool failed, skipped;
	char message[2048];
	char note[256]; /* shown with the verdict, whatever it is */
	const char *expected[16]; /* texts on the console that are no trouble in this test */
	size_t expected_count;
};

struct guest_test {
	const char *name;
	void (*run)(struct test *t);
	bool alone; /* gets a fresh guest, and leaves none behind */
};

struct guest_group {
	const char *name;
	struct guest_config config;
	const struct guest_test *tests;
	size_t test_count;
	/* Why this host or kernel cannot run the group, or NULL; not set: any can. */
	const char *(*missing)(const struct guest_source *source);
	struct guest_group *next;
};

#define GUEST_TESTS(list) .tests = (list), .test_count = sizeof(list) / sizeof((list)[0])

void guest_group_register(struct guest_group *group);

#define GUEST_GROUP(group)                                              \
	__attribute__((constructor)) static void group##_register(void) \
	{                                                               \
		guest_group_register(&(group));                         \
	}

void test_fail(struct test *t, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void test_skip(struct test *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A number worth seeing; the last one counts. */
void test_note(struct test *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line of the console with this text is part of the test, not trouble. */
void test_expect(struct test *t, const char *text);
/* All that comes with a kill by the out-of-memory killer. */
void test_expect_oom_kill(struct test *t);

#define require(t, condition, ...)                                       \
	do {                                                             \
		if (!(condition)) {                                      \
			test_fail((t), __FILE__, __LINE__, __VA_ARGS__); \
			return;                                          \
		}                                                        \
	} while (0)

/* The call must return 0. */
#define require_ok(t, call)                                                               \
	do {                                                                              \
		int require_r_ = (call);                                                  \
		require((t), require_r_ == 0, "%s: expected success, got %d (%s)", #call, \
			require_r_, strerror(require_r_ < 0 ? -require_r_ : 0));          \
	} while (0)

/* The number must be what is expected. */
#define require_equal(t, got, expected, what)                                                \
	do {                                                                                 \
		uint64_t require_got_ = (got), require_expected_ = (expected);               \
		require((t), require_got_ == require_expected_,                              \
			"%s: expected %" PRIu64 ", got %" PRIu64, (what), require_expected_, \
			require_got_);                                                       \
	} while (0)

/* The number must not be farther than tolerance from what is expected. */
#define require_near(t, got, expected, tolerance, what)                                  \
	do {                                                                             \
		uint64_t require_got_ = (got), require_expected_ = (expected);           \
		uint64_t require_off_ = require_got_ > require_expected_                 \
						? require_got_ - require_expected_       \
						: require_expected_ - require_got_;      \
		require((t), require_off_ <= (uint64_t)(tolerance),                      \
			"%s: expected %" PRIu64 " +- %" PRIu64 ", got %" PRIu64, (what), \
			require_expected_, (uint64_t)(tolerance), require_got_);         \
	} while (0)

#endif
