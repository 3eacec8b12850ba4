// SPDX-License-Identifier: GPL-2.0
/*
 * The guest module's decisions: how far it may go, when it may try again. kmod/guard.c is compiled
 * in as it is.
 */
#include "cmocka_test.h"

#include "../../kmod/guard.c"

/* A guest in which nothing but what a test says is in the way. */
static const struct guard_memory roomy = {
	.total_bytes = 1024 * MIB,
	.available_bytes = 900 * MIB,
};

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
		guard_stopped(&guard, GUARD_AVAILABLE, 0, now_ms);
		assert_eq(guard_wait_ms(&guard, now_ms), waits_ms[i]);
		assert_eq(guard_wait_ms(&guard, now_ms + waits_ms[i] - 1), 1);
		assert_int_equal(guard_wait_reason(&guard, now_ms + waits_ms[i] - 1),
				 GUARD_AVAILABLE);
		now_ms += waits_ms[i];
		assert_eq(guard_wait_ms(&guard, now_ms), 0);
		assert_int_equal(guard_wait_reason(&guard, now_ms), GUARD_NONE);
	}
}

/* A step that moved something worth the name makes the next wait a short one; a crumb does not. */
static void test_moved(void **state)
{
	struct guard guard;

	(void)state;
	guard_init(&guard);
	for (int i = 0; i < 4; i++)
		guard_stopped(&guard, GUARD_ALLOCATION, 0, 0);
	guard_moved(&guard, GUARD_PROGRESS_BYTES - 1);
	guard_stopped(&guard, GUARD_ALLOCATION, 0, 0);
	assert_eq(guard_wait_ms(&guard, 0), 16000);
	guard_moved(&guard, GUARD_PROGRESS_BYTES);
	assert_eq(guard_wait_ms(&guard, 0), 16000);
	guard_stopped(&guard, GUARD_ALLOCATION, 0, 0);
	assert_eq(guard_wait_ms(&guard, 0), 1000);
}

/* One line in the log for a reason, however often it recurs, until the target is reached. */
static void test_episodes(void **state)
{
	struct guard guard;

	(void)state;
	guard_init(&guard);
	assert_true(guard_stopped(&guard, GUARD_AVAILABLE, 0, 0));
	assert_false(guard_stopped(&guard, GUARD_AVAILABLE, 0, 1000));
	guard_new_target(&guard);
	assert_false(guard_stopped(&guard, GUARD_AVAILABLE, 0, 2000));
	assert_true(guard_stopped(&guard, GUARD_ALLOCATION, 0, 3000));
	/* Two that take turns say no more than that. */
	assert_false(guard_stopped(&guard, GUARD_AVAILABLE, 0, 3100));
	guard_oom(&guard, &roomy, 3200);
	assert_false(guard_stopped(&guard, GUARD_ALLOCATION, 0, 3300));
	guard_at_target(&guard);
	assert_int_equal(guard.stop, GUARD_NONE);
	assert_true(guard_stopped(&guard, GUARD_ALLOCATION, 0, 4000));
}

/* A new target is tried at once, and its waits begin anew. */
static void test_new_target(void **state)
{
	struct guard guard;

	(void)state;
	guard_init(&guard);
	for (int i = 0; i < 5; i++)
		guard_stopped(&guard, GUARD_AVAILABLE, 0, 0);
	assert_eq(guard_wait_ms(&guard, 0), 16000);
	guard_new_target(&guard);
	assert_eq(guard_wait_ms(&guard, 0), 0);
	guard_stopped(&guard, GUARD_AVAILABLE, 0, 0);
	assert_eq(guard_wait_ms(&guard, 0), 1000);
}

/* After an OOM nothing is taken for a while: not for a new target, nor when that was reached. */
static void test_oom_hold(void **state)
{
	struct guard guard;

	(void)state;
	guard_init(&guard);
	guard_oom(&guard, &roomy, 100);
	assert_int_equal(guard.stop, GUARD_OOM);
	guard_new_target(&guard);
	assert_eq(guard_wait_ms(&guard, 100), GUARD_OOM_HOLD_MS);
	guard_at_target(&guard);
	assert_eq(guard_wait_ms(&guard, 1100), GUARD_OOM_HOLD_MS - 1000);
	assert_int_equal(guard_wait_reason(&guard, 1100), GUARD_OOM);
	/* The longer of two waits counts. */
	guard_stopped(&guard, GUARD_AVAILABLE, 0, 1100);
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
		assert_eq(guard_oom(&guard, &roomy, now_ms), mib[i] * MIB);
	assert_eq(guard_oom(&guard, &roomy, now_ms + 1), 16 * MIB);
}

