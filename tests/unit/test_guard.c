// SPDX-License-Identifier: GPL-2.0
/*
 * The guest module's decisions: how far it may go, when it may try again. kmod/guard.c is compiled
 * in as it is.
 */
#include "cmocka_test.h"

#include "../../kmod/guard.c"

#define MIB (1ull << 20)

/* Each stop in a row doubles the wait, up to a minute; nothing is due before. */
static void test_back_off(void **state)
{
	static const uint32_t waits_ms[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
	struct guard guard;
	uint64_t now_ms = 5;

	(void)state;
	guard_init(&guard);
	assert_eq(guard_wait_ms(&guard, now_ms), 0);
	for (size_t i = 0; i < ARRAY_SIZE(waits_ms); i++) {
		guard_stopped(&guard, GUARD_AVAILABLE, now_ms);
		assert_eq(guard_wait_ms(&guard, now_ms), waits_ms[i]);
		assert_eq(guard_wait_ms(&guard, now_ms + waits_ms[i] - 1), 1);
		assert_int_equal(guard_wait_reason(&guard, now_ms + waits_ms[i] - 1),
				 GUARD_AVAILABLE);
		now_ms += waits_ms[i];
		assert_eq(guard_wait_ms(&guard, now_ms), 0);
		assert_int_equal(guard_wait_reason(&guard, now_ms), GUARD_NONE);
	}
}

/* One line in the log for a reason, however often it recurs, until the target is reached. */
static void test_episodes(void **state)
{
	struct guard guard;

	(void)state;
	guard_init(&guard);
	assert_true(guard_stopped(&guard, GUARD_AVAILABLE, 0));
	assert_false(guard_stopped(&guard, GUARD_AVAILABLE, 1000));
	guard_new_target(&guard);
	assert_false(guard_stopped(&guard, GUARD_AVAILABLE, 2000));
	assert_true(guard_stopped(&guard, GUARD_ALLOCATION, 3000));
	guard_at_target(&guard);
	assert_int_equal(guard.stop, GUARD_NONE);
	assert_true(guard_stopped(&guard, GUARD_ALLOCATION, 4000));
}

/* Page cache gives way bit by bit: an attempt that got somewhere is followed by another soon. */
static void test_progress(void **state)
{
	struct guard guard;

	(void)state;
	guard_init(&guard);
	guard_stopped(&guard, GUARD_ALLOCATION, 0);
	guard_stopped(&guard, GUARD_ALLOCATION, 1000);
	guard_moved(&guard, GUARD_PROGRESS_BYTES / 2);
	guard_moved(&guard, GUARD_PROGRESS_BYTES / 2);
	assert_false(guard_stopped(&guard, GUARD_ALLOCATION, 3000));
	assert_eq(guard_wait_ms(&guard, 3000), GUARD_DELAY_RECLAIM_MS);
	/* Too little, counted from the last stop: a failure, and the waits begin anew. */
	guard_moved(&guard, GUARD_PROGRESS_BYTES - 1);
	guard_stopped(&guard, GUARD_ALLOCATION, 3100);
	assert_eq(guard_wait_ms(&guard, 3100), GUARD_DELAY_FIRST_MS);
	/* Only reclaim is worth hurrying for. */
	guard_moved(&guard, GUARD_PROGRESS_BYTES);
	guard_stopped(&guard, GUARD_AVAILABLE, 5000);
	assert_eq(guard_wait_ms(&guard, 5000), 2 * GUARD_DELAY_FIRST_MS);
}

/* What got somewhere was no episode; what then fails is one and has its line. */
static void test_progress_is_no_episode(void **state)
{
	struct guard guard;

	(void)state;
	guard_init(&guard);
	guard_moved(&guard, GUARD_PROGRESS_BYTES);
	assert_false(guard_stopped(&guard, GUARD_ALLOCATION, 0));
	assert_int_equal(guard.stop, GUARD_ALLOCATION);
	assert_true(guard_stopped(&guard, GUARD_ALLOCATION, 100));
}

/* A new target is tried at once, and its waits begin anew. */
static void test_new_target(void **state)
{
	struct guard guard;

	(void)state;
	guard_init(&guard);
	for (int i = 0; i < 5; i++)
		guard_stopped(&guard, GUARD_AVAILABLE, 0);
	assert_eq(guard_wait_ms(&guard, 0), 16000);
	guard_new_target(&guard);
	assert_eq(guard_wait_ms(&guard, 0), 0);
	guard_stopped(&guard, GUARD_AVAILABLE, 0);
	assert_eq(guard_wait_ms(&guard, 0), 1000);
}

/* After an OOM nothing is taken for a while: not for a new target, nor when that was reached. */
static void test_oom_hold(void **state)
{
	struct guard guard;

	(void)state;
	guard_init(&guard);
	guard_oom(&guard, 100);
	assert_int_equal(guard.stop, GUARD_OOM);
	guard_new_target(&guard);
	assert_eq(guard_wait_ms(&guard, 100), GUARD_OOM_HOLD_MS);
	guard_at_target(&guard);
	assert_eq(guard_wait_ms(&guard, 1100), GUARD_OOM_HOLD_MS - 1000);
	assert_int_equal(guard_wait_reason(&guard, 1100), GUARD_OOM);
	/* The longer of two waits counts. */
	guard_stopped(&guard, GUARD_AVAILABLE, 1100);
	assert_eq(guard_wait_ms(&guard, 1100), GUARD_OOM_HOLD_MS - 1000);
	assert_eq(guard_wait_ms(&guard, 100 + GUARD_OOM_HOLD_MS), 0);
	assert_int_equal(guard_wait_reason(&guard, 100 + GUARD_OOM_HOLD_MS), GUARD_NONE);
}

/* Relief doubles while one OOM follows the other, and begins anew after the hold. */
static void test_relief(void **state)
{
	static const uint64_t mib[] = { 16, 32, 64, 128, 256, 256, 256 };
	struct guard guard;
	uint64_t now_ms = 0;

	(void)state;
	guard_init(&guard);
	for (size_t i = 0; i < ARRAY_SIZE(mib); i++, now_ms += GUARD_OOM_HOLD_MS - 1)
		assert_eq(guard_oom(&guard, now_ms), mib[i] * MIB);
	assert_eq(guard_oom(&guard, now_ms + 1), 16 * MIB);
}

static void test_reserve(void **state)
{
	(void)state;
	assert_eq(guard_reserve_bytes(0), 16 * MIB);
	assert_eq(guard_reserve_bytes(64 * MIB), 16 * MIB);
	assert_eq(guard_reserve_bytes(512 * MIB), 16 * MIB);
	assert_eq(guard_reserve_bytes(1024 * MIB), 32 * MIB);
	assert_eq(guard_reserve_bytes(2048 * MIB), 64 * MIB);
	assert_eq(guard_reserve_bytes(1ull << 50), 64 * MIB);
}

static void test_allowance(void **state)
{
	(void)state;
	assert_eq(guard_allowance_bytes(0, 1024 * MIB), 0);
	assert_eq(guard_allowance_bytes(32 * MIB, 1024 * MIB), 0);
	assert_eq(guard_allowance_bytes(32 * MIB + 1, 1024 * MIB), 1);
	assert_eq(guard_allowance_bytes(900 * MIB, 1024 * MIB), 868 * MIB);
}

/* Every reason has a name of its own; a value that is none does not crash. */
static void test_names(void **state)
{
	(void)state;
	for (int a = GUARD_NONE; a <= GUARD_DEVICE; a++)
		for (int b = a + 1; b <= GUARD_DEVICE + 1; b++)
			assert_string_not_equal(guard_stop_name((enum guard_stop)a),
						guard_stop_name((enum guard_stop)b));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_back_off),   cmocka_unit_test(test_episodes),
		cmocka_unit_test(test_progress),   cmocka_unit_test(test_progress_is_no_episode),
		cmocka_unit_test(test_new_target), cmocka_unit_test(test_oom_hold),
		cmocka_unit_test(test_relief),	   cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_allowance),  cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
