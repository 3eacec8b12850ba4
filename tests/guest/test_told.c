// SPDX-License-Identifier: GPL-2.0
/*
 * In what form the device hears of the balloon: large blocks first, frames in order and so many in a
 * buffer, so many buffers in flight, neighbours as one range, and each change of `actual` written once.
 * All in a guest with much free memory, whose kernel reports none of it by itself.
 */
#include "device_log.h"
#include "faults.h"
#include "harness/lines.h"
#include "sent.h"
#include "sent.h"

#define TAKE_KIB      (64u * KIB_PER_MIB)
#define BLOCK_KIB     (2u * KIB_PER_MIB)
#define INFLATE_QUEUE 0
#define FRAME_BYTES   4u
#define FRAMES	      256u /* in a buffer, if nothing else is asked for: Firecracker takes no more */
#define FRAMES_MOST   512u
#define BUFFERS_MOST  8u

static bool reload_by(struct test *t, const char *path, struct balance *ret_before)
{
	if (!reload_without_reports(t, ret_before))
		return false;
	if (guest_ask(t->guest, NULL, "write /sys/module/aerostat/parameters/inflate_path %s",
		      path) < 0)
		test_fail(t, __FILE__, __LINE__, "inflate_path=%s: refused", path);
	return !t->failed;
}

/* Blocks side by side are one range, and the ranges are the balloon's pages and no more. */
static void ranges(struct test *t)
{
	struct balance before;
	uint64_t ranges;

	if (!reload_by(t, "range", &before))
		return;
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - TAKE_KIB));
	check_large_blocks(t);
	if (t->failed)
		return;
	require_equal(t, state_number(t, "inflated_by_range_pages"), TAKE_KIB / PAGE_KIB,
		      "pages given as ranges");
	require_equal(t, state_number(t, "range_bytes"), TAKE_KIB * 1024ull, "bytes in ranges");
	ranges = state_number(t, "ranges");
	test_note(t, "%u blocks of 2 MiB in %" PRIu64 " ranges", TAKE_KIB / BLOCK_KIB, ranges);
	/* Fewer than blocks where the kernel gave neighbours, some more where it gave smaller ones. */
	require(t, ranges && ranges <= TAKE_KIB / BLOCK_KIB * 2,
		"ranges: expected about %u at most, got %" PRIu64, TAKE_KIB / BLOCK_KIB, ranges);
	check_nothing_lost(t, &before);
}

/* Buffers of so many frames, all full but those at the end of a step. */
static void check_buffers(struct test *t, const char *params, unsigned int frames)
{
	uint64_t told_bytes = 0, full = 0;
	const char *place;
	struct sent sent;
	char *text;

	require_ok(t, unload(t));
	require_ok(t, load(t, params));
	require_ok(t, guest_ask(t->guest, NULL,
				"write /sys/module/aerostat/parameters/inflate_path pfn"));
	if (!sent_watch(t, INFLATE_QUEUE))
		return;
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - TAKE_KIB));
	text = sent_read(t);
	if (!text)
		return;
	for (place = text; sent_next(&place, &sent);) {
		require(t, sent.out && sent.bytes <= frames * FRAME_BYTES,
			"a buffer: expected %u bytes to read at most, got %u", frames * FRAME_BYTES,
			sent.bytes);
		told_bytes += sent.bytes;
		full += sent.bytes == frames * FRAME_BYTES;
	}
	free(text);
	require_equal(t, told_bytes, TAKE_KIB / PAGE_KIB * FRAME_BYTES, "bytes of frame numbers");
	require(t, full >= TAKE_KIB / PAGE_KIB / frames / 4 * 3,
		"full buffers: expected most of %u, got %" PRIu64, TAKE_KIB / PAGE_KIB / frames,
		full);
	require_ok(t, sent_end(t));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
}

static void buffers(struct test *t)
{
	struct balance before;

	if (!reload_by(t, "pfn", &before))
		return;
	check_buffers(t, "", FRAMES);
	if (!t->failed)
		check_buffers(t, "pfns_per_buffer=512", FRAMES_MOST);
	/* More than any device takes is the most that one does. */
	if (!t->failed)
		check_buffers(t, "pfns_per_buffer=4000000000", FRAMES_MOST);
	if (!t->failed)
		check_nothing_lost(t, &before);
}

/* A block of 2 MiB is told frame by frame, upwards. */
static void in_order(struct test *t)
{
	static uint64_t told[TAKE_KIB / PAGE_KIB];
	struct balance before;
	size_t count, jumps = 0;

	if (!reload_by(t, "pfn", &before))
		return;
	require_ok(t, device_log(t->guest, true));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - TAKE_KIB));
	require_ok(t, device_log(t->guest, false));
	check_large_blocks(t);
	if (t->failed)
		return;
	require_ok(t, device_log_read(t->guest, told, sizeof(told) / sizeof(*told), &count));
	require_equal(t, count, TAKE_KIB / PAGE_KIB, "frames told");
	for (size_t i = 1; i < count; i++)
		jumps += told[i] != told[i - 1] + PAGE_KIB * 1024;
	test_note(t, "%zu frames, %zu jumps", count, jumps);
	/* One from block to block, and some blocks may be smaller. */
	require(t, jumps <= 2 * TAKE_KIB / BLOCK_KIB, "frames that do not follow the last: %zu",
		jumps);
	check_nothing_lost(t, &before);
}

/* A device that uses nothing gets no more than so much, and is told of the failure, not of the rest. */
static void in_flight(struct test *t)
{
	struct balance before;
	unsigned int count;

	if (!reload_by(t, "pfn", &before) || !sent_watch(t, INFLATE_QUEUE))
		return;
	require_ok(t, silence(t, 0));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	check_state(t, "state", "failed");
	if (t->failed)
		return;
	count = sent_count(t);
	require_ok(t, sent_end(t));
	require_equal(t, count, BUFFERS_MOST, "buffers in flight");
	check_failed_and_recovers(t, "does not acknowledge", &before);
}

/* --- the configuration --- */

/* What is written: nothing before the device is set to work, then `actual`, once for each change. */
static void actual_written_once(struct test *t)
{
	struct device_writes writes;
	struct balance before;

	if (!reload_by(t, "range", &before))
		return;
	require_ok(t, device_log_writes(t->guest, true));
	require_ok(t, unload(t));
	require_ok(t, load(t, ""));
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	require_ok(t, device_log_writes(t->guest, false));
	require_ok(t, device_log_read_writes(t->guest, &writes));
	test_note(t, "actual was written %u times", writes.changed);
	require_equal(t, writes.before_ok, 0, "writes before DRIVER_OK");
	require_equal(t, writes.unchanged, 0, "writes that change nothing");
	require(t, writes.changed >= 2, "writes of actual: expected some, got %u", writes.changed);
	check_nothing_lost(t, &before);
}

static const struct guest_test tests[] = {
	{ .name = "ranges", .run = ranges },
	{ .name = "buffers", .run = buffers },
	{ .name = "in-order", .run = in_order },
	{ .name = "in-flight", .run = in_flight },
	{ .name = "actual-written-once", .run = actual_written_once },
};

static struct guest_group told = {
	.name = "told",
	.config = { .device = "virtio-balloon-pci,id=balloon0,free-page-reporting=on" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(told)
