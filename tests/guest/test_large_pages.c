// SPDX-License-Identifier: GPL-2.0
/*
 * A guest whose pages have 64 KiB: each is sixteen of the device's frames. In frames the device asks,
 * is told and is given; the guest has, counts and spares whole pages. By frame numbers and by ranges.
 */
#include "checks.h"
#include "device_log.h"
#include "harness/lines.h"

#include <string.h>
#include <unistd.h>

#define LARGE_KIB	64u
#define LARGE_BYTES	(LARGE_KIB * 1024u)
#define FRAME_BYTES	(PAGE_KIB * 1024u)
#define FRAMES_PER_PAGE (LARGE_KIB / PAGE_KIB)

#define FULL_KIB     (256u * KIB_PER_MIB)
#define TAKE_KIB     (120u * KIB_PER_MIB)
#define INFLATED_KIB (FULL_KIB - TAKE_KIB)
#define HOG_MIB	     120u

/* Blocks of all sizes, and more frames than a step has. */
#define NAMED_PAGES 159u
#define RANGE_PAGES 75u

#define PARAMETERS "/sys/module/aerostat/parameters/"
#define FLOOR_MIB  200u
#define AT_FLOOR   "the guest is down to its floor"

/* How long the guest is watched doing nothing, and how busy it may be over it. */
#define IDLE_MS	     1500u
#define BUSY_MOST_MS 750u

#define USER_HZ 100u /* of /proc/stat */

/* Each mapping of the first process says how large its pages are. */
static void pages_are_large(struct test *t)
{
	static const char name[] = "KernelPageSize:";
	uint64_t held;
	char *text, *line;

	require_ok(t, guest_ask(t->guest, &text, "read /proc/self/smaps"));
	line = strstr(text, name);
	require(t, line, "/proc/self/smaps: expected %s, got %.100s", name, text);
	require_equal(t, strtoull(line + strlen(name), NULL, 10), LARGE_KIB, "page, KiB");
	free(text);
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - TAKE_KIB));
	require_ok(t, guest_state_number(t->guest, "held_pages", &held));
	require_equal(t, held, TAKE_KIB / LARGE_KIB, "pages held");
}

static void binds(struct test *t)
{
	check_bound(t, true);
}

static void inflates_and_deflates(struct test *t)
{
	check_inflate_deflate(t, false);
}

/* The target is met to the page, up and down. */
static void page_multiples(struct test *t)
{
	static const uint32_t pages[] = { 1, 2, 3, 15, 16, 17, 31, 32, 33, 511, 1024, 1777, 40, 0 };
	uint64_t total_kib, now_kib, held;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		uint64_t take_kib = (uint64_t)pages[i] * LARGE_KIB;

		require_ok(t, guest_balloon_to(t->guest, FULL_KIB - take_kib));
		require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
		require_equal(t, now_kib, total_kib - take_kib, "MemTotal, KiB");
		require_ok(t, guest_state_number(t->guest, "held_pages", &held));
		require_equal(t, held, pages[i], "pages held");
	}
}

/* The time that the guest's processors were not idle, since its boot. */
static int busy_ms(struct guest *guest, uint64_t *ret_ms)
{
	uint64_t field[7];
	char *text, *at;
	int r;

	r = guest_ask(guest, &text, "read /proc/stat");
	if (r < 0)
		return r;
	/* user, nice, system, idle, waiting for I/O, interrupts of both kinds */
	at = text + strcspn(text, " ");
	for (size_t i = 0; i < sizeof(field) / sizeof(*field); i++)
		field[i] = strtoull(at, &at, 10);
	*ret_ms = (field[0] + field[1] + field[2] + field[5] + field[6]) * 1000 / USER_HZ;
	free(text);
	return 0;
}

