// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics: what the device is told agrees with the guest's own numbers, and goes on being told
 * whatever happens to the driver.
 */
#include "faults.h"
#include "harness/lines.h"
#include "sent.h"
#include "sent.h"

#include <errno.h>
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

/* The sum of the fields of /proc/vmstat whose name begins so. */
static int vmstat_sum(const char *vmstat, const char *prefix, uint64_t *ret_sum)
{
	size_t length = strlen(prefix);
	uint64_t sum = 0;
	bool found = false;

	for (const char *line = vmstat; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, prefix, length) != 0)
			continue;
		found = true;
		sum += strtoull(line + strcspn(line, " \n"), NULL, 10);
	}
	if (!found)
		return -ENOENT;
	*ret_sum = sum;
	return 0;
}

/*
 * Tags 10 to 15 are newer than this QEMU, which drops them; so look where the module says what it
 * would tell. Reclaim is provoked first, to have something to compare.
 */
static void newer_tags(struct test *t)
{
	static const struct {
		unsigned int tag;
		uint64_t unit; /* of the tag, in units of the fields */
		const char *prefix; /* of the fields of /proc/vmstat that add up to it */
	} tags[] = {
		{ 10, 1, "oom_kill" },		{ 11, 1, "allocstall_" },
		{ 12, 4096, "pgscan_kswapd" },	{ 13, 4096, "pgscan_direct " },
		{ 14, 4096, "pgsteal_kswapd" }, { 15, 4096, "pgsteal_direct" },
	};
	char name[64], *text, *before, *after;
	uint64_t value[16], low, high;
	bool has[16] = { false };

	if (strcmp(t->guest->source->driver, "aerostat") != 0) {
		test_skip(t, "only aerostat shows what it tells");
		return;
	}
	require_ok(t, guest_ask(t->guest, NULL, "cache 150"));
	require_ok(t, guest_ask(t->guest, NULL, "hog presser 150"));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait presser"));
	require_ok(t, guest_balloon_device(t->guest, name, sizeof(name)));
	require_ok(t, guest_ask(t->guest, &before, "read /proc/vmstat"));
	require_ok(t, guest_ask(t->guest, &text, "read /sys/kernel/debug/aerostat/%s/statistics",
				name));
	require_ok(t, guest_ask(t->guest, &after, "read /proc/vmstat"));
	for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		unsigned long tag = strtoul(line, NULL, 10);

		require(t, tag < 16 && !has[tag], "unknown or repeated tag: %.40s", line);
		has[tag] = true;
		value[tag] = strtoull(line + strcspn(line, " \n"), NULL, 10);
	}
	for (unsigned int tag = 0; tag < 10; tag++)
		require(t, has[tag], "tag %u: expected a value, got none", tag);
	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
		if (vmstat_sum(before, tags[i].prefix, &low) < 0 ||
		    vmstat_sum(after, tags[i].prefix, &high) < 0) {
			require(t, !has[tags[i].tag], "tag %u: this kernel has no %s", tags[i].tag,
				tags[i].prefix);
			continue;
		}
		require(t, has[tags[i].tag], "tag %u: expected %" PRIu64 ", got none", tags[i].tag,
			low);
		require(t,
			value[tags[i].tag] >= low * tags[i].unit &&
				value[tags[i].tag] <= high * tags[i].unit,
			"tag %u: expected %" PRIu64 " to %" PRIu64 ", got %" PRIu64, tags[i].tag,
			low * tags[i].unit, high * tags[i].unit, value[tags[i].tag]);
	}
	require(t, value[12] + value[13] > 0, "no page was scanned: nothing was compared");
	free(text);
	free(before);
	free(after);
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
