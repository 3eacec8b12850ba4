// SPDX-License-Identifier: GPL-2.0
/*
 * A device that does not keep to the rules: its configuration says what cannot be, its used rings
 * name what it was never given, it changes its mind at every look. The guest lives, keeps what it
 * needs, and has all its memory back in the end. See fault/lie.c for how the device is made to lie.
 *
 * A false used ring is found by the kernel's own virtqueue code, which marks the queue broken; what
 * is tested here is that the module then lets go of the device without letting go of a page.
 */
#include "faults.h"

#include <errno.h>
#include <string.h>

#define BROKEN "is broken"

/* How long a device goes on lying, where there is no end to wait for. */
#define LIE_MS 3000

/* What the guest is to be able to do in the worst case. */
#define PROGRAM_MIB 4

static void check_program(struct test *t)
{
	char *text;

	require_ok(t, guest_ask(t->guest, NULL, "hog program %d", PROGRAM_MIB));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait program"));
	require_ok(t, guest_ask(t->guest, &text, "hog-check program"));
	require(t, strstr(text, " bad_pages=0 "), "memory of a program: %s", text);
	free(text);
	require_ok(t, guest_ask(t->guest, NULL, "hog-free program"));
}

/* Everything the device can name, and sixteen times what there is. */
static void target_beyond_ram(struct test *t)
{
	struct balance before;
	char *stop;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, lie(t, "offset=0 value=0xffffffff"));
	/* The driver looks when the device says that something has changed. */
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	check_state(t, "target_frames", "4294967295");
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "sleep %d", LIE_MS));
	require_ok(t, guest_state(t->guest, "stop", &stop));
	require(t, strcmp(stop, "none") != 0, "a reason to stop: expected one, got none");
	test_note(t, "stopped: %s", stop);
	free(stop);
	/* What the guest has left is its floor, or more. */
	require(t,
		state_number(t, "held_pages") * PAGE_KIB + state_number(t, "floor_kib") <=
			(FULL_KIB + t->guest->source->extra_mib * KIB_PER_MIB),
		"pages held: %" PRIu64 ", beyond the floor", state_number(t, "held_pages"));
	check_program(t);
	if (t->failed)
		return;
	end_lie(t);
	if (!t->failed)
		check_nothing_lost(t, &before);
	if (!t->failed)
		check_works(t);
}

/* It never says twice what it wants, so there is no end to reach; but the guest has its turn. */
static void target_varies(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, lie(t, "offset=0 vary=1"));
	for (int i = 0; i < 3; i++) {
		require_ok(t, guest_set_target_kib(t->guest, HALF_KIB + i * PAGE_KIB));
		require_ok(t, guest_ask(t->guest, NULL, "sleep %d", LIE_MS / 3));
		check_program(t);
		if (t->failed)
			return;
	}
	test_note(t, "%" PRIu64 " targets read", lies_told(t));
	end_lie(t);
	if (!t->failed)
		check_nothing_lost(t, &before);
	if (!t->failed)
		check_works(t);
}

/* What it shows as the number of pages the balloon holds is not what was written. */
static void actual_forged(struct test *t)
{
	struct balance before;
	char device[64];

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_ok(t, guest_balloon_device(t->guest, device, sizeof(device)));
	require_ok(t, guest_ask(t->guest, NULL, "write /sys/bus/virtio/drivers/aerostat/unbind %s",
				device));
	require_ok(t, lie(t, "offset=4 value=0xfffffff0"));
	require_ok(t, guest_ask(t->guest, NULL, "write /sys/bus/virtio/drivers/aerostat/bind %s",
				device));
	require_ok(t, guest_wait_actual(t->guest, HALF_KIB, NULL));
	end_lie(t);
	if (!t->failed)
		check_nothing_lost(t, &before);
}

/* A false acknowledgement while the queue at hand is busy. */
static void false_used(struct test *t, unsigned int queue, const char *used, const char *message)
{
	struct balance before;
	char params[64];

	if (!reload_with_fault_ready(t, &before))
		return;
	if (queue)
		require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_ok(t, silence(t, 0));
	snprintf(params, sizeof(params), "queue=%u used=%s", queue, used);
	require_ok(t, lie(t, params));
	require_ok(t, guest_set_target_kib(t->guest, queue ? FULL_KIB : HALF_KIB));
	check_state(t, "state", "failed");
	if (t->failed)
		return;
	require(t, lies_told(t) > 0, "the lie: never told");
	require_ok(t, guest_ask(t->guest, NULL, "rmmod lie"));
	check_failed_and_recovers(t, message, &before);
}

static void used_beyond(struct test *t)
{
	false_used(t, 0, "beyond", BROKEN);
}

static void used_unsent(struct test *t)
{
	false_used(t, 0, "unsent", BROKEN);
}

static void used_twice(struct test *t)
{
	false_used(t, 0, "twice", BROKEN);
}

static void used_jumps(struct test *t)
{
	false_used(t, 0, "jump", BROKEN);
}

static void deflate_used_beyond(struct test *t)
{
	false_used(t, 1, "beyond", BROKEN);
}

/* A length of 4 GiB for what was to be read only: nobody looks at it. */
static void used_length(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, silence(t, 0));
	require_ok(t, lie(t, "queue=0 used=length"));
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	end_lie(t);
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "rmmod fault"));
	/* QEMU has counted the used buffers otherwise, and is not asked about it. */
	check_recovers(t, &before);
}

/* QEMU finds the ring broken, asks for a reset, and says and does nothing from then on. */
static void needs_reset(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_ok(t, lie(t, "queue=0 used=broken"));
	end_lie(t);
	if (!t->failed)
		check_state(t, "state", "failed");
	if (t->failed)
		return;
	require_ok(t, console_wait(&t->guest->console, REACH_TIMEOUT_MS, "asks for a reset", NULL));
	check_program(t);
	if (!t->failed)
		check_nothing_lost(t, &before);
	if (!t->failed)
		check_works(t);
}

static const struct guest_test tests[] = {
	{ .name = "target-beyond-ram", .run = target_beyond_ram },
	{ .name = "target-varies", .run = target_varies },
	{ .name = "actual-forged", .run = actual_forged },
	{ .name = "used-beyond", .run = used_beyond },
	{ .name = "used-unsent", .run = used_unsent },
	{ .name = "used-twice", .run = used_twice },
	{ .name = "used-jumps", .run = used_jumps },
	{ .name = "used-length", .run = used_length },
	{ .name = "deflate-used-beyond", .run = deflate_used_beyond },
	{ .name = "needs-reset", .run = needs_reset },
};

static struct guest_group liar = {
	.name = "liar",
	.config = { .device = "virtio-balloon-pci,id=balloon0" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(liar)
