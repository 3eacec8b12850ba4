// SPDX-License-Identifier: GPL-2.0
/*
 * What aerostat does when the kernel or the device lets it down: every call that can fail is made to
 * fail by fault.ko (fault/fault.c), and afterwards the module still unloads, loads and works, and no
 * page is missing (faults.h).
 *
 * Each test that does not fail leaves the guest as it was: aerostat bound, no fault, nothing
 * inflated.
 */
#include "faults.h"

#include <errno.h>
#include <string.h>

#define FN_KMALLOC	 "kmalloc_trace,__kmalloc_cache_noprof"
#define FN_KMALLOC_SIZED "__kmalloc,__kmalloc_noprof"
#define FN_REGISTER	 "register_virtio_driver,__register_virtio_driver"
#define FN_NEW_QUEUE	 "__vring_new_virtqueue,vring_create_virtqueue_split"

#define ACK_TIMEOUT "/sys/module/aerostat/parameters/ack_timeout_ms"

/* --- loading --- */

/* Each thing that probe needs is refused in turn: the device stays free, the module unloads. */
static void probe_fails(struct test *t)
{
	static const struct {
		const char *symbol;
		long retval;
		unsigned int skip;
	} faults[] = {
		{ FN_KMALLOC_SIZED, 0, 0 },
		{ FN_KMALLOC_SIZED, 0, 9 },
		{ "alloc_workqueue,alloc_workqueue_noprof", 0, 0 },
		{ "register_oom_notifier", -ENOMEM, 0 },
		{ FN_FIND_QUEUES, -ENOENT, 0 },
		{ FN_NEW_QUEUE, 0, 0 },
		{ FN_NEW_QUEUE, 0, 1 },
		{ FN_NEW_QUEUE, 0, 2 },
	};
	struct balance before;

	if (!have_injector(t))
		return;
	require_ok(t, unload(t));
	require_ok(t, read_balance(t, &before));
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		require_ok(t, inject(t, faults[i].symbol, faults[i].retval, faults[i].skip, ~0u));
		require_ok(t, load(t, ""));
		require(t, !guest_balloon_bound(t->guest),
			"%s fails: expected the device without a driver", faults[i].symbol);
		end_fault(t, faults[i].symbol);
		if (t->failed)
			return;
		require_ok(t, unload(t));
	}
	check_balance(t, &before);
	if (t->failed)
		return;
	require_ok(t, load(t, ""));
	check_works(t);
}

static void registration_fails(struct test *t)
{
	int r;

	if (!have_injector(t))
		return;
	require_ok(t, unload(t));
	require_ok(t, inject(t, FN_REGISTER, -EBUSY, 0, ~0u));
	r = load(t, "");
	require(t, r == -EBUSY, "insmod: expected -EBUSY, got %d", r);
	end_fault(t, FN_REGISTER);
	if (t->failed)
		return;
	require(t, !guest_has_dir(t->guest, "/sys/kernel/debug/aerostat"),
		"debugfs: expected nothing left behind");
	require_ok(t, load(t, ""));
	check_works(t);
}

/*
 * Every small allocation on the way from insmod to a working balloon fails once, the first, the
 * second and so on, whoever makes it. Whatever the module then makes of it, it can be unloaded.
 */
static void each_allocation_fails(struct test *t)
{
	struct balance before;
	unsigned int skip;
	uint64_t hits = 1;

	if (!have_injector(t))
		return;
	require_ok(t, unload(t));
	require_ok(t, read_balance(t, &before));
	for (skip = 0; hits; skip++) {
		require_ok(t, inject(t, FN_KMALLOC, 0, skip, 1));
		if (load(t, "") == 0) {
			hits = fault_hits(t);
			require_ok(t, unload(t));
		}
		require_ok(t, guest_ask(t->guest, NULL, "rmmod fault"));
		if (t->failed)
			return;
	}
	require(t, skip > 1, "allocations: expected some, got none");
	check_balance(t, &before);
	if (t->failed)
		return;
	require_ok(t, load(t, ""));
	check_works(t);
}

/* debugfs is a convenience: without it everything else works. */
static void works_without_debugfs(struct test *t)
{
	if (!have_injector(t))
		return;
	require_ok(t, unload(t));
	require_ok(t, inject(t, "debugfs_create_dir", -ENOMEM, 0, ~0u));
	require_ok(t, load(t, ""));
	end_fault(t, "debugfs_create_dir");
	if (t->failed)
		return;
	check_works(t);
	if (t->failed)
		return;
	require_ok(t, unload(t));
	require_ok(t, load(t, ""));
}