/* The driver is content with what it has: it neither works nor waits for another attempt. */
static void require_rest(struct test *t)
{
	uint64_t stops, stops_after, told, told_after, busy, busy_after, retry_ms;

	require_ok(t, guest_state_number(t->guest, "stops", &stops));
	require_ok(t, guest_state_number(t->guest, "inflate_buffers", &told));
	require_ok(t, busy_ms(t->guest, &busy));
	require_ok(t, guest_ask(t->guest, NULL, "sleep %u", IDLE_MS));
	require_ok(t, busy_ms(t->guest, &busy_after));
	require_ok(t, guest_state_number(t->guest, "stops", &stops_after));
	require_ok(t, guest_state_number(t->guest, "inflate_buffers", &told_after));
	require_ok(t, guest_state_number(t->guest, "retry_ms", &retry_ms));
	test_note(t, "busy for %" PRIu64 " ms of %u", busy_after - busy, IDLE_MS);
	require(t, busy_after - busy <= BUSY_MOST_MS,
		"busy while there is nothing to do: expected %u ms at most, got %" PRIu64,
		BUSY_MOST_MS, busy_after - busy);
	require_equal(t, stops_after, stops, "stops");
	require_equal(t, told_after, told, "buffers of frame numbers");
	require_equal(t, retry_ms, 0, "wait for another attempt, ms");
	check_state(t, "stop", "none");
}

/* A part of a page cannot be given: the target is rounded down, and that is the end of it. */
static void rounds_down(struct test *t)
{
	static const uint32_t frames[] = { 1, 15, 16 * 5 + 1, 16 * 33 + 15, 16 * 2 + 7, 3 };
	uint64_t total_kib, now_kib, actual_kib;
	char asked[16];

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		uint64_t take_kib = frames[i] / FRAMES_PER_PAGE * LARGE_KIB;

		require_ok(t, guest_set_target_kib(t->guest,
						   FULL_KIB - (uint64_t)frames[i] * PAGE_KIB));
		snprintf(asked, sizeof(asked), "%u", frames[i]);
		check_state(t, "target_frames", asked);
		if (t->failed)
			return;
		require_ok(t, guest_wait_actual(t->guest, FULL_KIB - take_kib, NULL));
		require_ok(t, guest_wait_settled(t->guest, 500, &actual_kib));
		require_equal(t, actual_kib, FULL_KIB - take_kib, "actual, KiB");
		require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
		require_equal(t, now_kib, total_kib - take_kib, "MemTotal, KiB");
		require_rest(t);
		if (t->failed)
			return;
	}
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* These addresses, which are sorted in place, are all frames of so many pages, each once. */
static void require_pages(struct test *t, uint64_t *addresses, size_t pages)
{
	qsort(addresses, pages * FRAMES_PER_PAGE, sizeof(*addresses), by_value);
	for (size_t i = 0; i < pages * FRAMES_PER_PAGE; i++) {
		uint64_t page = addresses[i - i % FRAMES_PER_PAGE];

		require_equal(t, page % LARGE_BYTES, 0, "offset in its page of the first frame");
		require_equal(t, addresses[i], page + i % FRAMES_PER_PAGE * FRAME_BYTES, "frame");
		require(t, i % FRAMES_PER_PAGE || !i || page != addresses[i - 1],
			"page 0x%" PRIx64 ": named twice", page);
	}
}

/*
 * What the device reads: every frame of every page that is given as frame numbers, from the log's
 * `from`-th on, and the same once more when they are wanted back, some and then the rest.
 */
static void check_named(struct test *t, uint64_t others_kib, size_t from)
{
	static uint64_t told[4 * NAMED_PAGES * FRAMES_PER_PAGE + 1];
	const size_t frames = NAMED_PAGES * FRAMES_PER_PAGE, room = sizeof(told) / sizeof(*told);
	uint64_t *there = told + from, *back = there + frames;
	size_t count;

	require_ok(t, device_log(t->guest, true));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - others_kib - NAMED_PAGES * LARGE_KIB));
	require_ok(t, device_log_read(t->guest, told, room, &count));
	require_equal(t, count, from + frames, "frames named, inflating");
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - NAMED_PAGES / 3 * LARGE_KIB));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	require_ok(t, device_log(t->guest, false));
	require_ok(t, device_log_read(t->guest, told, room, &count));
	require_equal(t, count, from + 2 * frames, "frames named, there and back");
	require_pages(t, there, NAMED_PAGES);
	if (!t->failed)
		require_pages(t, back, NAMED_PAGES);
	for (size_t i = 0; i < frames && !t->failed; i++)
		require_equal(t, back[i], there[i], "frame named on its way back");
}

