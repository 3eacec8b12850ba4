// SPDX-License-Identifier: GPL-2.0
/*
 * What goes wrong on the reporting queue: the device never acknowledges a range, or takes its time,
 * or breaks; the queue refuses; the guest runs out of memory, with a device that works and with one
 * that does not. As in test_faults.c nothing is lost, whoever of the two users of the queue met it.
 */
#include "faults.h"

#include <errno.h>
#include <string.h>

/* Between two looks of a slow device at its queues. */
#define SLOW_MS 300u

/* The kernel reports free pages within 2 s. */
#define REPORT_MS 3000

#define FREED_MIB 64u

static void check_programs_memory(struct test *t, const char *name)
{
	char *text;

	require_ok(t, guest_ask(t->guest, &text, "hog-check %s", name));
	require(t, strstr(text, " bad_pages=0 "), "memory of %s: %s", name, text);
	free(text);
	require_ok(t, guest_ask(t->guest, NULL, "hog-free %s", name));
}

/* Large free blocks that the kernel has not reported. */
static void use_and_free(struct test *t)
{
	require_ok(t, guest_ask(t->guest, NULL, "hog user %u", FREED_MIB));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait user"));
	check_programs_memory(t, "user");
}

/* --- devices that fail --- */

/* With a fault in place the balloon inflates, and fails with this message. */
static void fails_inflating(struct test *t, const struct balance *before, const char *message)
{
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	check_failed_and_recovers(t, message, before);
}

static void silent(struct test *t)
{
	struct balance before;

	if (!reload_without_reports(t, &before))
		return;
	require_ok(t, silence(t, 0));
	fails_inflating(t, &before, "does not acknowledge");
}

/* Some of the pages are known to the device by then. */
static void silent_midway(struct test *t)
{
	struct balance before;

	if (!reload_without_reports(t, &before))
		return;
	require_ok(t, silence(t, 2));
	fails_inflating(t, &before, "does not acknowledge");
}

static void broken_queue(struct test *t)
{
	struct balance before;

	if (!reload_without_reports(t, &before))
		return;
	require_ok(t, inject(t, "virtqueue_kick", 0, 1, ~0u));
	fails_inflating(t, &before, "is broken");
}

/* It takes one chain of ranges, then nothing more, not even when it is empty again. */
static void queue_stops_taking(struct test *t)
{
	struct balance before;

	if (!reload_without_reports(t, &before))
		return;
	require_ok(t, inject(t, "virtqueue_add_inbuf", -EIO, 1, ~0u));
	fails_inflating(t, &before, "is broken");
}

static void unload_while_silent(struct test *t)
{
	struct balance before;

	if (!reload_without_reports(t, &before))
		return;
	require_ok(t, guest_ask(t->guest, NULL,
				"write /sys/module/aerostat/parameters/ack_timeout_ms 3000"));
	require_ok(t, inject(t, "virtqueue_kick", 1, 0, ~0u));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	require_ok(t, unload(t));
	check_balance(t, &before);
	if (t->failed)
		return;
	end_fault(t, "virtqueue_kick");
	if (t->failed)
		return;
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	require_ok(t, load(t, ""));
	check_works(t);
}

/* --- a device or a queue that does in the end --- */

/* Late is not never: targets are reached, and no attempt is given up. */
static void slow_device(struct test *t)
{
	struct balance before;
	char device[64];

	if (!reload_without_reports(t, &before))
		return;
	require_ok(t, guest_balloon_device(t->guest, device, sizeof(device)));
	require_ok(t, slow(t, SLOW_MS));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - 48 * KIB_PER_MIB));
	check_state(t, "state", "running");
	if (t->failed)
		return;
	require_equal(t, state_number(t, "stops"), 0, "stops");
	/* On the way further, and gone in the midst of it. */
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	require_ok(t, guest_ask(t->guest, NULL, "write /sys/bus/virtio/drivers/aerostat/unbind %s",
				device));
	check_balance(t, &before);
	if (t->failed)
		return;
	end_slow(t);
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "write /sys/bus/virtio/drivers/aerostat/bind %s",
				device));
	require_ok(t, guest_wait_actual(t->guest, HALF_KIB, NULL));
	check_nothing_lost(t, &before);
}

/* Refused at first, the pages stay where they were and go with the next attempt. */
static void queue_refuses(struct test *t)
{
	struct balance before;

	if (!reload_without_reports(t, &before))
		return;
	require_ok(t, inject(t, "virtqueue_add_inbuf", -ENOMEM, 0, 1));
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_equal(t, state_number(t, "stops"), 1, "stops");
	end_fault(t, "virtqueue_add_inbuf");
	if (!t->failed)
		check_nothing_lost(t, &before);
}

/* In the middle of a step there is a second chance once all that is in flight has come back. */
static void queue_refuses_midway(struct test *t)
{
	struct balance before;

	if (!reload_without_reports(t, &before))
		return;
	require_ok(t, inject(t, "virtqueue_add_inbuf", -ENOSPC, 1, 1));
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_equal(t, state_number(t, "stops"), 0, "stops");
	end_fault(t, "virtqueue_add_inbuf");
	if (!t->failed)
		check_nothing_lost(t, &before);
}

/* --- the kernel's own reports --- */