/* --- memory and queues that refuse --- */

/* The kernel gives no page: the module says so, waits, and goes on by itself. */
static void no_page_to_give(struct test *t)
{
	struct balance before;

	if (!have_injector(t))
		return;
	require_ok(t, read_balance(t, &before));
	require_ok(t, inject(t, FN_ALLOC_PAGES, 0, 20, ~0u));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	check_state(t, "stop", "the kernel has no page to give");
	if (t->failed)
		return;
	require(t, state_number(t, "retry_ms") > 0, "a wait before the next attempt: got none");
	end_fault(t, FN_ALLOC_PAGES);
	if (t->failed)
		return;
	require_ok(t, guest_wait_actual(t->guest, HALF_KIB, NULL));
	check_state(t, "stop", "none");
	if (!t->failed)
		check_nothing_lost(t, &before);
}

/* Large blocks are refused: smaller ones do. */
static void only_small_blocks(struct test *t)
{
	char *counts, *place;
	unsigned long large = 0;

	if (!have_injector(t))
		return;
	/* 1 MiB begins with order 8; what fails is orders 8 to 1. */
	require_ok(t, inject(t, FN_ALLOC_PAGES, 0, 0, 8));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - KIB_PER_MIB));
	end_fault(t, FN_ALLOC_PAGES);
	if (t->failed)
		return;
	require_ok(t, guest_state(t->guest, "blocks_by_order", &counts));
	place = counts;
	for (int order = 0; order < 10; order++) {
		unsigned long count = strtoul(place, &place, 10);

		large += order ? count : 0;
	}
	free(counts);
	require_equal(t, large, 0, "blocks of more than one page");
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
}

/*
 * The queue refuses the first buffer: what the guest gave for it is the guest's again, the device is
 * told of nothing, and the next attempt succeeds.
 */
static void inflate_queue_refuses(struct test *t)
{
	struct balance before;

	if (!have_injector(t))
		return;
	require_ok(t, read_balance(t, &before));
	require_ok(t, inject(t, "virtqueue_add_outbuf", -ENOMEM, 0, ~0u));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	check_state(t, "stop", "the queue takes nothing");
	if (t->failed)
		return;
	require_equal(t, state_number(t, "untold_pages"), 0, "pages the device does not know of");
	require_equal(t, state_number(t, "inflated_pages"), state_number(t, "deflated_pages"),
		      "pages that went in, as came out");
	require_ok(t, guest_wait_actual(t->guest, FULL_KIB, NULL));
	end_fault(t, "virtqueue_add_outbuf");
	if (t->failed)
		return;
	require_ok(t, guest_wait_actual(t->guest, HALF_KIB, NULL));
	check_state(t, "stop", "none");
	if (!t->failed)
		check_nothing_lost(t, &before);
}

static void deflate_queue_refuses(struct test *t)
{
	struct balance before;

	if (!have_injector(t))
		return;
	require_ok(t, read_balance(t, &before));
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_ok(t, inject(t, "virtqueue_add_outbuf", -ENOMEM, 0, 1));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	end_fault(t, "virtqueue_add_outbuf");
	if (!t->failed)
		check_nothing_lost(t, &before);
}

/* In the middle of a step there is a second chance once all that is in flight has come back. */
static void queue_refuses_midway(struct test *t)
{
	struct balance before;

	if (!have_injector(t))
		return;
	require_ok(t, read_balance(t, &before));
	require_ok(t, inject(t, "virtqueue_add_outbuf", -ENOSPC, 3, 1));
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	check_state(t, "state", "running");
	end_fault(t, "virtqueue_add_outbuf");
	if (!t->failed)
		check_nothing_lost(t, &before);
}

/* A refill of the statistics that the queue did not take is made good. */
static void stats_refill_fails(struct test *t)
{
	struct balloon_stats stats, later;

	if (!have_injector(t))
		return;
	require_ok(t, guest_set_stats_interval(t->guest, 1));
	require_ok(t, guest_wait_stats(t->guest, 0, &stats));
	require_ok(t, inject(t, "virtqueue_add_outbuf", -ENOMEM, 0, 2));
	/* One answer may have been on its way; the second after that has been through the fault. */
	require_ok(t, guest_wait_stats(t->guest, stats.last_update_s, &later));
	require_ok(t, guest_wait_stats(t->guest, later.last_update_s, &later));
	require_equal(t, state_number(t, "stats_lost"), 2, "refills lost");
	end_fault(t, "virtqueue_add_outbuf");
}

/* --- devices that fail --- */

/* The device is never notified, so it never acknowledges. */
static void silent_inflate(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, silence(t, 0));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	check_failed_and_recovers(t, "does not acknowledge", &before);
}