/* Also when a buffer has room for less than a page, and pages end in the middle of buffers. */
static void frames_named(struct test *t)
{
	check_named(t, 0, 0);
	if (!t->failed)
		check_reload(t, "pfns_per_buffer=7");
	if (!t->failed)
		check_named(t, 0, 2 * NAMED_PAGES * FRAMES_PER_PAGE);
	if (!t->failed)
		check_reload(t, "");
}

static void content_survives(struct test *t)
{
	check_content(t, 48, FULL_KIB - 100 * KIB_PER_MIB, FULL_KIB - 3 * LARGE_KIB, 90);
}

/* Memory the guest has used, and has no more: the host has all of each page again. */
static void host_gets_it(struct test *t)
{
	uint64_t used_kib, after_kib, least_kib = HOG_MIB * KIB_PER_MIB / 2;

	require_ok(t, guest_ask(t->guest, NULL, "hog user %u", HOG_MIB));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait user"));
	require_ok(t, guest_resident_kib(t->guest, &used_kib));
	require_ok(t, guest_ask(t->guest, NULL, "hog-free user"));
	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
	require_ok(t, guest_resident_kib(t->guest, &after_kib));
	test_note(t, "resident: %" PRIu64 " MiB in use, %" PRIu64 " MiB inflated",
		  used_kib / KIB_PER_MIB, after_kib / KIB_PER_MIB);
	require(t, after_kib + least_kib < used_kib,
		"resident: expected less than %" PRIu64 " KiB, got %" PRIu64, used_kib - least_kib,
		after_kib);
}

static void stats_agree(struct test *t)
{
	check_stats(t);
	if (t->failed)
		return;
	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
	check_stats(t);
}

static void newer_stats(struct test *t)
{
	check_newer_stats(t);
}

static void unload_inflated(struct test *t)
{
	check_unload_inflated(t, INFLATED_KIB);
}

/* That of its size, as in guests with small pages; then another. */
static void floor_respected(struct test *t)
{
	uint64_t floor_kib, actual_kib;

	require_ok(t, guest_state_number(t->guest, "floor_kib", &floor_kib));
	require_near(t, floor_kib, 104 * KIB_PER_MIB, 4 * KIB_PER_MIB, "floor, KiB");
	require_ok(t, guest_set_target_kib(t->guest, PAGE_KIB));
	require_ok(t, guest_wait_settled(t->guest, 2000, &actual_kib));
	require(t, actual_kib >= floor_kib,
		"actual: expected at least %" PRIu64 " KiB, got %" PRIu64, floor_kib, actual_kib);
	require_ok(t, guest_ask(t->guest, NULL, "hog program 8"));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait program"));
	require_ok(t, guest_ask(t->guest, NULL, "hog-free program"));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	require_ok(t, guest_ask(t->guest, NULL, "write " PARAMETERS "floor_mib %u", FLOOR_MIB));
	require_ok(t, guest_set_target_kib(t->guest, INFLATED_KIB));
	check_state(t, "stop", AT_FLOOR);
	if (t->failed)
		return;
	require_ok(t, guest_wait_settled(t->guest, 1000, &actual_kib));
	require_near(t, actual_kib, FLOOR_MIB * KIB_PER_MIB, LARGE_KIB, "actual, KiB");
	require_ok(t, guest_ask(t->guest, NULL, "write " PARAMETERS "floor_mib 0"));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
}

