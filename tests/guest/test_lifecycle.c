// SPDX-License-Identifier: GPL-2.0
/*
 * The driver comes and goes, also while the balloon is full: no page is lost, and a driver that
 * comes back finds its target.
 */
#include "checks.h"

#include <string.h>

#define FULL_KIB     (256u * KIB_PER_MIB)
#define INFLATED_KIB (FULL_KIB - 120 * KIB_PER_MIB)

/* As for the balloon itself: slabs that grow or shrink meanwhile. */
#define SLACK_KIB (3 * KIB_PER_MIB)

struct memory {
	uint64_t total_kib, free_kib;
};

static int look(struct guest *guest, struct memory *ret_memory)
{
	struct memory memory;
	int r;

	r = guest_meminfo_kib(guest, "MemTotal", &memory.total_kib);
	if (r == 0)
		r = guest_free_kib(guest, &memory.free_kib);
	if (r == 0)
		*ret_memory = memory;
	return r;
}

/* All memory is the guest's again. */
static void require_memory(struct test *t, const struct memory *before)
{
	struct memory now;

	require_ok(t, look(t->guest, &now));
	require_equal(t, now.total_kib, before->total_kib, "MemTotal, KiB, without driver");
	require_near(t, now.free_kib, before->free_kib, SLACK_KIB,
		     "free memory, KiB, without driver");
}

static int driver_file(struct guest *guest, const char *file)
{
	char name[64];
	int r;

	r = guest_balloon_device(guest, name, sizeof(name));
	if (r == 0)
		r = guest_ask(guest, NULL, "write /sys/bus/virtio/drivers/%s/%s %s",
			      guest->source->driver, file, name);
	return r;
}

static int unload(struct guest *guest)
{
	return guest_ask(guest, NULL, "rmmod %s", guest->source->driver);
}

static int load(struct guest *guest)
{
	return guest_ask(guest, NULL, "insmod %s", guest->source->driver);
}

static void unload_inflated(struct test *t)
{
	struct memory before;

	require_ok(t, look(t->guest, &before));
	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
	require_ok(t, unload(t->guest));
	require(t, !guest_has_dir(t->guest, "/sys/module/aerostat"), "the module is still there");
	require_memory(t, &before);
	if (t->failed)
		return;
	/* The host still wants it: a driver that comes back takes up where the last one stopped. */
	require_ok(t, load(t->guest));
	require_ok(t, guest_wait_actual(t->guest, INFLATED_KIB, NULL));
}

static void unbind_inflated(struct test *t)
{
	struct memory before;

	require_ok(t, look(t->guest, &before));
	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
	require_ok(t, driver_file(t->guest, "unbind"));
	require(t, !guest_balloon_bound(t->guest), "the driver is still bound");
	require_memory(t, &before);
	if (t->failed)
		return;
	require_ok(t, driver_file(t->guest, "bind"));
	require_ok(t, guest_wait_actual(t->guest, INFLATED_KIB, NULL));
}

/* In the middle of inflating and of deflating, at whatever point that is. */
static void unload_on_the_way(struct test *t)
{
	struct memory before;

	require_ok(t, look(t->guest, &before));
	for (int i = 0; i < 5; i++) {
		require_ok(t, guest_set_target_kib(t->guest, INFLATED_KIB));
		require_ok(t, guest_ask(t->guest, NULL, "sleep %d", i * 40));
		require_ok(t, unload(t->guest));
		require_memory(t, &before);
		if (t->failed)
			return;
		require_ok(t, load(t->guest));
		require_ok(t, guest_wait_actual(t->guest, INFLATED_KIB, NULL));
		require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
		require_ok(t, driver_file(t->guest, "unbind"));
		require_memory(t, &before);
		if (t->failed)
			return;
		require_ok(t, driver_file(t->guest, "bind"));
		require_ok(t, guest_wait_actual(t->guest, FULL_KIB, NULL));
	}
}

/* Nothing small is lost either: many rounds would show it. */
static void reload_often(struct test *t)
{
	struct memory before;

	require_ok(t, unload(t->guest));
	require_ok(t, load(t->guest));
	require_ok(t, look(t->guest, &before));
	for (int i = 0; i < 25; i++) {
		require_ok(t, unload(t->guest));
		require_ok(t, load(t->guest));
	}
	require_memory(t, &before);
}

static const struct guest_test tests[] = {
	{ .name = "unload-inflated", .run = unload_inflated },
	{ .name = "unbind-inflated", .run = unbind_inflated },
	{ .name = "unload-on-the-way", .run = unload_on_the_way },
	{ .name = "reload-often", .run = reload_often },
};

static struct guest_group lifecycle = {
	.name = "lifecycle",
	.config = { .device = "virtio-balloon-pci,id=balloon0" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(lifecycle)
