// SPDX-License-Identifier: GPL-2.0
/*
 * The device is taken out of a running guest, and put back: while the balloon is full, and on its way
 * up and down.
 */
#include "faults.h"

#include <errno.h>
#include <string.h>

#define INFLATED_KIB (FULL_KIB - 120 * KIB_PER_MIB)
#define SLACK_KIB    (4 * KIB_PER_MIB)
#define POLL_MS	     100
#define POLLS	     300

/* A new device announces itself to the guest in its own time. */
static int wait_bound(struct guest *guest)
{
	for (int i = 0; i < POLLS; i++) {
		if (guest_balloon_bound(guest))
			return 0;
		if (guest_ask(guest, NULL, "sleep %d", POLL_MS) < 0)
			return -EPIPE;
	}
	return -ETIMEDOUT;
}

static void unplug(struct test *t)
{
	require_ok(t, qmp_command(t->guest->qmp, QMP_TIMEOUT_MS, NULL, "device_del", "{s:s}", "id",
				  "balloon0"));
	require_ok(t, qmp_wait_event(t->guest->qmp, QMP_TIMEOUT_MS, "DEVICE_DELETED", NULL));
	/* One event for the device behind the slot, one for the slot's own. */
	require_ok(t, qmp_wait_event(t->guest->qmp, QMP_TIMEOUT_MS, "DEVICE_DELETED", NULL));
}

static void plug(struct test *t)
{
	require_ok(t, qmp_command(t->guest->qmp, QMP_TIMEOUT_MS, NULL, "device_add", "{s:s, s:s}",
				  "driver", "virtio-balloon-pci", "id", "balloon0"));
	require_ok(t, wait_bound(t->guest));
}

/* Without the device the guest has all its memory. */
static void check_without_device(struct test *t, uint64_t total_kib, uint64_t free_kib)
{
	uint64_t now_kib;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib, "MemTotal, KiB, without device");
	require_ok(t, guest_free_kib(t->guest, &now_kib));
	require(t, now_kib + SLACK_KIB >= free_kib,
		"free memory without device: expected about %" PRIu64 " KiB, got %" PRIu64,
		free_kib, now_kib);
}

/* Away and back. */
static void check_replug(struct test *t, uint64_t total_kib, uint64_t free_kib)
{
	unplug(t);
	if (!t->failed)
		check_without_device(t, total_kib, free_kib);
	if (!t->failed)
		plug(t);
}

static void unplug_inflated(struct test *t)
{
	uint64_t total_kib, free_kib;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, guest_free_kib(t->guest, &free_kib));
	for (int i = 0; i < 2; i++) {
		require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
		check_replug(t, total_kib, free_kib);
		if (t->failed)
			return;
	}
	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
	check_stats(t);
}

/* Straight after the new target, so in the midst of it or nearly so. */
static void unplug_on_the_way(struct test *t)
{
	uint64_t total_kib, free_kib;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, guest_free_kib(t->guest, &free_kib));
	for (int up = 1; up >= 0; up--) {
		if (!up)
			require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
		require_ok(t, guest_set_target_kib(t->guest, up ? INFLATED_KIB : FULL_KIB));
		check_replug(t, total_kib, free_kib);
		if (t->failed)
			return;
		require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	}
	check_works(t);
}

/* Until a notification has been lost: from then on the driver waits. */
static void wait_silent(struct test *t)
{
	for (int i = 0; i < POLLS && !t->failed && !fault_hits(t); i++)
		require_ok(t, guest_ask(t->guest, NULL, "sleep %d", POLL_MS));
}

/* In the midst for sure: the driver waits for a word of the device that will never come. */
static void unplug_while_silent(struct test *t)
{
	uint64_t total_kib, free_kib;

	if (!have_injector(t))
		return;
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, guest_free_kib(t->guest, &free_kib));
	for (int up = 1; up >= 0; up--) {
		if (!up)
			require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
		require_ok(t, silence(t, 5));
		require_ok(t, guest_set_target_kib(t->guest, up ? INFLATED_KIB : FULL_KIB));
		wait_silent(t);
		if (!t->failed)
			unplug(t);
		if (t->failed)
			return;
		end_fault(t, "virtqueue_kick");
		if (!t->failed)
			check_without_device(t, total_kib, free_kib);
		if (!t->failed)
			plug(t);
		if (t->failed)
			return;
		check_works(t);
		if (t->failed)
			return;
	}
}

static const struct guest_test tests[] = {
	{ .name = "unplug-inflated", .run = unplug_inflated },
	{ .name = "unplug-on-the-way", .run = unplug_on_the_way },
	{ .name = "unplug-while-silent", .run = unplug_while_silent },
};

/* The i440FX machine, whose slots all take devices while it runs. */
static struct guest_group hotplug = {
	.name = "hotplug",
	.config = { .machine = "pc", .device = "virtio-balloon-pci,id=balloon0" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(hotplug)