static const struct guest_test tests[] = {
	{ .name = "binds", .run = binds },
	{ .name = "pages-are-large", .run = pages_are_large },
	{ .name = "inflates-and-deflates", .run = inflates_and_deflates },
	{ .name = "page-multiples", .run = page_multiples },
	{ .name = "rounds-down", .run = rounds_down },
	{ .name = "frames-named", .run = frames_named },
	{ .name = "host-gets-it", .run = host_gets_it },
	{ .name = "content-survives", .run = content_survives },
	{ .name = "stats-agree", .run = stats_agree },
	{ .name = "newer-stats", .run = newer_stats },
	{ .name = "floor", .run = floor_respected },
	{ .name = "unload-inflated", .run = unload_inflated },
};

static struct guest_group large_pages = {
	.name = "large-pages",
	.config = { .arm64 = true, .device = "virtio-balloon-pci,id=balloon0" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(large_pages)

static int set_path(struct guest *guest, const char *path)
{
	return guest_ask(guest, NULL, "write " PARAMETERS "inflate_path %s", path);
}

static void binds_range(struct test *t)
{
	check_bound(t, true);
	if (!t->failed)
		check_state(t, "path", "range");
}

/* Ranges are told in bytes: as many as the pages have, the kernel's own reports aside. */
static void ranges_whole(struct test *t)
{
	uint64_t deadline_ms = clock_ms() + REACH_TIMEOUT_MS, told, reported, inflated, buffers;

	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
	require_ok(t, guest_state_number(t->guest, "reported_pages", &inflated));
	require_equal(t, inflated, TAKE_KIB / LARGE_KIB, "pages reported");
	/* These are not of one moment. */
	do {
		require_ok(t, guest_state_number(t->guest, "free_bytes_reported", &reported));
		require_ok(t, guest_state_number(t->guest, "inflated_by_range_pages", &inflated));
		require_ok(t, guest_state_number(t->guest, "range_bytes", &told));
	} while (told != reported + inflated * LARGE_BYTES && clock_ms() < deadline_ms);
	require_equal(t, told, reported + inflated * LARGE_BYTES, "bytes in ranges");
	require_ok(t, guest_state_number(t->guest, "inflate_buffers", &buffers));
	require_equal(t, buffers, 0, "buffers of frame numbers");
}

/* Of pages given as ranges the queues of frame numbers hear nothing, of the others all. */
static void paths_mixed(struct test *t)
{
	require_ok(t, set_path(t->guest, "range"));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - RANGE_PAGES * LARGE_KIB));
	require_ok(t, set_path(t->guest, "pfn"));
	check_named(t, RANGE_PAGES * LARGE_KIB, 0);
	require_ok(t, set_path(t->guest, "auto"));
}

/* What processes give back is reported by the kernel itself, without the balloon. */
static void free_pages_reported(struct test *t)
{
	uint64_t deadline_ms = clock_ms() + REACH_TIMEOUT_MS, bytes, before_bytes;

	require_ok(t, guest_state_number(t->guest, "free_bytes_reported", &before_bytes));
	require_ok(t, guest_ask(t->guest, NULL, "hog user 64"));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait user"));
	require_ok(t, guest_ask(t->guest, NULL, "hog-free user"));
	do {
		require_ok(t, guest_state_number(t->guest, "free_bytes_reported", &bytes));
		/* Half of it: the rest may be in blocks too small to be reported. */
		if (bytes - before_bytes >= 32ull << 20)
			return;
		usleep(200000);
	} while (clock_ms() < deadline_ms);
	test_fail(t, __FILE__, __LINE__,
		  "free memory reported: expected 32 MiB, got %" PRIu64 " KiB",
		  (bytes - before_bytes) / 1024);
}

