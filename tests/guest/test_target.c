// SPDX-License-Identifier: GPL-2.0
/*
 * The balloon follows its target, whatever the target is, and keeps the guest's books right.
 * A device without DEFLATE_ON_OOM, over modern PCI.
 */
#include "checks.h"

#include <errno.h>
#include <string.h>

#define FULL_KIB (256u * KIB_PER_MIB)

static void binds(struct test *t)
{
	check_bound(t, true);
}

static void inflates_and_deflates(struct test *t)
{
	check_inflate_deflate(t, false);
}

/* Amounts that fill no buffer, exactly one, or one and a bit; of one page; across 2 MiB. */
static void odd_amounts(struct test *t)
{
	static const uint32_t pages[] = { 1, 2, 255, 256, 257, 511, 512, 513, 4097, 10007, 3, 0 };
	uint64_t total_kib, now_kib;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		uint64_t take_kib = (uint64_t)pages[i] * PAGE_KIB;

		require_ok(t, guest_balloon_to(t->guest, FULL_KIB - take_kib));
		require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
		require_equal(t, now_kib, total_kib - take_kib, "MemTotal, KiB");
	}
}

/* Targets that change faster than the guest can follow: only the last one counts. */
static void rapid_targets(struct test *t)
{
	uint64_t total_kib, now_kib;
	/* Any fixed sequence will do; a linear congruence is one. */
	uint32_t random = 12345;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	for (int i = 0; i < 100; i++) {
		random = random * 1664525 + 1013904223;
		require_ok(t, guest_set_target_kib(t->guest,
						   FULL_KIB - (random >> 16) % 32768 * PAGE_KIB));
	}
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - 77 * KIB_PER_MIB));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib - 77 * KIB_PER_MIB, "MemTotal, KiB");
}

/* The host may ask for more than there is: the guest gives what it can and lives on. */
static void target_zero(struct test *t)
{
	uint64_t total_kib, now_kib, actual_kib;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	/* QEMU takes no 0; this is the least, and comes out as no memory at all. */
	require_ok(t, guest_set_target_kib(t->guest, PAGE_KIB));
	require_ok(t, guest_wait_settled(t->guest, 3000, &actual_kib));
	require(t, actual_kib < FULL_KIB / 2,
		"actual: expected less than half, got %" PRIu64 " KiB", actual_kib);
	require_ok(t, guest_ask(t->guest, NULL, "ping"));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib, "MemTotal, KiB");
}

static void target_beyond_memory(struct test *t)
{
	uint64_t actual_kib;

	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - 10 * KIB_PER_MIB));
	require_ok(t, guest_set_target_kib(t->guest, 16ull * 1024 * KIB_PER_MIB));
	require_ok(t, guest_wait_actual(t->guest, FULL_KIB, &actual_kib));
}

/* Memory in use stays what it is while the balloon grows and shrinks around it. */
static void content_survives(struct test *t)
{
	check_content(t, 64, FULL_KIB - 96 * KIB_PER_MIB, FULL_KIB - 1 * KIB_PER_MIB, 96);
}

/* Page cache gives way to the balloon, and is not charged to the guest as need. */
static void takes_page_cache(struct test *t)
{
	uint64_t cached_kib, left_kib, actual_kib = 0, target_kib = FULL_KIB - 128 * KIB_PER_MIB;
	int r;

	require_ok(t, guest_ask(t->guest, NULL, "cache 100"));
	require_ok(t, guest_meminfo_kib(t->guest, "Buffers", &cached_kib));
	require(t, cached_kib >= 90 * KIB_PER_MIB,
		"page cache: expected 90 MiB, got %" PRIu64 " KiB", cached_kib);
	require_ok(t, guest_set_target_kib(t->guest, target_kib));
	r = guest_wait_actual(t->guest, target_kib, &actual_kib);
	require(t, r == 0,
		"page cache should give way: expected actual %" PRIu64 " KiB, got %" PRIu64 " (%s)",
		target_kib, actual_kib, strerror(-r));
	require_ok(t, guest_meminfo_kib(t->guest, "Buffers", &left_kib));
	require(t, left_kib < cached_kib,
		"page cache: expected less than %" PRIu64 ", got %" PRIu64, cached_kib, left_kib);
}

/* Pageblocks for what cannot be moved, in all zones; with CMA in the kernel too when *ret_cma. */
static int unmovable_pageblocks(struct guest *guest, uint64_t *ret_blocks, bool *ret_cma)
{
	unsigned long long unmovable;
	uint64_t blocks = 0;
	char *text, *line;
	int r, zones = 0;

	r = guest_ask(guest, &text, "read /proc/pagetypeinfo");
	if (r < 0)
		return r;
	*ret_cma = strstr(text, " CMA") != NULL;
	line = strstr(text, "Number of blocks type");
	while (line && (line = strchr(line, '\n'))) {
		line++;
		if (sscanf(line, "Node %*d, zone %*s %llu", &unmovable) != 1)
			break;
		blocks += unmovable;
		zones++;
	}
	free(text);
	*ret_blocks = blocks;
	return zones ? 0 : -EBADMSG;
}

/* The kernel keeps apart what can be moved; a balloon that has come and gone leaves that as it was. */
static void keeps_mobility(struct test *t)
{
	uint64_t before, now;
	bool cma;

	require_ok(t, unmovable_pageblocks(t->guest, &before, &cma));
	if (cma) {
		test_skip(t, "this kernel has contiguous areas, so blocks are unmovable");
		return;
	}
	for (int i = 0; i < 2; i++) {
		require_ok(t, guest_balloon_to(t->guest, FULL_KIB - 96 * KIB_PER_MIB));
		require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	}
	require_ok(t, unmovable_pageblocks(t->guest, &now, &cma));
	/* Some, for the kernel's own allocations meanwhile; the balloon has had 48 of 2 MiB. */
	require(t, now <= before + 8,
		"unmovable pageblocks: expected about %" PRIu64 ", got %" PRIu64, before, now);
}

/* The device has not allowed it: not even to save a process does the balloon give way. */
static void keeps_memory_on_oom(struct test *t)
{
	uint64_t actual_kib, target_kib = FULL_KIB - 128 * KIB_PER_MIB;
	int r;

	test_expect_oom_kill(t);
	require_ok(t, guest_balloon_to(t->guest, target_kib));
	require_ok(t, guest_ask(t->guest, NULL, "hog greedy 160"));
	r = guest_ask(t->guest, NULL, "hog-wait greedy");
	require(t, r == -ENOMEM,
		"a process that needs the balloon's memory: expected to be killed, "
		"got %d",
		r);
	require_ok(t, guest_wait_settled(t->guest, 500, &actual_kib));
	require_equal(t, actual_kib, target_kib, "actual, KiB, after the kill");
}

static const struct guest_test tests[] = {
	{ .name = "binds", .run = binds },
	{ .name = "inflates-and-deflates", .run = inflates_and_deflates },
	{ .name = "odd-amounts", .run = odd_amounts },
	{ .name = "rapid-targets", .run = rapid_targets },
	{ .name = "target-beyond-memory", .run = target_beyond_memory },
	{ .name = "content-survives", .run = content_survives },
	{ .name = "keeps-mobility", .run = keeps_mobility, .alone = true },
	{ .name = "takes-page-cache", .run = takes_page_cache },
	{ .name = "target-zero", .run = target_zero },
	{ .name = "keeps-memory-on-oom", .run = keeps_memory_on_oom },
};

static struct guest_group target = {
	.name = "target",
	.config = { .device = "virtio-balloon-pci,id=balloon0" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(target)