/* As above in the middle: some of the pages are the device's for sure. */
static void silent_inflate_midway(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, silence(t, 20));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	check_failed_and_recovers(t, "does not acknowledge", &before);
}

static void silent_deflate(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_ok(t, silence(t, 0));
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	check_failed_and_recovers(t, "does not acknowledge", &before);
}

/*
 * The host has stopped guest and device for longer than the device is given, so the guest sees time
 * jump in the middle of a wait: the device has failed in nothing.
 */
static void time_jumps(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, guest_ask(t->guest, NULL,
				"write /sys/module/rcupdate/parameters/rcu_cpu_stall_suppress 1"));
	require_ok(t, inject(t, "virtqueue_kick", 1, 0, ~0u));
	require_ok(t, lie(t, "queue=0 used=late"));
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	check_state(t, "state", "running");
	if (t->failed)
		return;
	end_lie(t);
	end_fault(t, "virtqueue_kick");
	if (!t->failed)
		check_nothing_lost(t, &before);
}

/* A time-out that is none, or that overflows, is refused. */
static void timeout_range(struct test *t)
{
	static const char *const refused[] = {
		"0", "99", "600001", "4294967295", "4294968296", "x"
	};
	uint64_t before_ms, after_ms;

	require_ok(t, guest_read_u64(t->guest, ACK_TIMEOUT, &before_ms));
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		require(t, guest_ask(t->guest, NULL, "write " ACK_TIMEOUT " %s", refused[i]) < 0,
			"a time-out of %s ms: expected to be refused", refused[i]);
	require_ok(t, guest_read_u64(t->guest, ACK_TIMEOUT, &after_ms));
	require_equal(t, after_ms, before_ms, "time-out, ms");
	require_ok(t, guest_ask(t->guest, NULL, "write " ACK_TIMEOUT " 600000"));
	require_ok(t, guest_ask(t->guest, NULL, "write " ACK_TIMEOUT " %" PRIu64, before_ms));
}

/* The transport says that it cannot notify. */
static void broken_queue(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, inject(t, "virtqueue_kick", 0, 5, ~0u));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	check_failed_and_recovers(t, "is broken", &before);
}

/* The queue takes a few buffers, then nothing more, not even when it is empty again. */
static void queue_stops_taking(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, inject(t, "virtqueue_add_outbuf", -EIO, 3, ~0u));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	check_failed_and_recovers(t, "is broken", &before);
}

/* Unloading need not wait for the end of a wait that has seconds to go, but it does end. */
static void unload_while_silent(struct test *t)
{
	struct balance before;

	if (!have_injector(t))
		return;
	require_ok(t, unload(t));
	require_ok(t, read_balance(t, &before));
	require_ok(t, load(t, "ack_timeout_ms=5000"));
	require_ok(t, inject(t, "virtqueue_kick", 1, 0, ~0u));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	require_ok(t, unload(t));
	check_balance(t, &before);
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "rmmod fault"));
	require_ok(t, load(t, ""));
	check_works(t);
}

/* Unbinding a failed device and binding it again is enough. */
static void rebind_after_failure(struct test *t)
{
	struct balance before;
	char device[64];

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, guest_balloon_device(t->guest, device, sizeof(device)));
	require_ok(t, silence(t, 10));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	check_state(t, "state", "failed");
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "rmmod fault"));
	require_ok(t, guest_ask(t->guest, NULL, "write /sys/bus/virtio/drivers/aerostat/unbind %s",
				device));
	check_balance(t, &before);
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "write /sys/bus/virtio/drivers/aerostat/bind %s",
				device));
	require_ok(t, guest_wait_actual(t->guest, HALF_KIB, NULL));
}

/* A suspend resets the device, which is all that a failed one needs. */
static void suspend_after_failure(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, silence(t, 10));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	check_state(t, "state", "failed");
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "rmmod fault"));
	require_ok(t, guest_sleep(t->guest, "mem"));
	check_state(t, "state", "running");
	if (t->failed)
		return;
	require_ok(t, guest_wait_actual(t->guest, HALF_KIB, NULL));
}

/* A resume that cannot set the queues up leaves a device that can still be unbound. */
static void resume_fails(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_ok(t, inject(t, FN_FIND_QUEUES, -ENOENT, 0, ~0u));
	require_ok(t, guest_sleep(t->guest, "mem"));
	check_state(t, "state", "stopped");
	if (t->failed)
		return;
	require_equal(t, state_number(t, "untold_pages"), (FULL_KIB - HALF_KIB) / PAGE_KIB,
		      "pages kept");
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	require_ok(t, unload(t));
	check_balance(t, &before);
	if (t->failed)
		return;
	end_fault(t, "vp_find_vqs");
	if (t->failed)
		return;
	require_ok(t, load(t, ""));
	check_works(t);
}