static const struct guest_test range_tests[] = {
	{ .name = "binds", .run = binds_range },
	{ .name = "inflates-and-deflates", .run = inflates_and_deflates },
	{ .name = "page-multiples", .run = page_multiples },
	{ .name = "rounds-down", .run = rounds_down },
	{ .name = "ranges-whole", .run = ranges_whole },
	{ .name = "host-gets-it", .run = host_gets_it },
	{ .name = "content-survives", .run = content_survives },
	{ .name = "paths-mixed", .run = paths_mixed },
	{ .name = "free-pages-reported", .run = free_pages_reported },
	{ .name = "stats-agree", .run = stats_agree },
	{ .name = "unload-inflated", .run = unload_inflated },
};

static struct guest_group large_pages_range = {
	.name = "large-pages-range",
	.config = { .arm64 = true,
		    .device = "virtio-balloon-pci,id=balloon0,free-page-reporting=on" },
	GUEST_TESTS(range_tests),
};
GUEST_GROUP(large_pages_range)

/*
 * With pages of 64 KiB the kernel groups memory in blocks of 512 MiB, and moves pages from one to
 * another only; in a guest of fewer than four it groups nothing, and then moves none.
 */
#define COMPACTION_MIB 3072u
#define SINGLES	       48u
#define ROUNDS	       8 /* until there are pages to move, and places for them */

/* Pages of the balloon that are no part of a block are moved: the device hears of each frame. */
static void pages_migrate(struct test *t)
{
	static uint64_t told[2 * SINGLES * FRAMES_PER_PAGE];
	const uint64_t full_kib = COMPACTION_MIB * KIB_PER_MIB, singles_kib = SINGLES * LARGE_KIB;
	uint64_t total_kib, now_kib, held, before, after, migrated = 0;
	char *blocks;
	size_t count;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	for (unsigned int i = 1; i <= SINGLES; i++)
		require_ok(t, guest_balloon_to(t->guest, full_kib - i * LARGE_KIB));
	/* Blocks of each order: the first number is that of single pages. */
	require_ok(t, guest_state(t->guest, "blocks_by_order", &blocks));
	require_equal(t, strtoull(blocks, NULL, 10), SINGLES, "single pages");
	free(blocks);
	require_ok(t, guest_vmstat(t->guest, "balloon_migrate", &before));
	require_ok(t, device_log(t->guest, true));
	for (int round = 0; round < ROUNDS && !migrated; round++) {
		require_ok(t, guest_ask(t->guest, NULL, "write /proc/sys/vm/compact_memory 1"));
		require_ok(t, guest_vmstat(t->guest, "balloon_migrate", &after));
		migrated = after - before;
	}
	require_ok(t, device_log(t->guest, false));
	test_note(t, "%" PRIu64 " of %u pages migrated", migrated, SINGLES);
	require(t, migrated > 0, "pages migrated: expected some, got none");
	require_ok(t, device_log_read(t->guest, told, sizeof(told) / sizeof(*told), &count));
	require_equal(t, count, 2 * migrated * FRAMES_PER_PAGE, "frames given and asked back");
	for (size_t i = 0; i < count; i += FRAMES_PER_PAGE)
		require_pages(t, told + i, 1);
	if (t->failed)
		return;
	check_state(t, "state", "running");
	if (t->failed)
		return;
	require_ok(t, guest_state_number(t->guest, "held_pages", &held));
	require_equal(t, held, SINGLES, "pages held");
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib - singles_kib, "MemTotal, KiB, compacted");
	require_ok(t, guest_balloon_to(t->guest, full_kib));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib, "MemTotal, KiB, deflated");
}

static const struct guest_test compaction_tests[] = {
	{ .name = "pages-migrate", .run = pages_migrate },
};

static struct guest_group large_pages_compaction = {
	.name = "large-pages-compaction",
	.config = { .arm64 = true,
		    .device = "virtio-balloon-pci,id=balloon0",
		    .memory_mib = COMPACTION_MIB },
	GUEST_TESTS(compaction_tests),
};
GUEST_GROUP(large_pages_compaction)