/* A guest that lacks more than that gets what it lacks. */
static void test_relief_by_need(void **state)
{
	struct guard_memory memory = { .total_bytes = 2048 * MIB, .available_bytes = 4 * MIB };
	struct guard guard;

	(void)state;
	guard_init(&guard);
	assert_eq(guard_oom(&guard, &memory, 0), 60 * MIB);
	memory.available_bytes = 40 * MIB;
	assert_eq(guard_oom(&guard, &memory, 1), 32 * MIB);
	memory.available_bytes = 64 * MIB;
	assert_eq(guard_oom(&guard, &memory, 2), 64 * MIB);
}

/* What was given back is left to the guest, and forgotten by halves; OOMs add up. */
static void test_remembered(void **state)
{
	enum guard_stop limit;
	struct guard guard;

	(void)state;
	guard_init(&guard);
	assert_eq(guard_remembered_bytes(&guard, 0), 0);
	guard_oom(&guard, &roomy, 0);
	guard_oom_relieved(&guard, 64 * MIB);
	guard_oom(&guard, &roomy, 1000);
	guard_oom_relieved(&guard, 36 * MIB);
	assert_eq(guard_remembered_bytes(&guard, 1000 + GUARD_OOM_HOLD_MS), 100 * MIB);
	assert_eq(guard_allowance_bytes(&guard, &roomy, 1000 + GUARD_OOM_HOLD_MS, &limit),
		  (900 - 32 - 100) * MIB);
	assert_int_equal(limit, GUARD_AVAILABLE);
	assert_eq(
		guard_remembered_bytes(&guard, 1000 + GUARD_OOM_HOLD_MS + GUARD_OOM_MEMORY_MS - 1),
		100 * MIB);
	assert_eq(guard_remembered_bytes(&guard, 1000 + GUARD_OOM_HOLD_MS + GUARD_OOM_MEMORY_MS),
		  50 * MIB);
	assert_eq(guard_remembered_bytes(&guard,
					 1000 + GUARD_OOM_HOLD_MS + 63ull * GUARD_OOM_MEMORY_MS),
		  0);
	assert_eq(guard_remembered_bytes(&guard, 1ull << 60), 0);
}

/* Memory that becomes available ends a wait for it, and no other wait. */
static void test_look(void **state)
{
	struct guard guard;

	(void)state;
	guard_init(&guard);
	assert_false(guard_look(&guard, 1024 * MIB));
	guard_stopped(&guard, GUARD_AVAILABLE, 10 * MIB, 0);
	assert_false(guard_look(&guard, 10 * MIB + GUARD_RISE_BYTES - 1));
	assert_eq(guard_wait_ms(&guard, 0), 1000);
	assert_true(guard_look(&guard, 10 * MIB + GUARD_RISE_BYTES));
	assert_eq(guard_wait_ms(&guard, 0), 0);
	guard_stopped(&guard, GUARD_ALLOCATION, 0, 0);
	assert_eq(guard_wait_ms(&guard, 0), 1000);
	assert_true(guard_look(&guard, GUARD_RISE_BYTES));
	guard_stopped(&guard, GUARD_FLOOR, 0, 0);
	assert_false(guard_look(&guard, 1024 * MIB));
	/* More memory ends that one, but never the hold after an OOM. */
	guard_memory_changed(&guard);
	assert_eq(guard_wait_ms(&guard, 0), 0);
	guard_oom(&guard, &roomy, 0);
	assert_false(guard_look(&guard, 1024 * MIB));
	guard_memory_changed(&guard);
	assert_eq(guard_wait_ms(&guard, 0), GUARD_OOM_HOLD_MS);
}

