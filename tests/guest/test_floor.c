// SPDX-License-Identifier: GPL-2.0
/*
 * What the driver does for its guest: it stops at a floor and says so, waits longer and longer, goes
 * on when something has changed, and keeps its hands off a guest that has just run out of memory.
 */
#include "checks.h"
#include "harness/lines.h"

#include <string.h>
#include <unistd.h>

#define FULL_KIB     (256u * KIB_PER_MIB)
#define FLOOR_MIB    200u
#define LONG_WAIT_MS 12000u
#define PARAMETERS   "/sys/module/aerostat/parameters/"
#define AT_FLOOR     "the guest is down to its floor"
#define AFTER_OOM    "the guest ran out of memory"

/* The module sees all of the guest's memory, with what its kernel needs more than others. */
static uint64_t extra_mib(const struct test *t)
{
	return t->guest->source->extra_mib;
}

static int set_floor(struct test *t, uint64_t mib)
{
	return guest_ask(t->guest, NULL, "write " PARAMETERS "floor_mib %" PRIu64, mib);
}

/* The table of hv_balloon: 72 MiB at 128, 168 at 512, in between in proportion; see guard.c. */
static void floor_by_size(struct test *t)
{
	uint64_t size_mib = 256 + extra_mib(t), floor_kib, actual_kib;

	require_ok(t, guest_state_number(t->guest, "floor_kib", &floor_kib));
	/* The firmware keeps a little of what the guest is given. */
	require_near(t, floor_kib, (72 + (size_mib - 128) / 4) * KIB_PER_MIB, 4 * KIB_PER_MIB,
		     "floor, KiB");
	require_ok(t, guest_set_target_kib(t->guest, PAGE_KIB));
	require_ok(t, guest_wait_settled(t->guest, 2000, &actual_kib));
	actual_kib += extra_mib(t) * KIB_PER_MIB;
	require(t, actual_kib + KIB_PER_MIB >= floor_kib,
		"actual: expected at least %" PRIu64 " KiB, got %" PRIu64, floor_kib, actual_kib);
	require_ok(t, guest_ask(t->guest, NULL, "hog program 8"));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait program"));
}

static void floor_parameter(struct test *t)
{
	uint64_t actual_kib, stopped_kib;
	char *line;

	require_ok(t, set_floor(t, FLOOR_MIB + extra_mib(t)));
	require_ok(t, guest_set_target_kib(t->guest, 128 * KIB_PER_MIB));
	check_state(t, "stop", AT_FLOOR);
	if (t->failed)
		return;
	require_ok(t, guest_wait_settled(t->guest, 1000, &stopped_kib));
	require_near(t, stopped_kib, FLOOR_MIB * KIB_PER_MIB, 2 * KIB_PER_MIB, "actual, KiB");
	require_ok(t, console_wait(&t->guest->console, ASK_TIMEOUT_MS, AT_FLOOR, &line));
	free(line);
	/* Lower it, and say something new: the guest goes on at once, whatever it was waiting for. */
	require_ok(t, set_floor(t, 150 + extra_mib(t)));
	require_ok(t, guest_balloon_to(t->guest, 160 * KIB_PER_MIB));
	check_state(t, "stop", "none");
	if (t->failed)
		return;
	require_ok(t, set_floor(t, 0));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	require_ok(t, guest_wait_settled(t->guest, 300, &actual_kib));
	require_equal(t, actual_kib, FULL_KIB, "actual, KiB, deflated");
}

/* The stock driver tries five times a second for ever. */
static void backs_off(struct test *t)
{
	uint64_t stops, retry_ms = 0, deadline_ms = clock_ms() + REACH_TIMEOUT_MS;

	require_ok(t, set_floor(t, FLOOR_MIB + extra_mib(t)));
	require_ok(t, guest_set_target_kib(t->guest, 128 * KIB_PER_MIB));
	check_state(t, "stop", AT_FLOOR);
	/* From 1 s on each wait is twice the last. */
	while (!t->failed && retry_ms <= 4000) {
		require_ok(t, guest_state_number(t->guest, "retry_ms", &retry_ms));
		require(t, clock_ms() < deadline_ms,
			"the wait before the next attempt: expected more than 4 s, got %" PRIu64
			" ms",
			retry_ms);
		usleep(100000);
	}
	if (t->failed)
		return;
	require_ok(t, guest_state_number(t->guest, "stops", &stops));
	test_note(t, "waits %" PRIu64 " ms after %" PRIu64 " stops", retry_ms, stops);
	require_ok(t, set_floor(t, 0));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
}