/* Nobody can keep the kernel from its pages, so the device is reset, which ends its claim. */
static void report_unacknowledged(struct test *t)
{
	struct balance before;
	char device[64], *status;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, guest_balloon_device(t->guest, device, sizeof(device)));
	require_ok(t, silence(t, 0));
	use_and_free(t);
	if (!t->failed)
		check_state(t, "state", "failed");
	if (t->failed)
		return;
	require_ok(t,
		   guest_ask(t->guest, &status, "read /sys/bus/virtio/devices/%s/status", device));
	require_equal(t, strtoull(status, NULL, 0), 0, "status of the device, reset");
	free(status);
	require_equal(t, state_number(t, "limbo_pages"), 0, "pages kept aside");
	end_fault(t, "virtqueue_kick");
	if (!t->failed)
		use_and_free(t);
	if (!t->failed)
		check_recovers(t, &before);
}

/* A device that the balloon has found dead gets no report either. */
static void no_report_after_failure(struct test *t)
{
	struct balance before;
	uint64_t hits;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, silence(t, 0));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	check_state(t, "state", "failed");
	if (t->failed)
		return;
	hits = fault_hits(t);
	use_and_free(t);
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "sleep %d", REPORT_MS));
	require_equal(t, fault_hits(t), hits, "notifications, as before memory was freed");
	end_fault(t, "virtqueue_kick");
	if (t->failed)
		return;
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	check_recovers(t, &before);
}

/* --- out of memory --- */

/* A program that needs so much more than there is gets it, and the killer stays away. */
static void outgrow(struct test *t, unsigned int more_mib)
{
	uint64_t available_kib;
	int r;

	require_ok(t, guest_meminfo_kib(t->guest, "MemAvailable", &available_kib));
	require_ok(t, guest_ask(t->guest, NULL, "hog greedy %" PRIu64,
				available_kib / KIB_PER_MIB + more_mib));
	r = guest_ask(t->guest, NULL, "hog-wait greedy");
	require(t, r == 0, "a process that needs the balloon's memory: expected to get it, got %d",
		r);
	check_programs_memory(t, "greedy");
}

/* Reported memory is used again without a word. */
static void gives_back_on_oom(struct test *t)
{
	uint64_t actual_kib, relieved;
	struct balance before;

	if (!reload_without_reports(t, &before))
		return;
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	outgrow(t, 40);
	if (t->failed)
		return;
	relieved = state_number(t, "oom_pages");
	require(t, relieved > 0, "pages given back: expected some, got none");
	require_equal(t, state_number(t, "deflate_buffers"), 0, "buffers in the deflate queue");
	require_ok(t, guest_actual_kib(t->guest, &actual_kib));
	require_equal(t, actual_kib, HALF_KIB + relieved * PAGE_KIB, "actual, KiB");
	check_nothing_lost(t, &before);
}

/* A dead device has no claim on what was reported to it, and acknowledged, before. */
static void oom_after_failure(struct test *t)
{
	struct balance before;

	if (!reload_without_reports(t, &before))
		return;
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_ok(t, silence(t, 0));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB - 8 * KIB_PER_MIB));
	check_state(t, "state", "failed");
	if (!t->failed)
		outgrow(t, 40);
	if (t->failed)
		return;
	check_state(t, "stop", "the device has failed");
	if (t->failed)
		return;
	end_fault(t, "virtqueue_kick");
	if (t->failed)
		return;
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	check_recovers(t, &before);
}

/* Nor has one that could not be set up again, on anything. */
static void oom_after_failed_resume(struct test *t)
{
	struct balance before;

	if (!reload_without_reports(t, &before))
		return;
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_ok(t, inject(t, FN_FIND_QUEUES, -ENOENT, 0, ~0u));
	require_ok(t, guest_sleep(t->guest, "mem"));
	check_state(t, "state", "stopped");
	if (!t->failed)
		outgrow(t, 40);
	if (t->failed)
		return;
	require(t, state_number(t, "untold_pages") < (FULL_KIB - HALF_KIB) / PAGE_KIB,
		"pages kept: expected fewer than before");
	end_fault(t, FN_FIND_QUEUES);
	if (t->failed)
		return;
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	check_recovers(t, &before);
}

static const struct guest_test tests[] = {
	{ .name = "silent", .run = silent },
	{ .name = "silent-midway", .run = silent_midway },
	{ .name = "broken-queue", .run = broken_queue },
	{ .name = "queue-stops-taking", .run = queue_stops_taking },
	{ .name = "unload-while-silent", .run = unload_while_silent },
	{ .name = "slow-device", .run = slow_device },
	{ .name = "queue-refuses", .run = queue_refuses },
	{ .name = "queue-refuses-midway", .run = queue_refuses_midway },
	{ .name = "report-unacknowledged", .run = report_unacknowledged },
	{ .name = "no-report-after-failure", .run = no_report_after_failure },
	{ .name = "gives-back-on-oom", .run = gives_back_on_oom },
	{ .name = "oom-after-failure", .run = oom_after_failure },
	{ .name = "oom-after-failed-resume", .run = oom_after_failed_resume },
};

static struct guest_group range_faults = {
	.name = "range-faults",
	.config = { .machine = SLEEPING_MACHINE,
		    .device = "virtio-balloon-pci,id=balloon0,deflate-on-oom=on,"
			      "free-page-reporting=on" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(range_faults)