/* A long wait is cut into looks where looking may end it. */
static void test_pause(void **state)
{
	struct guard guard;

	(void)state;
	guard_init(&guard);
	assert_eq(guard_pause_ms(&guard, 0), 0);
	for (int i = 0; i < 3; i++)
		guard_stopped(&guard, GUARD_AVAILABLE, 0, 0);
	assert_eq(guard_wait_ms(&guard, 0), 4000);
	assert_eq(guard_pause_ms(&guard, 0), GUARD_LOOK_MS);
	assert_eq(guard_pause_ms(&guard, 3500), 500);
	guard_stopped(&guard, GUARD_FLOOR, 0, 0);
	assert_eq(guard_pause_ms(&guard, 0), 8000);
	guard_oom(&guard, &roomy, 0);
	assert_eq(guard_pause_ms(&guard, 0), GUARD_OOM_HOLD_MS);
}

/* A deflation that could not proceed is tried again within a second, however long inflation waits. */
static void test_deflate_pause(void **state)
{
	struct guard guard;
	int i;

	(void)state;
	guard_init(&guard);
	assert_eq(guard_deflate_pause_ms(&guard, 0), GUARD_DEFLATE_MS);
	for (i = 0; i < 8; i++)
		guard_stopped(&guard, GUARD_QUEUE, 0, 0);
	assert_eq(guard_wait_ms(&guard, 0), GUARD_DELAY_LAST_MS);
	assert_eq(guard_deflate_pause_ms(&guard, 0), GUARD_DEFLATE_MS);
	assert_eq(guard_deflate_pause_ms(&guard, GUARD_DELAY_LAST_MS - 300), 300);
}

static void test_floor(void **state)
{
	static const struct {
		uint64_t total_mib, floor_mib;
	} sizes[] = {
		{ 0, 8 },      { 64, 40 },	{ 128, 72 },	 { 256, 104 },
		{ 512, 168 },  { 1024, 232 },	{ 2048, 360 },	 { 4096, 488 },
		{ 8192, 744 }, { 16384, 1000 }, { 32768, 1512 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		assert_eq(guard_floor_bytes(sizes[i].total_mib * MIB), sizes[i].floor_mib * MIB);
	/* No step at the joints. */
	for (uint64_t mib = 1; mib <= 32768; mib *= 2)
		assert_true(guard_floor_bytes(mib * MIB) - guard_floor_bytes(mib * MIB - 1) <= 1);
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

/* The nearer of two limits counts, and is named. */
static void test_allowance(void **state)
{
	static const struct {
		uint64_t total_mib, balloon_mib, available_mib, floor_mib, allowance_mib;
		enum guard_stop limit;
	} cases[] = {
		{ 1024, 0, 900, 0, 868, GUARD_AVAILABLE },
		{ 1024, 0, 32, 0, 0, GUARD_AVAILABLE },
		{ 1024, 0, 0, 0, 0, GUARD_AVAILABLE },
		{ 1024, 100, 700, 232, 668, GUARD_AVAILABLE },
		{ 1024, 100, 900, 232, 692, GUARD_FLOOR },
		{ 1024, 792, 200, 232, 0, GUARD_FLOOR },
		{ 1024, 900, 100, 232, 0, GUARD_FLOOR },
		{ 1024, 2000, 100, 232, 0, GUARD_FLOOR },
		{ 64, 0, 60, 128, 0, GUARD_FLOOR },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct guard_memory memory = {
			.total_bytes = cases[i].total_mib * MIB,
			.balloon_bytes = cases[i].balloon_mib * MIB,
			.available_bytes = cases[i].available_mib * MIB,
			.floor_bytes = cases[i].floor_mib * MIB,
		};
		enum guard_stop limit = GUARD_NONE;
		struct guard guard;

		guard_init(&guard);
		assert_eq(guard_allowance_bytes(&guard, &memory, 0, &limit),
			  cases[i].allowance_mib * MIB);
		assert_int_equal(limit, cases[i].limit);
	}
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
		cmocka_unit_test(test_back_off),       cmocka_unit_test(test_moved),
		cmocka_unit_test(test_episodes),       cmocka_unit_test(test_new_target),
		cmocka_unit_test(test_oom_hold),       cmocka_unit_test(test_relief),
		cmocka_unit_test(test_relief_by_need), cmocka_unit_test(test_remembered),
		cmocka_unit_test(test_look),	       cmocka_unit_test(test_pause),
		cmocka_unit_test(test_deflate_pause),  cmocka_unit_test(test_floor),
		cmocka_unit_test(test_reserve),	       cmocka_unit_test(test_allowance),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
