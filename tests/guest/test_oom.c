// SPDX-License-Identifier: GPL-2.0
/*
 * DEFLATE_ON_OOM: the device lets the guest take pages back rather than kill a process.
 */
#include "checks.h"

#include <string.h>

#define FULL_KIB (256u * KIB_PER_MIB)

static void binds(struct test *t)
{
	check_bound(t, true);
}

static void inflates_and_deflates(struct test *t)
{
	check_inflate_deflate(t, true);
}

/*
 * A process that needs what the balloon holds gets it, and what it wrote is there. The killer must
 * not be invoked at all: nothing is expected on the console.
 */
static void gives_back_on_oom(struct test *t)
{
	uint64_t target_kib = FULL_KIB - 128 * KIB_PER_MIB, actual_kib;
	char *text;
	int r;

	require_ok(t, guest_balloon_to(t->guest, target_kib));
	require_ok(t, guest_ask(t->guest, NULL, "hog greedy 140"));
	r = guest_ask(t->guest, NULL, "hog-wait greedy");
	require(t, r == 0, "a process that needs the balloon's memory: expected to get it, got %d",
		r);
	require_ok(t, guest_ask(t->guest, &text, "hog-check greedy"));
	require(t, strstr(text, " bad_pages=0 "), "memory from the balloon: %s", text);
	free(text);
	require_ok(t, guest_actual_kib(t->guest, &actual_kib));
	require(t, actual_kib > target_kib, "actual: expected above %" PRIu64 " KiB, got %" PRIu64,
		target_kib, actual_kib);
}

static void stats_agree(struct test *t)
{
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - 100 * KIB_PER_MIB));
	check_stats(t);
}

static const struct guest_test tests[] = {
	{ .name = "binds", .run = binds },
	{ .name = "inflates-and-deflates", .run = inflates_and_deflates },
	{ .name = "stats-agree", .run = stats_agree },
	{ .name = "gives-back-on-oom", .run = gives_back_on_oom },
};

static struct guest_group oom = {
	.name = "deflate-on-oom",
	.config = { .device = "virtio-balloon-pci,id=balloon0,deflate-on-oom=on" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(oom)
