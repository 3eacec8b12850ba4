// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that is plugged into a running guest: its floor follows, a balloon that waits for nothing
 * but memory goes on at once, and targets and pages are those of all the memory there is.
 */
#include "checks.h"
#include "harness/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define OLD_MIB	  256u
#define MORE_MIB  512u
#define ALL_KIB	  ((OLD_MIB + MORE_MIB) * KIB_PER_MIB)
#define TAKE_KIB  (400u * KIB_PER_MIB)
#define FRESH_MIB 300u
#define FLOOR_MIB 200u
#define AT_FLOOR  "the guest is down to its floor"
#define POLL_US	  50000

/* Of the wait that the new memory ends so much must be left, more than it takes to notice. */
#define LEFT_LEAST_MS 3000u

/* The floor of a guest of so much; see guard.c. */
#define FLOOR_KIB(mib) (((mib) < 512 ? 40 + (mib) / 4 : 104 + (mib) / 8) * (uint64_t)KIB_PER_MIB)

static uint64_t extra_mib(const struct test *t)
{
	return t->guest->source->extra_mib;
}

static int set_floor(struct test *t, uint64_t mib)
{
	return guest_ask(t->guest, NULL, "write /sys/module/aerostat/parameters/floor_mib %" PRIu64,
			 mib);
}

/* A module of memory; the guest's kernel hears of it by ACPI, and is told to use it. */
static void plug(struct test *t)
{
	require_ok(t, guest_ask(t->guest, NULL,
				"write /sys/devices/system/memory/auto_online_blocks online"));
	require_ok(t, qmp_command(t->guest->qmp, QMP_TIMEOUT_MS, NULL, "object-add",
				  "{s:s, s:s, s:I}", "qom-type", "memory-backend-ram", "id", "more",
				  "size", (json_int_t)MORE_MIB << 20));
	require_ok(t,
		   qmp_command(t->guest->qmp, QMP_TIMEOUT_MS, NULL, "device_add", "{s:s, s:s, s:s}",
			       "driver", "pc-dimm", "id", "dimm0", "memdev", "more"));
	/* What the device calls the guest's size from now on. */
	t->guest->memory_mib = OLD_MIB + MORE_MIB;
}

/* Stopped at the floor. ret_ms: when the next attempt is due, which is not soon. */
static void wait_long_pause(struct test *t, uint64_t *ret_ms)
{
	uint64_t deadline_ms = clock_ms() + REACH_TIMEOUT_MS, retry_ms = 0;

	while (retry_ms < LEFT_LEAST_MS) {
		require_ok(t, guest_state_number(t->guest, "retry_ms", &retry_ms));
		require(t, clock_ms() < deadline_ms,
			"the wait before the next attempt: expected %u ms or more, got %" PRIu64,
			LEFT_LEAST_MS, retry_ms);
		usleep(POLL_US);
	}
	*ret_ms = clock_ms() + retry_ms;
}

static void grows(struct test *t)
{
	uint64_t total_kib, floor_kib, next_ms = 0, stopped_kib, now_kib, deadline_ms;
	char *text;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, guest_state_number(t->guest, "floor_kib", &floor_kib));
	require_near(t, floor_kib, FLOOR_KIB(OLD_MIB + extra_mib(t)), 4 * KIB_PER_MIB,
		     "floor before, KiB");

	require_ok(t, set_floor(t, FLOOR_MIB + extra_mib(t)));
	require_ok(t, guest_set_target_kib(t->guest, 128 * KIB_PER_MIB));
	check_state(t, "stop", AT_FLOOR);
	if (!t->failed)
		wait_long_pause(t, &next_ms);
	if (t->failed)
		return;
	require_ok(t, guest_actual_kib(t->guest, &stopped_kib));
	require_near(t, stopped_kib, FLOOR_MIB * KIB_PER_MIB, 2 * KIB_PER_MIB, "actual, KiB");

	plug(t);
	if (t->failed)
		return;
	do
		require_ok(t, guest_actual_kib(t->guest, &now_kib));
	while (now_kib == stopped_kib + MORE_MIB * KIB_PER_MIB && clock_ms() < next_ms);
	require(t, clock_ms() < next_ms,
		"the new memory: expected to end the wait, which was over by itself");
	/* The old target, of 128 MiB less than there is. */
	require_ok(t, guest_wait_actual(t->guest, ALL_KIB - 128 * KIB_PER_MIB, NULL));
	check_state(t, "stop", "none");
	if (t->failed)
		return;

	require_ok(t, set_floor(t, 0));
	/* The memory comes a section at a time. */
	deadline_ms = clock_ms() + REACH_TIMEOUT_MS;
	do {
		require_ok(t, guest_state_number(t->guest, "floor_kib", &floor_kib));
		usleep(POLL_US);
	} while (floor_kib + 4 * KIB_PER_MIB < FLOOR_KIB(OLD_MIB + MORE_MIB + extra_mib(t)) &&
		 clock_ms() < deadline_ms);
	require_near(t, floor_kib, FLOOR_KIB(OLD_MIB + MORE_MIB + extra_mib(t)), 4 * KIB_PER_MIB,
		     "floor after, KiB");
	/* More than there was at first. */
	require_ok(t, guest_balloon_to(t->guest, ALL_KIB - TAKE_KIB));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib + MORE_MIB * KIB_PER_MIB - TAKE_KIB,
		      "MemTotal, KiB, inflated");
	require_ok(t, guest_balloon_to(t->guest, ALL_KIB));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib + MORE_MIB * KIB_PER_MIB, "MemTotal, KiB, deflated");
	require_ok(t, guest_ask(t->guest, NULL, "hog fresh %u", FRESH_MIB));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait fresh"));
	require_ok(t, guest_ask(t->guest, &text, "hog-check fresh"));
	require(t, strstr(text, " bad_pages=0 "), "memory after the balloon: %s", text);
	free(text);
}

static const struct guest_test tests[] = {
	{ .name = "grows", .run = grows, .alone = true },
};

/* Room for it, and for one module. */
static const char *const room[] = { "-m", "slots=1,maxmem=2g", NULL };

static struct guest_group memory_hotplug = {
	.name = "memory-hotplug",
	.config = { .device = "virtio-balloon-pci,id=balloon0", .options = room },
	GUEST_TESTS(tests),
};
GUEST_GROUP(memory_hotplug)
