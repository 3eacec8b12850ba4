// SPDX-License-Identifier: GPL-2.0
/*
 * Single pages of the balloon change places so that the kernel can make large blocks of free
 * memory: the host hears of it, and the books stay right.
 *
 * The balloon takes large blocks when it can, so those are refused for a step. Compaction moves
 * pages upwards, and only into blocks of 2 MiB that are partly free. So many small programs get
 * their memory before the balloon and after it, on both sides of its pages, and every second of them
 * ends.
 */
#include "faults.h"

#include <errno.h>
#include <string.h>

#define SINGLES_KIB  (6u * KIB_PER_MIB) /* what one step takes at most is 8 MiB */
#define LARGE_ORDERS 9 /* the orders that are refused before single pages are taken */
#define PROGRAMS     30
#define ROUNDS	     3
#define ATTEMPTS     4 /* until memory lies as it should */

/* Which pages lie where is the kernel's business: 146 to 1566 were seen, some of them moved twice. */
#define MIGRATED_LEAST 16

static void start_programs(struct test *t, int from, int to)
{
	for (int i = from; i < to; i++) {
		require_ok(t, guest_ask(t->guest, NULL, "hog p%d 1", i));
		require_ok(t, guest_ask(t->guest, NULL, "hog-wait p%d", i));
	}
}

/* The balloon's single pages, and on both sides of them memory that is half free. */
static void scatter(struct test *t)
{
	char *blocks;

	start_programs(t, 0, PROGRAMS / 2);
	if (t->failed)
		return;
	require_ok(t, inject(t, FN_ALLOC_PAGES, 0, 0, LARGE_ORDERS));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - SINGLES_KIB));
	end_fault(t, FN_ALLOC_PAGES);
	if (t->failed)
		return;
	/* Blocks of each order: the first number is that of single pages. */
	require_ok(t, guest_state(t->guest, "blocks_by_order", &blocks));
	require_equal(t, strtoull(blocks, NULL, 10), SINGLES_KIB / PAGE_KIB, "single pages");
	free(blocks);
	start_programs(t, PROGRAMS / 2, PROGRAMS);
	if (t->failed)
		return;
	for (int i = 0; i < PROGRAMS; i += 2)
		require_ok(t, guest_ask(t->guest, NULL, "hog-free p%d", i));
}

/* All given back: another attempt finds memory otherwise. */
static void gather(struct test *t)
{
	require_ok(t, guest_ask(t->guest, NULL, "reset"));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
}

static void compact(struct test *t, uint64_t *ret_pages)
{
	uint64_t before, after;

	require_ok(t, guest_vmstat(t->guest, "balloon_migrate", &before));
	for (int round = 0; round < ROUNDS; round++)
		require_ok(t, guest_ask(t->guest, NULL, "write /proc/sys/vm/compact_memory 1"));
	require_ok(t, guest_vmstat(t->guest, "balloon_migrate", &after));
	*ret_pages = after - before;
}

static void check_programs(struct test *t)
{
	char *text;

	for (int i = 1; i < PROGRAMS; i += 2) {
		require_ok(t, guest_ask(t->guest, &text, "hog-check p%d", i));
		require(t, strstr(text, " bad_pages=0 "), "memory beside the balloon: %s", text);
		free(text);
	}
}

static void pages_migrate(struct test *t)
{
	uint64_t total_kib, now_kib, held, migrated = 0;

	if (!have_injector(t))
		return;
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	for (int i = 0; i < ATTEMPTS && migrated < MIGRATED_LEAST; i++) {
		if (i)
			gather(t);
		if (!t->failed)
			scatter(t);
		if (!t->failed)
			compact(t, &migrated);
		if (t->failed)
			return;
	}
	test_note(t, "%" PRIu64 " of %u pages migrated", migrated, SINGLES_KIB / PAGE_KIB);
	if (!migrated && t->guest->source->extra_mib) {
		test_skip(t, "this kernel has put the balloon's pages where compaction takes none");
		return;
	}
	require(t, migrated >= MIGRATED_LEAST, "pages migrated: expected %d or more, got %" PRIu64,
		MIGRATED_LEAST, migrated);
	check_state(t, "state", "running");
	if (t->failed)
		return;
	require_ok(t, guest_state_number(t->guest, "held_pages", &held));
	require_equal(t, held, SINGLES_KIB / PAGE_KIB, "pages held");
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib - SINGLES_KIB, "MemTotal, KiB, compacted");
	check_programs(t);
	if (t->failed)
		return;
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib, "MemTotal, KiB, deflated");
}

/*
 * The device does not take the new page. Compaction uses it again in any case, so the device is
 * reset; the balloon's pages stay where they are until the module is unloaded.
 */
