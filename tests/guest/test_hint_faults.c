// SPDX-License-Identifier: GPL-2.0
/*
 * Hints that cannot be given: no memory for them, a queue that refuses them, a device that never says
 * that it has read them. The migration goes on without, nothing waits, and no page is missing.
 */
#include "faults.h"
#include "migration.h"

#include <errno.h>

/* Buffers that may be on their way. */
#define IN_FLIGHT_MOST 8u
#define FN_GET_USED    "virtqueue_get_buf"
#define FN_KICK	       "virtqueue_kick"

/* A migration with this fault, to its end; aerostat has been loaded before, with nothing hinted. */
static void migrate_with(struct test *t, const char *symbol, long retval, unsigned int skip)
{
	uint64_t free_kib, hinted;

	use_memory(t);
	if (t->failed)
		return;
	require_ok(t, guest_free_kib(t->guest, &free_kib));
	hinted = state_number(t, "hinted_pages_total");
	require_ok(t, inject(t, symbol, retval, skip, ~0u));
	require_ok(t, start_migration(t->guest, NOWHERE, FAST_BYTES_S));
	wait_migration(t, "completed", NULL);
	if (t->failed)
		return;
	require_ok(t, qmp_command(t->guest->qmp, QMP_TIMEOUT_MS, NULL, "cont", NULL));
	end_fault(t, symbol);
	if (t->failed)
		return;
	require_equal(t, state_number(t, "hinted_pages_total"), hinted, "pages hinted");
	check_released(t, free_kib);
	if (!t->failed)
		check_hog_kept(t, "keeper");
	if (!t->failed)
		check_works(t);
}

static void no_memory(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	migrate_with(t, FN_ALLOC_PAGES, 0, 0);
}

/* The number of the request is taken, the blocks are not. */
static void queue_refuses(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	migrate_with(t, "virtqueue_add_inbuf", -ENOMEM, 0);
}

/*
 * The device says of nothing that it has read it. (Keeping notifications from it would not do: once it
 * has a request it looks for itself.)
 */
static void device_is_silent(struct test *t)
{
	struct balance before;

	if (!reload_with_fault_ready(t, &before))
		return;
	use_memory(t);
	if (t->failed)
		return;
	require_ok(t, inject(t, FN_GET_USED, 0, 0, ~0u));
	require_ok(t, start_migration(t->guest, NOWHERE, SLOW_BYTES_S));
	require_ok(t, guest_ask(t->guest, NULL, "hog eager %u", USED_MIB));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait eager"));
	/* None of what the device has not acknowledged comes back, not to a program that wants it. */
	require_equal(t, state_number(t, "hinting_in_flight"), IN_FLIGHT_MOST,
		      "buffers in flight, memory short");
	require_equal(t, state_number(t, "hinted_pages"), 0, "pages acknowledged");
	check_hog_kept(t, "eager");
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "reset"));
	require_ok(t, unload(t));
	end_fault(t, FN_GET_USED);
	if (t->failed)
		return;
	check_balance(t, &before);
	if (t->failed)
		return;
	cancel_migration(t);
	require_ok(t, load(t, ""));
	check_works(t);
}

/* What a device is given after it has failed it would keep: it gets no hints and no statistics. */
static void failed_device_gets_nothing(struct test *t)
{
	struct balance before;
	uint64_t sent;

	if (!reload_with_fault_ready(t, &before))
		return;
	require_ok(t, guest_set_stats_interval(t->guest, 1));
	require_ok(t, silence(t, 0));
	require_ok(t, guest_set_target_kib(t->guest, HALF_KIB));
	check_state(t, "state", "failed");
	end_fault(t, FN_KICK);
	if (t->failed)
		return;
	sent = state_number(t, "stats_sent");
	require_ok(t, start_migration(t->guest, NOWHERE, SLOW_BYTES_S));
	require_ok(t, guest_ask(t->guest, NULL, "sleep 2500"));
	require_equal(t, state_number(t, "hinted_pages_total"), 0, "pages hinted");
	require_equal(t, state_number(t, "hinting_in_flight"), 0, "hints in flight");
	require_equal(t, state_number(t, "stats_sent"), sent, "statistics sent, as before");
	cancel_migration(t);
	if (t->failed)
		return;
	require_ok(t, guest_set_stats_interval(t->guest, 0));
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	check_recovers(t, &before);
}

static const struct guest_test tests[] = {
	{ .name = "no-memory", .run = no_memory },
	{ .name = "queue-refuses", .run = queue_refuses },
	{ .name = "device-is-silent", .run = device_is_silent },
	{ .name = "failed-device-gets-nothing", .run = failed_device_gets_nothing },
};

static struct guest_group hint_faults = {
	.name = "hint-faults",
	.config = { .device = HINTED_DEVICE, .append = "init_on_alloc=0", .options = hint_thread },
	GUEST_TESTS(tests),
};
GUEST_GROUP(hint_faults)
