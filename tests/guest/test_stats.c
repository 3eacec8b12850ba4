// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics: what the device is told agrees with the guest's own numbers, and goes on being told
 * whatever happens to the driver.
 */
#include "faults.h"
#include "harness/lines.h"
#include "sent.h"

#include <string.h>

#define FULL_KIB (256u * KIB_PER_MIB)

static void agree_with_guest(struct test *t)
{
	check_stats(t);
}

/* What the numbers mean does not change with the balloon: total is the guest's MemTotal. */
static void agree_while_inflated(struct test *t)
{
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - 100 * KIB_PER_MIB));
	check_stats(t);
}

/* Page cache counts as available, not as free: the host must not take it for need. */
static void tell_cache_from_need(struct test *t)
{
	struct balloon_stats stats;

	require_ok(t, guest_ask(t->guest, NULL, "cache 100"));
	check_stats(t);
	if (t->failed)
		return;
	require_ok(t, guest_stats(t->guest, &stats));
	require(t, stats.value[7] > 90ull << 20, "%s: expected above 90 MiB, got %" PRIu64,
		stats_tag_name(7), stats.value[7]);
	require(t, stats.value[6] > stats.value[4] + (50ull << 20),
		"available (%" PRIu64 ") should exceed free (%" PRIu64 ") by most of 100 MiB",
		stats.value[6], stats.value[4]);
}

static void continue_after_rebind(struct test *t)
{
	char name[64];

	check_stats(t);
	if (t->failed)
		return;
	require_ok(t, guest_balloon_device(t->guest, name, sizeof(name)));
	require_ok(t, guest_ask(t->guest, NULL, "write /sys/bus/virtio/drivers/%s/unbind %s",
				t->guest->source->driver, name));
	require_ok(t, guest_ask(t->guest, NULL, "write /sys/bus/virtio/drivers/%s/bind %s",
				t->guest->source->driver, name));
	check_stats(t);
}

static void continue_after_reload(struct test *t)
{
	check_stats(t);
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "rmmod %s", t->guest->source->driver));
	require_ok(t, guest_ask(t->guest, NULL, "insmod %s", t->guest->source->driver));
	check_stats(t);
}

/* The host may lose interest for a while. */
static void continue_after_pause(struct test *t)
{
	struct balloon_stats before, after;

	check_stats(t);
	if (t->failed)
		return;
	require_ok(t, guest_set_stats_interval(t->guest, 0));
	/* A request may have been under way. */
	require_ok(t, guest_ask(t->guest, NULL, "sleep 1500"));
	require_ok(t, guest_stats(t->guest, &before));
	require_ok(t, guest_ask(t->guest, NULL, "sleep 2500"));
	require_ok(t, guest_stats(t->guest, &after));
	require_equal(t, after.last_update_s, before.last_update_s, "last update while off");
	check_stats(t);
}

#define STATS_QUEUE   2
#define ENTRY_BYTES   10u
#define QUIET_MS      1500
#define ANSWERS	      4
#define ANSWERS_SPARE 2u /* under way when the clock was read */

/* The device has one buffer, after the start as after each answer, of whole entries. */
static void one_at_a_time(struct test *t)
{
	struct balloon_stats stats;
	uint64_t begin_ms, count;
	unsigned int bytes = 0;
	const char *place;
	struct sent sent;
	char *text;

	if (strcmp(t->guest->source->driver, "aerostat") != 0) {
		test_skip(t, "only aerostat is watched");
		return;
	}
	require_ok(t, guest_set_stats_interval(t->guest, 0));
	require_ok(t, unload(t));
	if (!sent_watch(t, STATS_QUEUE))
		return;
	require_ok(t, load(t, ""));
	require_ok(t, guest_ask(t->guest, NULL, "sleep %d", QUIET_MS));
	require_equal(t, sent_count(t), 1, "buffers while nobody asks");
	begin_ms = clock_ms();
	require_ok(t, guest_set_stats_interval(t->guest, 1));
	require_ok(t, guest_stats(t->guest, &stats));
	for (int i = 0; i < ANSWERS; i++)
		require_ok(t, guest_wait_stats(t->guest, stats.last_update_s, &stats));
	require_ok(t, guest_set_stats_interval(t->guest, 0));
	count = (clock_ms() - begin_ms) / 1000;
	text = sent_read(t);
	if (!text)
		return;
	require(t, sent_count(t) <= 1 + count + ANSWERS_SPARE,
		"buffers in %" PRIu64 " s, asked for once a second: got %u", count, sent_count(t));
	for (place = text; sent_next(&place, &sent); bytes = sent.bytes) {
		require(t, sent.out && sent.bytes % ENTRY_BYTES == 0,
			"a buffer: expected whole entries of %u bytes, got %u", ENTRY_BYTES,
			sent.bytes);
		require(t, !bytes || sent.bytes == bytes,
			"a buffer of another size than the last: %u bytes, %u bytes", bytes,
			sent.bytes);
	}
	free(text);
	require_ok(t, sent_end(t));
}

static void newer_tags(struct test *t)
{
	check_newer_stats(t);
}

static const struct guest_test tests[] = {
	{ .name = "agree-with-guest", .run = agree_with_guest },
	{ .name = "agree-while-inflated", .run = agree_while_inflated },
	{ .name = "tell-cache-from-need", .run = tell_cache_from_need },
	{ .name = "continue-after-rebind", .run = continue_after_rebind },
	{ .name = "continue-after-reload", .run = continue_after_reload },
	{ .name = "continue-after-pause", .run = continue_after_pause },
	{ .name = "one-at-a-time", .run = one_at_a_time },
	{ .name = "newer-tags", .run = newer_tags },
};

static struct guest_group stats = {
	.name = "stats",
	.config = { .device = "virtio-balloon-pci,id=balloon0" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(stats)
