// SPDX-License-Identifier: GPL-2.0
/*
 * The guest sleeps with a full balloon and wakes up: it still has its memory and its target, the
 * device still gets statistics. The same when it was on its way to the target, by either path; the
 * device is slow then, so that there is something in transit for certain.
 */
#include "faults.h"

#include <string.h>

#define INFLATED_KIB (FULL_KIB - 100 * KIB_PER_MIB)

/* On the way: what there is to move, and how often the device looks; 16 MiB at most each time. */
#define WAY_KIB	      (96u * KIB_PER_MIB)
#define WAY_RANGE_KIB (24u * KIB_PER_MIB) /* of it, by range, in a balloon that has both */
#define SLOW_MS	      700u
#define POLL_MS	      50

#define BUFFER_PAGES 256u

static int set_path(struct test *t, const char *path)
{
	return guest_ask(t->guest, NULL, "write /sys/module/aerostat/parameters/inflate_path %s",
			 path);
}

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

/* By frame numbers here; range/suspend-inflated has the other path. */
static void freeze(struct test *t)
{
	require_ok(t, set_path(t, "pfn"));
	sleep_in(t, "freeze");
}

static void mem(struct test *t)
{
	require_ok(t, set_path(t, "pfn"));
	sleep_in(t, "mem");
}

/* Until the balloon is no longer what it was. */
static void wait_moving(struct test *t, uint64_t from_pages)
{
	while (!t->failed && state_number(t, "held_pages") == from_pages)
		require_ok(t, guest_ask(t->guest, NULL, "sleep %d", POLL_MS));
}

/* Sleeps on the way to this target, and gets there. The kept one is memory beside the balloon. */
static void sleep_on_the_way(struct test *t, uint64_t from_pages, uint64_t target_kib)
{
	char *text;

	require_ok(t, guest_ask(t->guest, NULL, "hog keeper 32"));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait keeper"));
	require_ok(t, slow(t, SLOW_MS));
	require_ok(t, guest_set_target_kib(t->guest, target_kib));
	wait_moving(t, from_pages);
	if (t->failed)
		return;
	require_ok(t, guest_sleep(t->guest, "mem"));
	end_slow(t);
	if (t->failed)
		return;
	require_ok(t, guest_wait_actual(t->guest, target_kib, NULL));
	check_state(t, "state", "running");
	if (!t->failed)
		check_state(t, "untold_pages", "0");
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, &text, "hog-check keeper"));
	require(t, strstr(text, " bad_pages=0 "), "memory over the sleep: %s", text);
	free(text);
	require_ok(t, guest_ask(t->guest, NULL, "hog-free keeper"));
}

/* What the device had acknowledged before it was told anew; the rest was still to come. */
static void inflating(struct test *t, const char *path)
{
	struct balance before;
	uint64_t again;

	if (!reload_without_reports(t, &before))
		return;
	require_ok(t, set_path(t, path));
	sleep_on_the_way(t, 0, FULL_KIB - WAY_KIB);
	if (t->failed)
		return;
	/* By the one path or the other; steps are whole buffers. */
	again = state_number(t, "inflate_buffers") * BUFFER_PAGES +
		state_number(t, "range_bytes") / 1024 / PAGE_KIB - WAY_KIB / PAGE_KIB;
	test_note(t, "slept with %" PRIu64 " of %u pages", again, WAY_KIB / PAGE_KIB);
	require(t, again > 0 && again < WAY_KIB / PAGE_KIB,
		"pages told again: expected some of %u, got %" PRIu64, WAY_KIB / PAGE_KIB, again);
	require_ok(t, set_path(t, "auto"));
	check_nothing_lost(t, &before);
}

static void inflating_pfn(struct test *t)
{
	inflating(t, "pfn");
}

static void inflating_range(struct test *t)
{
	inflating(t, "range");
}

/*
 * Out of a balloon that has pages of both kinds. Those given as ranges come back at once, the others
 * are asked for: asleep on the way means that not all had been.
 */
static void deflating(struct test *t)
{
	uint64_t buffers, all = (WAY_KIB - WAY_RANGE_KIB) / PAGE_KIB / BUFFER_PAGES;
	struct balance before;

	if (!reload_without_reports(t, &before))
		return;
	require_ok(t, set_path(t, "range"));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - WAY_RANGE_KIB));
	require_ok(t, set_path(t, "pfn"));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - WAY_KIB));
	require_equal(t, state_number(t, "reported_pages"), WAY_RANGE_KIB / PAGE_KIB,
		      "pages by range");
	sleep_on_the_way(t, WAY_KIB / PAGE_KIB, FULL_KIB);
	if (t->failed)
		return;
	buffers = state_number(t, "deflate_buffers");
	test_note(t, "asked back with %" PRIu64 " of %" PRIu64 " buffers", buffers, all);
	require(t, buffers > 0 && buffers < all,
		"buffers sent before the sleep: expected some of %" PRIu64 ", got %" PRIu64, all,
		buffers);
	require_equal(t, state_number(t, "held_pages"), 0, "pages held");
	require_ok(t, set_path(t, "auto"));
	check_nothing_lost(t, &before);
}

static const struct guest_test tests[] = {
	{ .name = "suspend-to-idle", .run = freeze },
	{ .name = "suspend-to-memory", .run = mem },
	{ .name = "inflating-pfn", .run = inflating_pfn },
	{ .name = "inflating-range", .run = inflating_range },
	{ .name = "deflating", .run = deflating },
};

static struct guest_group sleep_group = {
	.name = "sleep",
	.config = { .machine = SLEEPING_MACHINE,
		    .device = "virtio-balloon-pci,id=balloon0,free-page-reporting=on" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(sleep_group)