static void device_is_silent(struct test *t)
{
	struct balance before;
	uint64_t migrated = 0, hits = 0;

	if (!reload_with_fault_ready(t, &before))
		return;
	for (int i = 0; i < ATTEMPTS && !hits; i++) {
		if (i)
			gather(t);
		if (!t->failed)
			scatter(t);
		if (t->failed)
			return;
		require_ok(t, silence(t, 0));
		compact(t, &migrated);
		if (t->failed)
			return;
		require_equal(t, migrated, 0, "pages migrated");
		hits = fault_hits(t);
		if (!hits)
			require_ok(t, guest_ask(t->guest, NULL, "rmmod fault"));
	}
	if (!hits) {
		test_skip(t, "compaction has not tried one of the balloon's pages");
		return;
	}
	check_state(t, "state", "failed");
	if (t->failed)
		return;
	end_fault(t, "virtqueue_kick");
	if (!t->failed)
		check_programs(t);
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "reset"));
	check_nothing_lost(t, &before);
	if (!t->failed)
		check_works(t);
}

/* Nothing but single pages is in the balloon. */
static void only_singles(struct test *t)
{
	require_ok(t, inject(t, FN_ALLOC_PAGES, 0, 0, LARGE_ORDERS));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - SINGLES_KIB));
	end_fault(t, FN_ALLOC_PAGES);
}

static int hold(struct test *t, const char *params)
{
	return guest_ask(t->guest, NULL, "insmod hold %s", params);
}

static void end_hold(struct test *t)
{
	uint64_t held = 0;

	require_ok(t, guest_read_u64(t->guest, "/sys/module/hold/parameters/held", &held));
	require_ok(t, guest_ask(t->guest, NULL, "rmmod hold"));
	require(t, held > 0, "pages held: expected some, got none");
}

/* Pages go back into the balloon, as the queue takes none, while someone has them locked. */
static void locked_on_their_way(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	only_singles(t);
	if (t->failed)
		return;
	require_ok(t, hold(t, "how=taken count=8 ms=200"));
	require_ok(t, inject(t, "virtqueue_add_outbuf", -ENOMEM, 0, 1));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	end_fault(t, "virtqueue_add_outbuf");
	end_hold(t);
	if (!t->failed)
		check_nothing_lost(t, &before);
}

/* The module is unloaded while compaction has some of its pages: not before they are back. */
static void unload_while_isolated(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	only_singles(t);
	if (t->failed)
		return;
	require_ok(t, hold(t, "how=isolate count=64 ms=2000"));
	require_ok(t, unload(t));
	end_hold(t);
	if (t->failed)
		return;
	check_balance(t, &before);
	if (t->failed)
		return;
	require_ok(t, load(t, ""));
	check_works(t);
}

/*
 * All that is left is isolated: deflation looks again soon, but does not turn over it all the time, and
 * goes on when the pages are back.
 */
static void deflate_while_isolated(struct test *t)
{
	struct balance before;
	uint64_t begin_us;

	if (!reload_with_fault_ready(t, &before))
		return;
	only_singles(t);
	if (t->failed)
		return;
	require_ok(t, hold(t, "how=isolate count=64"));
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	require_ok(t, guest_wait_actual(t->guest, FULL_KIB - 64 * PAGE_KIB, NULL));
	begin_us = state_number(t, "deflate_us");
	require_ok(t, guest_ask(t->guest, NULL, "sleep 2000"));
	begin_us = state_number(t, "deflate_us") - begin_us;
	require(t, begin_us < 200000,
		"time spent in deflation that cannot proceed: %" PRIu64 " us of 2 s", begin_us);
	end_hold(t);
	if (t->failed)
		return;
	require_ok(t, guest_wait_actual(t->guest, FULL_KIB, NULL));
	check_nothing_lost(t, &before);
}

static const struct guest_test tests[] = {
	{ .name = "pages-migrate", .run = pages_migrate },
	{ .name = "device-is-silent", .run = device_is_silent },
	{ .name = "unload-while-isolated", .run = unload_while_isolated },
	{ .name = "deflate-while-isolated", .run = deflate_while_isolated },
};

/* Frame numbers have a queue that can refuse them on their way back. */
static const struct guest_test frame_tests[] = {
	{ .name = "pages-migrate", .run = pages_migrate },
	{ .name = "device-is-silent", .run = device_is_silent },
	{ .name = "unload-while-isolated", .run = unload_while_isolated },
	{ .name = "deflate-while-isolated", .run = deflate_while_isolated },
	{ .name = "locked-on-their-way", .run = locked_on_their_way },
};

static struct guest_group compaction = {
	.name = "compaction",
	.config = { .device = "virtio-balloon-pci,id=balloon0" },
	GUEST_TESTS(frame_tests),
};
GUEST_GROUP(compaction)

/* By ranges too, each page of them a range of its own. */
static struct guest_group compaction_range = {
	.name = "compaction-range",
	.config = { .device = "virtio-balloon-pci,id=balloon0,free-page-reporting=on" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(compaction_range)