/*
 * Out of memory after a resume that failed: the device has no claim on what the balloon keeps, so the
 * guest gets it, and nobody is killed.
 */
static void oom_after_failed_resume(struct test *t)
{
	uint64_t available_kib, kept;
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_ok(t, inject(t, FN_FIND_QUEUES, -ENOENT, 0, ~0u));
	require_ok(t, guest_sleep(t->guest, "mem"));
	check_state(t, "state", "stopped");
	if (t->failed)
		return;
	kept = state_number(t, "untold_pages");
	require_ok(t, guest_meminfo_kib(t->guest, "MemAvailable", &available_kib));
	require_ok(t,
		   guest_ask(t->guest, NULL, "hog big %" PRIu64, available_kib / KIB_PER_MIB + 30));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait big"));
	require(t, state_number(t, "untold_pages") < kept,
		"pages kept: expected fewer than before");
	require(t, state_number(t, "oom_pages") > 0, "pages given back: expected some");
	require_ok(t, guest_ask(t->guest, NULL, "hog-free big"));
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	require_ok(t, unload(t));
	check_balance(t, &before);
	if (t->failed)
		return;
	end_fault(t, FN_FIND_QUEUES);
	if (t->failed)
		return;
	require_ok(t, load(t, ""));
	check_works(t);
}

/* Out of memory and a dead device at once: the guest is not held up longer than the time-out. */
static void oom_with_silent_device(struct test *t)
{
	struct balance before;
	uint64_t available_kib;
	int r;

	if (!reload_with_fault_ready(t, &before))
		return;
	test_expect_oom_kill(t);
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	/* More than there is, and than a device that does not answer lets out of the balloon. */
	require_ok(t, guest_meminfo_kib(t->guest, "MemAvailable", &available_kib));
	require_ok(t, silence(t, 0));
	require_ok(t,
		   guest_ask(t->guest, NULL, "hog big %" PRIu64, available_kib / KIB_PER_MIB + 80));
	r = guest_ask(t->guest, NULL, "hog-wait big");
	require(t, r == -ENOMEM, "the hog: expected to be killed, got %d", r);
	check_state(t, "state", "failed");
	if (t->failed)
		return;
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	require_ok(t, unload(t));
	check_balance(t, &before);
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "rmmod fault"));
	require_ok(t, load(t, ""));
	check_works(t);
}

static const struct guest_test tests[] = {
	{ .name = "probe-fails", .run = probe_fails },
	{ .name = "registration-fails", .run = registration_fails },
	{ .name = "each-allocation-fails", .run = each_allocation_fails },
	{ .name = "works-without-debugfs", .run = works_without_debugfs },
	{ .name = "no-page-to-give", .run = no_page_to_give },
	{ .name = "only-small-blocks", .run = only_small_blocks },
	{ .name = "inflate-queue-refuses", .run = inflate_queue_refuses },
	{ .name = "deflate-queue-refuses", .run = deflate_queue_refuses },
	{ .name = "queue-refuses-midway", .run = queue_refuses_midway },
	{ .name = "stats-refill-fails", .run = stats_refill_fails },
	{ .name = "silent-inflate", .run = silent_inflate },
	{ .name = "silent-inflate-midway", .run = silent_inflate_midway },
	{ .name = "silent-deflate", .run = silent_deflate },
	{ .name = "time-jumps", .run = time_jumps },
	{ .name = "timeout-range", .run = timeout_range },
	{ .name = "broken-queue", .run = broken_queue },
	{ .name = "queue-stops-taking", .run = queue_stops_taking },
	{ .name = "unload-while-silent", .run = unload_while_silent },
	{ .name = "rebind-after-failure", .run = rebind_after_failure },
	{ .name = "suspend-after-failure", .run = suspend_after_failure },
	{ .name = "resume-fails", .run = resume_fails },
	{ .name = "oom-after-failed-resume", .run = oom_after_failed_resume },
	{ .name = "oom-with-silent-device", .run = oom_with_silent_device },
};

static struct guest_group faults = {
	.name = "faults",
	.config = {
		.machine = SLEEPING_MACHINE,
		.device = "virtio-balloon-pci,id=balloon0,deflate-on-oom=on",
		.driver = "aerostat",
	},
	GUEST_TESTS(tests),
};

GUEST_GROUP(faults)
