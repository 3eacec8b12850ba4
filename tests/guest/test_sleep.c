// SPDX-License-Identifier: GPL-2.0
/*
 * The guest sleeps with a full balloon and wakes up: it still has its memory and its target, the
 * device still gets statistics.
 */
#include "checks.h"

#include <string.h>

#define FULL_KIB     (256u * KIB_PER_MIB)
#define INFLATED_KIB (FULL_KIB - 100 * KIB_PER_MIB)

static void sleep_in(struct test *t, const char *state)
{
	uint64_t total_kib, now_kib;
	char *states, *text;

	require_ok(t, guest_ask(t->guest, &states, "read /sys/power/state"));
	if (!strstr(states, state)) {
		test_skip(t, "this guest cannot sleep in '%s', only in: %s", state, states);
		t->message[strcspn(t->message, "\n")] = '\0';
		free(states);
		return;
	}
	free(states);
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, guest_ask(t->guest, NULL, "hog keeper 48"));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait keeper"));
	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
	for (int i = 0; i < 2; i++) {
		require_ok(t, guest_sleep(t->guest, state));
		require_ok(t, guest_wait_actual(t->guest, INFLATED_KIB, NULL));
		require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
		require_equal(t, now_kib, total_kib - 100 * KIB_PER_MIB, "MemTotal, KiB, awake");
	}
	/* It did sleep. */
	require_ok(t, console_wait(&t->guest->console, ASK_TIMEOUT_MS, "PM: suspend exit", NULL));
	require_ok(t, guest_ask(t->guest, &text, "hog-check keeper"));
	require(t, strstr(text, " bad_pages=0 "), "memory over the sleep: %s", text);
	free(text);
	check_stats(t);
	if (t->failed)
		return;
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib, "MemTotal, KiB, deflated");
}

static void freeze(struct test *t)
{
	sleep_in(t, "freeze");
}

static void mem(struct test *t)
{
	sleep_in(t, "mem");
}

static const struct guest_test tests[] = {
	{ .name = "suspend-to-idle", .run = freeze },
	{ .name = "suspend-to-memory", .run = mem },
};

static struct guest_group sleep_group = {
	.name = "sleep",
	.config = { .machine = SLEEPING_MACHINE, .device = "virtio-balloon-pci,id=balloon0" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(sleep_group)
