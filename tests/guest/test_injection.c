// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own fault injection: allocations fail at random, whoever of aerostat asks for them and
 * in whatever the kernel does on its behalf. Whatever comes of it, nothing is lost, and once the
 * faults are over everything works. kmemleak, of the same kernel, looks for what was forgotten.
 *
 * Faults are limited to calls with aerostat on the stack, by the address of its code.
 */
#include "faults.h"

#include <errno.h>
#include <string.h>

#define LOADS	     20
#define ROUNDS	     4
#define STEP_MS	     500
#define MODULE_BYTES 0x100000ul
#define FAULTS_MOST  1000000u /* counted down by the kernel */

/* Percent of the calls that fail. */
#define SLAB_PERCENT 2
#define PAGE_PERCENT 30

static const char *missing(const struct guest_source *source)
{
	return strcmp(source->series, "debug")
		       ? "this kernel has no fault injection; the debug one has"
		       : NULL;
}

static int set(struct test *t, const char *kind, const char *key, const char *value)
{
	return guest_ask(t->guest, NULL, "write /sys/kernel/debug/%s/%s %s", kind, key, value);
}

/* Modules are loaded within 1 MiB of each other, and no other one allocates with aerostat loaded. */
static int find_code(struct test *t, unsigned long *ret_start)
{
	char *text;
	int r = guest_ask(t->guest, &text, "read /sys/module/aerostat/sections/.text");

	if (r < 0)
		return r;
	*ret_start = strtoul(text, NULL, 16);
	free(text);
	return *ret_start ? 0 : -ENOENT;
}

/* From here on so many percent of the allocations fail, without a word. */
static void begin_faults(struct test *t, const char *kind, unsigned int percent)
{
	unsigned long start = 0;
	char value[32];

	require_ok(t, find_code(t, &start));
	snprintf(value, sizeof(value), "0x%lx", start - MODULE_BYTES);
	require_ok(t, set(t, kind, "require-start", value));
	snprintf(value, sizeof(value), "0x%lx", start + MODULE_BYTES);
	require_ok(t, set(t, kind, "require-end", value));
	require_ok(t, set(t, kind, "verbose", "0"));
	snprintf(value, sizeof(value), "%u", FAULTS_MOST);
	require_ok(t, set(t, kind, "times", value));
	require_ok(t, set(t, kind, "interval", "1"));
	require_ok(t, set(t, kind, "ignore-gfp-wait", "N"));
	snprintf(value, sizeof(value), "%u", percent);
	require_ok(t, set(t, kind, "probability", value));
}

/* A test in which no fault struck shows nothing. */
static void end_injection(struct test *t, const char *kind)
{
	char path[64];
	uint64_t left;

	require_ok(t, set(t, kind, "probability", "0"));
	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/times", kind);
	require_ok(t, guest_read_u64(t->guest, path, &left));
	require(t, left < FAULTS_MOST, "%s: never struck", kind);
	test_note(t, "%s: %" PRIu64 " allocations failed", kind, FAULTS_MOST - left);
}

/* Binding needs memory again and again: many attempts fail, and leave nothing. */
static void bind_at_random(struct test *t)
{
	struct balance before;
	char device[64];

	require_ok(t, guest_balloon_device(t->guest, device, sizeof(device)));
	require_ok(t, unload(t));
	require_ok(t, read_balance(t, &before));
	require_ok(t, load(t, ""));
	begin_faults(t, "failslab", SLAB_PERCENT);
	for (int i = 0; i < LOADS && !t->failed; i++) {
		guest_ask(t->guest, NULL, "write /sys/bus/virtio/drivers/aerostat/unbind %s",
			  device);
		guest_ask(t->guest, NULL, "write /sys/bus/virtio/drivers/aerostat/bind %s", device);
	}
	if (t->failed)
		return;
	end_injection(t, "failslab");
	if (t->failed)
		return;
	check_recovers(t, &before);
}

/* Targets are reached in time, with single pages where there are no large blocks. */
static void inflate_at_random(struct test *t)
{
	struct balance before;

	require_ok(t, unload(t));
	require_ok(t, read_balance(t, &before));
	require_ok(t, load(t, ""));
	begin_faults(t, "fail_page_alloc", PAGE_PERCENT);
	if (t->failed)
		return;
	require_ok(t, set(t, "fail_page_alloc", "ignore-gfp-highmem", "N"));
	require_ok(t, set(t, "fail_page_alloc", "min-order", "0"));
	for (int i = 0; i < ROUNDS; i++) {
		require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
		require_ok(t, guest_ask(t->guest, NULL, "sleep %d", STEP_MS));
		require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	}
	end_injection(t, "fail_page_alloc");
	if (!t->failed)
		check_nothing_lost(t, &before);
	if (!t->failed)
		check_works(t);
}

/* A resume that finds no memory for its queues leaves a device that can be bound anew. */
static void resume_at_random(struct test *t)
{
	struct balance before;
	int r;

	require_ok(t, unload(t));
	require_ok(t, read_balance(t, &before));
	require_ok(t, load(t, ""));
	begin_faults(t, "failslab", SLAB_PERCENT);
	for (int i = 0; i < ROUNDS && !t->failed; i++) {
		guest_set_target_kib(t->guest, HALF_KIB);
		/* There may be no memory to go to sleep with. */
		r = guest_sleep(t->guest, "mem");
		require(t, r == 0 || r == -ENOMEM, "sleep: expected success or -ENOMEM, got %d", r);
	}
	if (t->failed)
		return;
	end_injection(t, "failslab");
	if (t->failed)
		return;
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	check_recovers(t, &before);
}

static const struct guest_test tests[] = {
	{ .name = "bind-at-random", .run = bind_at_random },
	{ .name = "inflate-at-random", .run = inflate_at_random },
	{ .name = "resume-at-random", .run = resume_at_random },
};

static struct guest_group injection = {
	.name = "injection",
	.config = { .machine = SLEEPING_MACHINE,
		    .device = "virtio-balloon-pci,id=balloon0,deflate-on-oom=on,"
			      "free-page-reporting=on" },
	.missing = missing,
	GUEST_TESTS(tests),
};
GUEST_GROUP(injection)
