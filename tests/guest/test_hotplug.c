// SPDX-License-Identifier: GPL-2.0
/*
 * The device is taken out of a running guest, and put back: while the balloon is full, and on its way
 * up and down. And its transport is, and the machine is reset.
 */
#include "faults.h"

#include <errno.h>
#include <string.h>

#define INFLATED_KIB (FULL_KIB - 120 * KIB_PER_MIB)
#define SLACK_KIB    (4 * KIB_PER_MIB)
#define POLL_MS	     100
#define POLLS	     300
#define SLOW_MS	     500 /* between two looks of a slow device at its queues */

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

/* --- the device stays, its transport goes --- */

/* Of the PCI function behind the device: DEVICE is a link to .../FUNCTION/DEVICE. */
static int pci_function(struct guest *guest, char *ret_name, size_t size)
{
	char device[64], *link, *end, *begin;
	int r;

	r = guest_balloon_device(guest, device, sizeof(device));
	if (r == 0)
		r = guest_ask(guest, &link, "readlink /sys/bus/virtio/devices/%s", device);
	if (r < 0)
		return r;
	end = strrchr(link, '/');
	if (end)
		*end = '\0';
	begin = strrchr(link, '/');
	if (begin)
		snprintf(ret_name, size, "%s", begin + 1);
	free(link);
	return begin ? 0 : -ENODEV;
}

/*
 * The administrator takes the PCI function away from virtio, for another driver, in the midst of an
 * inflation (the device is slow); and thinks better of it.
 */
static void transport_unbound(struct test *t)
{
	uint64_t total_kib, free_kib;
	char function[64];
	int r;

	if (!have_injector(t))
		return;
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, guest_free_kib(t->guest, &free_kib));
	require_ok(t, pci_function(t->guest, function, sizeof(function)));
	require_ok(t, slow(t, SLOW_MS));
	require_ok(t, guest_set_target_kib(t->guest, INFLATED_KIB));
	require_ok(t, guest_ask(t->guest, NULL,
				"write /sys/bus/pci/devices/%s/driver_override none", function));
	require_ok(t, guest_ask(t->guest, NULL, "write /sys/bus/pci/drivers/virtio-pci/unbind %s",
				function));
	check_without_device(t, total_kib, free_kib);
	if (t->failed)
		return;
	end_slow(t);
	if (t->failed)
		return;
	r = guest_ask(t->guest, NULL, "write /sys/bus/pci/drivers/virtio-pci/bind %s", function);
	require(t, r == -ENODEV, "bind to virtio-pci: expected -ENODEV, got %d", r);
	require_ok(t,
		   guest_ask(t->guest, NULL,
			     "write /sys/bus/pci/devices/%s/driver_override virtio-pci", function));
	require_ok(t, guest_ask(t->guest, NULL, "write /sys/bus/pci/drivers/virtio-pci/bind %s",
				function));
	require_ok(t, wait_bound(t->guest));
	require_ok(t, guest_wait_actual(t->guest, INFLATED_KIB, NULL));
	check_works(t);
}

/*
 * The whole machine is reset in the midst of an inflation, and the host gives the guest all its memory
 * meanwhile. The device still says what it has last been told of the balloon; the driver of the next
 * boot, which has nothing to do, sets that right.
 */
static void machine_reset(struct test *t)
{
	uint64_t total_kib, now_kib, actual_kib;

	if (!have_injector(t))
		return;
	require_ok(t, slow(t, SLOW_MS));
	require_ok(t, guest_set_target_kib(t->guest, INFLATED_KIB));
	do
		require_ok(t, guest_actual_kib(t->guest, &actual_kib));
	while (actual_kib == FULL_KIB);
	require(t, actual_kib > INFLATED_KIB, "actual: expected to be on the way");
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	require_ok(t, guest_reset(t->guest));
	require(t, guest_balloon_bound(t->guest), "the driver is not bound");
	require_ok(t, guest_wait_settled(t->guest, SLOW_MS, &actual_kib));
	require_equal(t, actual_kib, FULL_KIB, "actual, KiB, of an empty balloon");
	/* A kernel may have a page more or less from one boot to the next. */
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib - (FULL_KIB - INFLATED_KIB), "MemTotal, KiB");
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib, "MemTotal, KiB, deflated");
}

static const struct guest_test tests[] = {
	{ .name = "unplug-inflated", .run = unplug_inflated },
	{ .name = "unplug-on-the-way", .run = unplug_on_the_way },
	{ .name = "unplug-while-silent", .run = unplug_while_silent },
	{ .name = "transport-unbound", .run = transport_unbound },
	{ .name = "machine-reset", .run = machine_reset },
};

/* The i440FX machine, whose slots all take devices while it runs. */
static struct guest_group hotplug = {
	.name = "hotplug",
	.config = { .machine = "pc", .device = "virtio-balloon-pci,id=balloon0" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(hotplug)
