// SPDX-License-Identifier: GPL-2.0
/*
 * Random targets, one after the other, while the guest's memory is in use and its use changes. Each
 * is reached, or refused with a reason; some are replaced before either. In the end the guest has
 * all its memory back, and nothing that was written in it is lost.
 *
 * The numbers come from a seed, which is shown: --seed and --stress repeat a run.
 */
#include "checks.h"
#include "harness/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A guest that has run for long has its slabs and caches elsewhere than a fresh one. */
#define SLACK_KIB	  (8u * KIB_PER_MIB)
#define POLL_US		  10000
#define HOGS		  3
#define HOG_MOST_MIB	  48
#define SETTLE_TIMEOUT_MS 60000u
#define LOAD_EVERY	  8 /* targets, on average, before the load changes */
#define HURRY_EVERY	  4 /* targets, on average, of which one is not waited for */
#define FAR_EVERY	  5 /* targets, on average, of which one is anywhere */
#define NEAR_STEP_PAGES	  4096u /* the others are this near to the last one */

struct stress {
	struct test *t;
	uint32_t random;
	uint32_t full_pages;
	uint32_t target_pages; /* of memory that is left to the guest */
	bool hog[HOGS];
	unsigned int reached, refused, replaced;
};

/* A linear congruence; its upper bits are random enough. */
static uint32_t below(struct stress *stress, uint32_t end)
{
	stress->random = stress->random * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(stress->random >> 8) * end >> 24);
}

static void next_target(struct stress *stress)
{
	uint32_t from = 1, to = stress->full_pages;

	if (below(stress, FAR_EVERY)) {
		from = stress->target_pages > NEAR_STEP_PAGES
			       ? stress->target_pages - NEAR_STEP_PAGES
			       : 1;
		if (to > stress->target_pages + NEAR_STEP_PAGES)
			to = stress->target_pages + NEAR_STEP_PAGES;
	}
	stress->target_pages = from + below(stress, to - from + 1);
}

/*
 * One hog comes or goes. It takes a quarter of what is available at most: the balloon is not asked
 * to give way here, so the guest must have it.
 */
static int change_load(struct stress *stress)
{
	struct guest *guest = stress->t->guest;
	uint32_t which = below(stress, HOGS);
	uint64_t available_kib;
	uint32_t mib;
	int r;

	if (stress->hog[which]) {
		stress->hog[which] = false;
		return guest_ask(guest, NULL, "hog-free h%u", which);
	}
	r = guest_meminfo_kib(guest, "MemAvailable", &available_kib);
	if (r < 0)
		return r;
	mib = (uint32_t)(available_kib / 4 / KIB_PER_MIB);
	mib = 1 + below(stress, mib < HOG_MOST_MIB ? mib : HOG_MOST_MIB);
	r = guest_ask(guest, NULL, "hog h%u %u", which, mib);
	if (r == 0)
		r = guest_ask(guest, NULL, "hog-wait h%u", which);
	stress->hog[which] = r == 0;
	return r;
}

/* 0 when the target has been reached, 1 when it has been refused with a reason. */
static int wait_settled(struct stress *stress)
{
	uint64_t deadline_ms = clock_ms() + SETTLE_TIMEOUT_MS, actual_kib, retry_ms;
	struct guest *guest = stress->t->guest;
	char *stop;
	int r;

	do {
		r = guest_actual_kib(guest, &actual_kib);
		if (r < 0 || actual_kib == (uint64_t)stress->target_pages * PAGE_KIB)
			return r;
		r = guest_state_number(guest, "retry_ms", &retry_ms);
		if (r == 0)
			r = guest_state(guest, "stop", &stop);
		if (r < 0)
			return r;
		r = retry_ms && strcmp(stop, "none") != 0;
		free(stop);
		if (r)
			return 1;
		usleep(POLL_US);
	} while (clock_ms() < deadline_ms);
	return -ETIMEDOUT;
}

static int one_target(struct stress *stress)
{
	int r = 0;

	if (!below(stress, LOAD_EVERY))
		r = change_load(stress);
	if (r < 0)
		return r;
	next_target(stress);
	r = guest_set_target_kib(stress->t->guest, (uint64_t)stress->target_pages * PAGE_KIB);
	if (r < 0)
		return r;
	if (!below(stress, HURRY_EVERY)) {
		stress->replaced++;
		/* The load must not change under way: what is available then is not known. */
		return 0;
	}
	r = wait_settled(stress);
	if (r == 0)
		stress->reached++;
	else if (r == 1)
		stress->refused++;
	return r < 0 ? r : 0;
}

static void check_hogs(struct stress *stress)
{
	struct test *t = stress->t;
	char *text;

	for (unsigned int i = 0; i < HOGS; i++) {
		if (!stress->hog[i])
			continue;
		require_ok(t, guest_ask(t->guest, &text, "hog-check h%u", i));
		require(t, strstr(text, " bad_pages=0 "), "memory beside the balloon: %s", text);
		free(text);
	}
}

static void random_targets(struct test *t)
{
	struct stress stress = {
		.t = t,
		.random = t->guest->source->stress_seed,
		.full_pages = t->guest->memory_mib * (KIB_PER_MIB / PAGE_KIB),
		.target_pages = t->guest->memory_mib * (KIB_PER_MIB / PAGE_KIB),
	};
	uint64_t total_kib, free_kib, now_kib, held_pages;
	unsigned int i;
	int r;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, guest_free_kib(t->guest, &free_kib));
	for (i = 0; i < t->guest->source->stress_targets; i++) {
		r = one_target(&stress);
		test_note(t, "seed %u: %u targets reached, %u refused, %u replaced",
			  t->guest->source->stress_seed, stress.reached, stress.refused,
			  stress.replaced);
		require(t, r == 0, "target %u, %u pages: %s", i, stress.target_pages, strerror(-r));
	}
	/* Of 60 targets 35 were reached and 7 refused; a driver that refuses all is no use. */
	require(t, stress.reached >= stress.refused, "targets reached: expected most");
	check_hogs(&stress);
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "reset"));
	require_ok(t, guest_balloon_to(t->guest, (uint64_t)stress.full_pages * PAGE_KIB));
	require_ok(t, guest_state_number(t->guest, "held_pages", &held_pages));
	require_equal(t, held_pages, 0, "pages held in the end");
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib, "MemTotal, KiB, in the end");
	require_ok(t, guest_free_kib(t->guest, &now_kib));
	require_near(t, now_kib, free_kib, SLACK_KIB, "free memory, KiB, in the end");
}

static const struct guest_test tests[] = {
	{ .name = "random-targets", .run = random_targets },
};

static struct guest_group stress_pfn = {
	.name = "stress",
	.config = { .device = "virtio-balloon-pci,id=balloon0" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(stress_pfn)

/* By ranges, with four processors, and with free page reporting on the same queue. */
static struct guest_group stress_range = {
	.name = "stress-range",
	.config = { .device = "virtio-balloon-pci,id=balloon0,free-page-reporting=on", .vcpus = 4 },
	GUEST_TESTS(tests),
};
GUEST_GROUP(stress_range)
