// SPDX-License-Identifier: GPL-2.0
/*
 * A device with free page reporting: blocks go to it as ranges, unless frame numbers are asked for;
 * the two can be mixed. And the kernel reports its own free memory through the same queue.
 */
#include "checks.h"
#include "device_log.h"
#include "harness/lines.h"

#include <string.h>
#include <unistd.h>

#define FULL_KIB     (256u * KIB_PER_MIB)
#define TAKE_KIB     (120u * KIB_PER_MIB)
#define INFLATED_KIB (FULL_KIB - TAKE_KIB)
#define HOG_MIB	     120u

/* Whole buffers of frame numbers and a bit. */
#define NAMED_PAGES 1035u
#define RANGE_PAGES 600u

#define PATH_PARAMETER "/sys/module/aerostat/parameters/inflate_path"

static int set_path(struct guest *guest, const char *path)
{
	return guest_ask(guest, NULL, "write " PATH_PARAMETER " %s", path);
}

static void binds(struct test *t)
{
	check_bound(t, true);
	if (t->failed)
		return;
	check_state(t, "path", "range");
}

static void inflates_and_deflates(struct test *t)
{
	uint64_t buffers;

	check_inflate_deflate(t, false);
	if (t->failed)
		return;
	require_ok(t, guest_state_number(t->guest, "inflate_buffers", &buffers));
	require_equal(t, buffers, 0, "buffers of frame numbers");
}

/* Ranges are whole blocks, but the target is met to the page. */
static void odd_amounts(struct test *t)
{
	static const uint32_t pages[] = { 1, 2, 3, 511, 512, 513, 4097, 10007, 16384, 0 };
	uint64_t total_kib, now_kib;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		uint64_t take_kib = (uint64_t)pages[i] * PAGE_KIB;

		require_ok(t, guest_balloon_to(t->guest, FULL_KIB - take_kib));
		require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
		require_equal(t, now_kib, total_kib - take_kib, "MemTotal, KiB");
	}
}

/* Memory the guest has used, and has no more: the host has it back. */
static void host_gets_it(struct test *t)
{
	uint64_t used_kib, after_kib;

	/* The kernel's own reporting would do the same, if later. */
	require_ok(t, guest_ask(t->guest, NULL, "hog user %u", HOG_MIB));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait user"));
	require_ok(t, guest_resident_kib(t->guest, &used_kib));
	require_ok(t, guest_ask(t->guest, NULL, "hog-free user"));
	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
	require_ok(t, guest_resident_kib(t->guest, &after_kib));
	test_note(t, "resident: %" PRIu64 " MiB in use, %" PRIu64 " MiB inflated",
		  used_kib / KIB_PER_MIB, after_kib / KIB_PER_MIB);
	require(t, after_kib + HOG_MIB * KIB_PER_MIB / 2 < used_kib,
		"resident: expected less than %" PRIu64 " KiB, got %" PRIu64,
		used_kib - HOG_MIB * KIB_PER_MIB / 2, after_kib);
}

/* A page that was a range once is good memory, and memory beside it is left alone. */
static void content_survives(struct test *t)
{
	check_content(t, 48, FULL_KIB - 100 * KIB_PER_MIB, FULL_KIB - 3 * PAGE_KIB, 90);
}

/* The path may be changed at any time; what is held by the one and the other all comes back. */
static void paths_mixed(struct test *t)
{
	uint64_t total_kib, now_kib, reported, held;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, set_path(t->guest, "pfn"));
	check_state(t, "path", "pfn");
	if (t->failed)
		return;
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - TAKE_KIB / 3));
	require_ok(t, guest_state_number(t->guest, "reported_pages", &reported));
	require_equal(t, reported, 0, "pages reported, after the PFN path");
	require_ok(t, set_path(t->guest, "range"));
	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
	require_ok(t, guest_state_number(t->guest, "reported_pages", &reported));
	require_ok(t, guest_state_number(t->guest, "held_pages", &held));
	require_equal(t, held, TAKE_KIB / PAGE_KIB, "pages held");
	require_equal(t, reported, (TAKE_KIB - TAKE_KIB / 3) / PAGE_KIB, "pages reported");
	require_ok(t, set_path(t->guest, "auto"));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - TAKE_KIB / 2));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib, "MemTotal, KiB, deflated");
	require(t, set_path(t->guest, "other") < 0, "inflate_path=other: expected to be refused");
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/*
 * What the device reads in its queues of frame numbers: every page that was given so, and the same
 * pages once more when they are wanted back; of those given as ranges, nothing.
 */
static void asked_back(struct test *t)
{
	static uint64_t told[2 * NAMED_PAGES + 1];
	size_t count;

	require_ok(t, device_log(t->guest, true));
	require_ok(t, set_path(t->guest, "range"));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - RANGE_PAGES * PAGE_KIB));
	require_ok(t, set_path(t->guest, "pfn"));
	require_ok(t,
		   guest_balloon_to(t->guest, FULL_KIB - (RANGE_PAGES + NAMED_PAGES) * PAGE_KIB));
	require_ok(t, device_log_read(t->guest, told, 2 * NAMED_PAGES + 1, &count));
	require_equal(t, count, NAMED_PAGES, "pages named, inflating");
	require_ok(t, set_path(t->guest, "auto"));
	/* Some, then the rest. */
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - NAMED_PAGES / 3 * PAGE_KIB));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	require_ok(t, device_log(t->guest, false));
	require_ok(t, device_log_read(t->guest, told, 2 * NAMED_PAGES + 1, &count));
	require_equal(t, count, 2 * NAMED_PAGES, "pages named, there and back");
	qsort(told, NAMED_PAGES, sizeof(*told), by_value);
	qsort(told + NAMED_PAGES, NAMED_PAGES, sizeof(*told), by_value);
	for (size_t i = 0; i < NAMED_PAGES; i++) {
		require(t, !i || told[i] != told[i - 1], "page 0x%" PRIx64 ": named twice",
			told[i]);
		require_equal(t, told[NAMED_PAGES + i], told[i], "page named on its way back");
	}
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