/* Memory that a program has freed is noticed long before the longest wait is over. */
static void goes_on_when_memory_is_freed(struct test *t)
{
	uint64_t actual_kib, available_kib, retry_ms = 0, freed_ms, deadline_ms;

	/* Of what is available some 85 MiB are left, of which 110 are asked for. */
	require_ok(t, guest_meminfo_kib(t->guest, "MemAvailable", &available_kib));
	require(t, available_kib > 120 * KIB_PER_MIB, "available: expected 120 MiB, got %" PRIu64,
		available_kib / KIB_PER_MIB);
	require_ok(t, guest_ask(t->guest, NULL, "hog user %" PRIu64,
				available_kib / KIB_PER_MIB - 85));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait user"));
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB - 110 * KIB_PER_MIB));
	require_ok(t, guest_wait_settled(t->guest, 2000, &actual_kib));
	require(t, actual_kib > FULL_KIB - 110 * KIB_PER_MIB,
		"actual: expected to be stopped above the target, got %" PRIu64 " KiB", actual_kib);
	/* A wait that is long enough to be told from the look once a second that ends it. */
	deadline_ms = clock_ms() + REACH_TIMEOUT_MS;
	while (retry_ms < LONG_WAIT_MS) {
		require_ok(t, guest_state_number(t->guest, "retry_ms", &retry_ms));
		require(t, clock_ms() < deadline_ms, "retry_ms: expected %u, got %" PRIu64,
			LONG_WAIT_MS, retry_ms);
		usleep(100000);
	}
	require_ok(t, guest_ask(t->guest, NULL, "hog-free user"));
	freed_ms = clock_ms();
	do {
		require_ok(t, guest_state_number(t->guest, "retry_ms", &retry_ms));
		usleep(100000);
	} while (retry_ms && clock_ms() - freed_ms < LONG_WAIT_MS);
	require(t, clock_ms() - freed_ms < LONG_WAIT_MS - 1000,
		"went on after %" PRIu64 " ms, when the wait was over anyway",
		clock_ms() - freed_ms);
	require_ok(t, guest_wait_actual(t->guest, FULL_KIB - 110 * KIB_PER_MIB, NULL));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
}

static void tags_masked(struct test *t)
{
	struct balloon_stats stats;
	char device[64], *text;

	check_reload(t, "stats_tags=0x3f");
	if (t->failed)
		return;
	require_ok(t, guest_set_stats_interval(t->guest, 1));
	require_ok(t, guest_stats(t->guest, &stats));
	/* Of the second, nothing is left of what the unmasked driver sent. */
	require_ok(t, guest_wait_stats(t->guest, stats.last_update_s, &stats));
	require_ok(t, guest_wait_stats(t->guest, stats.last_update_s, &stats));
	for (unsigned int tag = 0; stats_tag_name(tag); tag++)
		require(t, stats.has[tag] == (tag < 6), "%s: expected %s", stats_tag_name(tag),
			tag < 6 ? "a number, got none" : "none, got a number");
	require_ok(t, guest_balloon_device(t->guest, device, sizeof(device)));
	require_ok(t, guest_ask(t->guest, &text, "read /sys/kernel/debug/aerostat/%s/statistics",
				device));
	require(t, !strstr(text, "\\n6 ") && !strstr(text, "\n6 "),
		"debugfs: expected what the device is told, got %s", text);
	free(text);
	check_reload(t, "");
}

static const struct guest_test tests[] = {
	{ .name = "by-size", .run = floor_by_size },
	{ .name = "parameter", .run = floor_parameter },
	{ .name = "backs-off", .run = backs_off },
	{ .name = "goes-on", .run = goes_on_when_memory_is_freed },
	{ .name = "tags-masked", .run = tags_masked },
};

static struct guest_group floor_group = {
	.name = "floor",
	.config = { .device = "virtio-balloon-pci,id=balloon0" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(floor_group)

/* Given back for the sake of a program, memory is not taken away again while that still needs it. */
static void holds_off_after_oom(struct test *t)
{
	uint64_t target_kib = FULL_KIB - 128 * KIB_PER_MIB, actual_kib, later_kib, kept_kib;

	require_ok(t, guest_balloon_to(t->guest, target_kib));
	require_ok(t, guest_ask(t->guest, NULL, "hog greedy 140"));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait greedy"));
	check_state(t, "stop", AFTER_OOM);
	if (t->failed)
		return;
	require_ok(t, guest_actual_kib(t->guest, &actual_kib));
	require_ok(t, guest_state_number(t->guest, "oom_kept_kib", &kept_kib));
	require(t, kept_kib > 0, "given back and remembered: expected some, got none");
	/* Free again, and yet it is not taken at once: the next run of the program is to find it. */
	require_ok(t, guest_ask(t->guest, NULL, "hog-free greedy"));
	require_ok(t, guest_ask(t->guest, NULL, "sleep 3000"));
	require_ok(t, guest_actual_kib(t->guest, &later_kib));
	require(t, later_kib >= actual_kib,
		"actual: expected at least %" PRIu64 " KiB still, got %" PRIu64, actual_kib,
		later_kib);
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
}

static const struct guest_test oom_tests[] = {
	{ .name = "holds-off", .run = holds_off_after_oom },
};

static struct guest_group after_oom = {
	.name = "after-oom",
	.config = { .device = "virtio-balloon-pci,id=balloon0,deflate-on-oom=on" },
	GUEST_TESTS(oom_tests),
};
GUEST_GROUP(after_oom)
