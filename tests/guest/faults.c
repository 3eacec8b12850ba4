// SPDX-License-Identifier: GPL-2.0
/*
 * See faults.h.
 */
#include "faults.h"
#include "harness/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * What the kernel takes for itself meanwhile, in slabs: up to 12 MiB was seen, after a suspend on
 * 6.12. A block that got lost shows in the kernel's balloon counters, too.
 */
#define FREE_SLACK_KIB (16u * KIB_PER_MIB)
#define POLL_US	       50000

#define SHORT_TIMEOUT_MS 1000

/* --- faults --- */

bool have_injector(struct test *t)
{
	char *text = NULL;
	bool there = guest_ask(t->guest, &text, "run /bin/busybox test -e /lib/modules/fault.ko") ==
			     0 &&
		     strstr(text, "status=0");

	free(text);
	if (there)
		return true;
	test_skip(t, "the image has no fault.ko");
	return false;
}

int inject(struct test *t, const char *symbol, long retval, unsigned int skip, unsigned int times)
{
	return guest_ask(t->guest, NULL, "insmod fault symbol=%s retval=%ld skip=%u times=%u",
			 symbol, retval, skip, times);
}

int silence(struct test *t, unsigned int skip)
{
	int r = guest_ask(t->guest, NULL, "write /sys/module/aerostat/parameters/ack_timeout_ms %u",
			  SHORT_TIMEOUT_MS);

	return r < 0 ? r : inject(t, "virtqueue_kick", 1, skip, ~0u);
}

int slow(struct test *t, unsigned int every_ms)
{
	int r = inject(t, "virtqueue_kick", 1, 0, ~0u);

	return r < 0 ? r : guest_ask(t->guest, NULL, "insmod lie slow_ms=%u", every_ms);
}

/* In this order: what was sent without a notification is notified of by the end of the other. */
void end_slow(struct test *t)
{
	end_fault(t, "virtqueue_kick");
	if (!t->failed)
		end_lie(t);
}

uint64_t fault_hits(struct test *t)
{
	uint64_t hits = 0;

	if (guest_read_u64(t->guest, "/sys/module/fault/parameters/hits", &hits) < 0)
		test_fail(t, __FILE__, __LINE__, "the injector is not loaded");
	return hits;
}

void end_fault(struct test *t, const char *symbol)
{
	uint64_t hits = fault_hits(t);

	require_ok(t, guest_ask(t->guest, NULL, "rmmod fault"));
	require(t, hits > 0, "%s: never called by aerostat", symbol);
}

int load(struct test *t, const char *params)
{
	return guest_ask(t->guest, NULL, "insmod aerostat %s", params);
}

int unload(struct test *t)
{
	return guest_ask(t->guest, NULL, "rmmod aerostat");
}

uint64_t state_number(struct test *t, const char *key)
{
	uint64_t number = 0;

	if (guest_state_number(t->guest, key, &number) < 0)
		test_fail(t, __FILE__, __LINE__, "the module's state has no %s", key);
	return number;
}

/* --- lies --- */

int lie(struct test *t, const char *params)
{
	return guest_ask(t->guest, NULL, "insmod lie %s", params);
}

uint64_t lies_told(struct test *t)
{
	uint64_t told = 0;

	if (guest_read_u64(t->guest, "/sys/module/lie/parameters/told", &told) < 0)
		test_fail(t, __FILE__, __LINE__, "lie.ko is not loaded");
	return told;
}

void end_lie(struct test *t)
{
	uint64_t told = lies_told(t);

	require_ok(t, guest_ask(t->guest, NULL, "rmmod lie"));
	require(t, told > 0, "the lie: never told");
}

/* --- no page is missing --- */