static void unload_inflated(struct test *t)
{
	check_unload_inflated(t, INFLATED_KIB);
}

static void suspend(struct test *t)
{
	uint64_t now_kib, total_kib, inflated, still;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
	require_ok(t, guest_state_number(t->guest, "inflated_pages", &inflated));
	require_ok(t, guest_sleep(t->guest, "mem"));
	require_ok(t, guest_wait_actual(t->guest, INFLATED_KIB, NULL));
	check_state(t, "untold_pages", "0");
	if (t->failed)
		return;
	/* The device is told of them once more, but the guest has given them once. */
	require_ok(t, guest_state_number(t->guest, "inflated_pages", &still));
	require_equal(t, still, inflated, "inflated_pages");
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib, "MemTotal, KiB, deflated");
}

static void stats_agree(struct test *t)
{
	check_stats(t);
}

static const struct guest_test tests[] = {
	{ .name = "binds", .run = binds },
	{ .name = "inflates-and-deflates", .run = inflates_and_deflates },
	{ .name = "odd-amounts", .run = odd_amounts },
	{ .name = "host-gets-it", .run = host_gets_it },
	{ .name = "content-survives", .run = content_survives },
	{ .name = "paths-mixed", .run = paths_mixed },
	{ .name = "asked-back", .run = asked_back },
	{ .name = "free-pages-reported", .run = free_pages_reported },
	{ .name = "stats-agree", .run = stats_agree },
	{ .name = "unload-inflated", .run = unload_inflated },
	{ .name = "suspend-inflated", .run = suspend },
};

static struct guest_group range = {
	.name = "range",
	.config = { .machine = SLEEPING_MACHINE,
		    .device = "virtio-balloon-pci,id=balloon0,free-page-reporting=on" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(range)

/*
 * Memory the guest has never touched: the host backs it while it is in transit only. The kernel
 * zeroes each page it gives to the balloon, as Debian's do by default.
 */
#define UNTOUCHED_MIB	   1024u
#define UNTOUCHED_TAKE_MIB 700u
#define TRANSIENT_MOST_KIB (32u * KIB_PER_MIB)
#define STILL_MS	   4000u /* twice what the kernel waits before it reports */

/* The kernel reports what it has used for booting in its own time; that would hide a peak. */
static void wait_resident_still(struct test *t)
{
	uint64_t last_kib = 0, now_kib, still_ms = clock_ms(), start_ms = still_ms;

	while (clock_ms() - still_ms < STILL_MS && clock_ms() - start_ms < REACH_TIMEOUT_MS) {
		require_ok(t, guest_resident_kib(t->guest, &now_kib));
		if (now_kib + KIB_PER_MIB < last_kib || now_kib > last_kib + KIB_PER_MIB) {
			still_ms = clock_ms();
			last_kib = now_kib;
		}
		usleep(200000);
	}
}

static void transient(struct test *t, const char *path)
{
	uint64_t before_kib, peak_kib;

	require_ok(t, set_path(t->guest, path));
	/* QEMU translates the code of the way there and back once; that is not the guest's memory. */
	require_ok(t, guest_balloon_to(t->guest, (UNTOUCHED_MIB - 8) * KIB_PER_MIB));
	wait_resident_still(t);
	if (t->failed)
		return;
	require_ok(t, guest_resident_kib(t->guest, &before_kib));
	require_ok(t, guest_reset_resident_peak(t->guest));
	require_ok(t,
		   guest_balloon_to(t->guest, (UNTOUCHED_MIB - UNTOUCHED_TAKE_MIB) * KIB_PER_MIB));
	require_ok(t, guest_resident_peak_kib(t->guest, &peak_kib));
	peak_kib = peak_kib > before_kib ? peak_kib - before_kib : 0;
	test_note(t, "peak of resident memory: %" PRIu64 " KiB above that before", peak_kib);
	require(t, peak_kib <= TRANSIENT_MOST_KIB,
		"peak of resident memory: expected %u KiB at most above that before, got %" PRIu64,
		TRANSIENT_MOST_KIB, peak_kib);
}

static void transient_range(struct test *t)
{
	transient(t, "range");
}

static void transient_pfn(struct test *t)
{
	transient(t, "pfn");
}

/* Each in a guest whose memory nobody has touched yet. */
static const struct guest_test untouched_tests[] = {
	{ .name = "transient-range", .run = transient_range, .alone = true },
	{ .name = "transient-pfn", .run = transient_pfn, .alone = true },
};

static struct guest_group untouched = {
	.name = "untouched",
	.config = { .device = "virtio-balloon-pci,id=balloon0,free-page-reporting=on",
		    .append = "init_on_alloc=1",
		    .memory_mib = UNTOUCHED_MIB },
	GUEST_TESTS(untouched_tests),
};
GUEST_GROUP(untouched)
