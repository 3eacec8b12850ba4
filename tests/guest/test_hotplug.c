// SPDX-License-Identifier: GPL-2.0
/*
 * The device is taken out of a running guest while the balloon is full, and put back.
 */
#include "checks.h"

#include <errno.h>
#include <string.h>

#define FULL_KIB     (256u * KIB_PER_MIB)
#define INFLATED_KIB (FULL_KIB - 120 * KIB_PER_MIB)
#define SLACK_KIB    (3 * KIB_PER_MIB)
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

static void unplug_inflated(struct test *t)
{
	uint64_t total_kib, free_kib, now_kib;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, guest_free_kib(t->guest, &free_kib));
	for (int i = 0; i < 2; i++) {
		require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
		require_ok(t, qmp_command(t->guest->qmp, QMP_TIMEOUT_MS, NULL, "device_del",
					  "{s:s}", "id", "balloon0"));
		require_ok(t,
			   qmp_wait_event(t->guest->qmp, QMP_TIMEOUT_MS, "DEVICE_DELETED", NULL));
		/* One event for the device behind the slot, one for the slot's own. */
		require_ok(t,
			   qmp_wait_event(t->guest->qmp, QMP_TIMEOUT_MS, "DEVICE_DELETED", NULL));
		require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
		require_equal(t, now_kib, total_kib, "MemTotal, KiB, without device");
		require_ok(t, guest_free_kib(t->guest, &now_kib));
		require_near(t, now_kib, free_kib, SLACK_KIB, "free memory, KiB, without device");
		require_ok(t, qmp_command(t->guest->qmp, QMP_TIMEOUT_MS, NULL, "device_add",
					  "{s:s, s:s}", "driver", "virtio-balloon-pci", "id",
					  "balloon0"));
		require_ok(t, wait_bound(t->guest));
	}
	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
	check_stats(t);
}

static const struct guest_test tests[] = {
	{ .name = "unplug-inflated", .run = unplug_inflated },
};

/* The i440FX machine, whose slots all take devices while it runs. */
static struct guest_group hotplug = {
	.name = "hotplug",
	.config = { .machine = "pc", .device = "virtio-balloon-pci,id=balloon0" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(hotplug)