int read_balance(struct test *t, struct balance *ret_balance)
{
	struct balance balance;
	uint64_t in, out;
	int r;

	/* Slabs that are worth nothing any more. */
	r = guest_ask(t->guest, NULL, "write /proc/sys/vm/drop_caches 2");
	if (r == 0)
		r = guest_free_kib(t->guest, &balance.free_kib);
	if (r == 0)
		r = guest_vmstat(t->guest, "balloon_inflate", &in);
	if (r == 0)
		r = guest_vmstat(t->guest, "balloon_deflate", &out);
	if (r < 0)
		return r;
	balance.held_pages = in - out;
	*ret_balance = balance;
	return 0;
}

void check_balance(struct test *t, const struct balance *before)
{
	uint64_t deadline_ms = clock_ms() + REACH_TIMEOUT_MS;
	struct balance now;

	/* The kernel frees some things in its own time. */
	for (;;) {
		require_ok(t, read_balance(t, &now));
		if (now.free_kib + FREE_SLACK_KIB >= before->free_kib || clock_ms() > deadline_ms)
			break;
		usleep(POLL_US);
	}
	require_equal(t, now.held_pages, 0, "pages that went in and not out");
	require(t, now.free_kib + FREE_SLACK_KIB >= before->free_kib,
		"free memory: expected about %" PRIu64 " KiB as before, got %" PRIu64,
		before->free_kib, now.free_kib);
}

void check_works(struct test *t)
{
	require(t, guest_balloon_bound(t->guest), "the device: expected aerostat to have it");
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
}

static void reload(struct test *t, const struct balance *before)
{
	require_ok(t, unload(t));
	check_balance(t, before);
	if (t->failed)
		return;
	require_ok(t, load(t, ""));
}

void check_nothing_lost(struct test *t, const struct balance *before)
{
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	reload(t, before);
}

void check_recovers(struct test *t, const struct balance *before)
{
	reload(t, before);
	if (!t->failed)
		check_works(t);
}

/* Those there are. */
static void end_faults(struct test *t)
{
	guest_ask(t->guest, NULL, "rmmod fault");
	guest_ask(t->guest, NULL, "rmmod lie");
}

/* Buffers of the balloon. */
static uint64_t buffers_sent(struct test *t)
{
	return state_number(t, "inflate_buffers") + state_number(t, "deflate_buffers") +
	       state_number(t, "range_chains");
}

void check_failed_and_recovers(struct test *t, const char *message, const struct balance *before)
{
	uint64_t sent;

	check_state(t, "state", "failed");
	if (t->failed)
		return;
	require_ok(t, console_wait(&t->guest->console, REACH_TIMEOUT_MS, message, NULL));
	require(t, state_number(t, "limbo_pages") > 0, "pages in transit: expected some");
	sent = buffers_sent(t);
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB + 4 * KIB_PER_MIB));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	require_ok(t, guest_ask(t->guest, NULL, "ping"));
	require_equal(t, buffers_sent(t), sent, "buffers sent, as before the last targets");
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	require_ok(t, unload(t));
	require_ok(t, guest_wait_actual(t->guest, FULL_KIB, NULL));
	check_balance(t, before);
	if (t->failed)
		return;
	end_faults(t);
	require_ok(t, load(t, ""));
	check_works(t);
}

bool reload_with_fault_ready(struct test *t, struct balance *ret_before)
{
	if (!have_injector(t))
		return false;
	if (unload(t) < 0 || read_balance(t, ret_before) < 0 || load(t, "") < 0) {
		test_fail(t, __FILE__, __LINE__, "aerostat: could not be loaded again");
		return false;
	}
	return true;
}

bool reload_without_reports(struct test *t, struct balance *ret_before)
{
	static const char symbol[] = "page_reporting_register";

	if (!have_injector(t))
		return false;
	if (unload(t) < 0 || read_balance(t, ret_before) < 0 ||
	    inject(t, symbol, -EBUSY, 0, ~0u) < 0 || load(t, "") < 0) {
		test_fail(t, __FILE__, __LINE__, "aerostat: could not be loaded again");
		return false;
	}
	end_fault(t, symbol);
	if (!t->failed)
		check_state(t, "path", "range");
	return !t->failed;
}
