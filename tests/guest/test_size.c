// SPDX-License-Identifier: GPL-2.0
/*
 * Guests of other sizes: the smallest that boots, one of several gigabytes; one processor and four.
 * The target goes as far as it can be set, and the guest lives on with what it needs.
 */
#include "checks.h"

#include <string.h>

/* What a program may want to start in a guest that has given all it can. */
#define PROGRAM_MIB 2

static void binds(struct test *t)
{
	check_bound(t, true);
}

/* Everything is asked for: the guest gives what it can spare, says why not more, and works. */
static void gives_what_it_can(struct test *t)
{
	uint64_t full_kib = (uint64_t)t->guest->memory_mib * KIB_PER_MIB;
	uint64_t total_kib, actual_kib, now_kib;
	char *stop;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, guest_set_target_kib(t->guest, PAGE_KIB));
	require_ok(t, guest_wait_settled(t->guest, 3000, &actual_kib));
	require_ok(t, guest_state(t->guest, "stop", &stop));
	test_note(t, "%" PRIu64 " of %" PRIu64 " MiB left: %s", actual_kib / KIB_PER_MIB,
		  full_kib / KIB_PER_MIB, stop);
	require(t, actual_kib == PAGE_KIB || strcmp(stop, "none") != 0,
		"a reason to stop at %" PRIu64 " KiB: expected one, got none", actual_kib);
	free(stop);
	require_ok(t, guest_ask(t->guest, NULL, "hog program %d", PROGRAM_MIB));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait program"));
	require_ok(t, guest_ask(t->guest, NULL, "hog-free program"));
	require_ok(t, guest_balloon_to(t->guest, full_kib));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib, "MemTotal, KiB, deflated");
}

static void inflates_and_deflates(struct test *t)
{
	check_inflate_deflate(t, false);
}

static const struct guest_test small_tests[] = {
	{ .name = "binds", .run = binds },
	{ .name = "gives-what-it-can", .run = gives_what_it_can },
};

/* With less than 80 MiB Debian's kernels do not start: of 64 they reserve 48 for themselves. */
static struct guest_group small_guest = {
	.name = "smallest",
	.config = { .device = "virtio-balloon-pci,id=balloon0", .memory_mib = 80, .vcpus = 1 },
	GUEST_TESTS(small_tests),
};
GUEST_GROUP(small_guest)

static const char *too_large(const struct guest_source *source)
{
	return strcmp(source->series, "small") == 0
		       ? NULL
		       : "this kernel does not start in 64 MiB; make check-small";
}

static struct guest_group tiny_guest = {
	.name = "tiny",
	.config = { .device = "virtio-balloon-pci,id=balloon0", .memory_mib = 64, .vcpus = 1 },
	.missing = too_large,
	GUEST_TESTS(small_tests),
};
GUEST_GROUP(tiny_guest)

static const struct guest_test large_tests[] = {
	{ .name = "binds", .run = binds },
	{ .name = "inflates-and-deflates", .run = inflates_and_deflates },
	{ .name = "gives-what-it-can", .run = gives_what_it_can },
};

/* More than 3 GiB: memory beyond the hole below 4 GiB, whose frames have larger numbers. */
static struct guest_group large_guest = {
	.name = "4-gib",
	.config = { .device = "virtio-balloon-pci,id=balloon0", .memory_mib = 4096, .vcpus = 4 },
	GUEST_TESTS(large_tests),
};
GUEST_GROUP(large_guest)
