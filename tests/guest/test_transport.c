// SPDX-License-Identifier: GPL-2.0
/*
 * The other ways to a device: PCI as before virtio 1.0, and MMIO. The essentials, on each.
 */
#include "checks.h"

static void binds_legacy(struct test *t)
{
	check_bound(t, false);
}

static void binds_modern(struct test *t)
{
	check_bound(t, true);
}

static void inflates_and_deflates(struct test *t)
{
	check_inflate_deflate(t, false);
}

static void stats_agree(struct test *t)
{
	check_stats(t);
}

static void unload_inflated(struct test *t)
{
	uint64_t full_kib = (uint64_t)t->guest->memory_mib * KIB_PER_MIB, total_kib, now_kib;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, guest_balloon_to(t->guest, full_kib / 2));
	require_ok(t, guest_ask(t->guest, NULL, "rmmod %s", t->guest->source->driver));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib, "MemTotal, KiB, without driver");
	require_ok(t, guest_ask(t->guest, NULL, "insmod %s", t->guest->source->driver));
	require_ok(t, guest_wait_actual(t->guest, full_kib / 2, NULL));
}

static const struct guest_test legacy_tests[] = {
	{ .name = "binds", .run = binds_legacy },
	{ .name = "inflates-and-deflates", .run = inflates_and_deflates },
	{ .name = "stats-agree", .run = stats_agree },
	{ .name = "unload-inflated", .run = unload_inflated },
};

static struct guest_group legacy = {
	.name = "legacy-pci",
	.config = { .machine = "pc",
		    .device =
			    "virtio-balloon-pci,id=balloon0,disable-modern=on,disable-legacy=off" },
	GUEST_TESTS(legacy_tests),
};
GUEST_GROUP(legacy)

static const struct guest_test mmio_tests[] = {
	{ .name = "binds", .run = binds_modern },
	{ .name = "inflates-and-deflates", .run = inflates_and_deflates },
	{ .name = "stats-agree", .run = stats_agree },
	{ .name = "unload-inflated", .run = unload_inflated },
};

static struct guest_group mmio = {
	.name = "mmio",
	.config = { .machine = "microvm",
		    .device = "virtio-balloon-device,id=balloon0",
		    .global = "virtio-mmio.force-legacy=off" },
	GUEST_TESTS(mmio_tests),
};
GUEST_GROUP(mmio)

static struct guest_group legacy_mmio = {
	.name = "legacy-mmio",
	.config = { .machine = "microvm",
		    .device = "virtio-balloon-device,id=balloon0",
		    .global = "virtio-mmio.force-legacy=on" },
	GUEST_TESTS(legacy_tests),
};
GUEST_GROUP(legacy_mmio)
