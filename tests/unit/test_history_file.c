// SPDX-License-Identifier: GPL-2.0
/*
 * The history outlives the daemon: what is written comes back with the time between as a gap, for
 * VMs that are found; what is damaged is refused, and nothing of it taken.
 */
#include "cmocka_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "publish/history.h"

#define N_VMS	  2
#define MINUTE_MS ((uint64_t)60 * 1000)
#define GIB	  ((uint64_t)1024 * 1024)
#define RAN_MIN	  90
#define WALL_MS	  ((uint64_t)1700000000 * 1000)

struct world {
	struct vm vms[N_VMS];
	struct vm *table[N_VMS];
	struct fleet fleet;
	struct status status;
};

static void uuid_of(size_t number, char uuid[VM_UUID_LEN])
{
	snprintf(uuid, VM_UUID_LEN, "6f1d4ea2-0f0b-4d5c-9a52-%012zu", number);
}

static void world_init(struct world *world)
{
	*world = (struct world){ 0 };
	for (size_t i = 0; i < N_VMS; i++) {
		world->table[i] = &world->vms[i];
		uuid_of(i, world->vms[i].sample.uuid);
		world->vms[i].sample.max_kib = 4 * GIB;
		world->vms[i].sample.actual_kib = opt_some((i + 1) * GIB);
	}
	world->fleet = (struct fleet){ .vms = world->table, .n_vms = N_VMS };
	world->status.fleet = &world->fleet;
}

/* A history of RAN_MIN minutes, which ends at *ret_now_ms, as its file. */
static void *live(struct world *world, uint64_t *ret_now_ms, size_t *ret_length)
{
	struct history *history = history_new();
	uint64_t now_ms = 5 * MINUTE_MS;
	void *bytes;

	for (int minute = 0; minute <= RAN_MIN; minute++, now_ms += MINUTE_MS)
		assert_int_equal(history_tick(history, &world->status, now_ms), 0);
	*ret_now_ms = now_ms - MINUTE_MS;
	assert_int_equal(history_encode(history, *ret_now_ms, WALL_MS, &bytes, ret_length), 0);
	history_free(history);
	return bytes;
}

struct points {
	unsigned int known;
	unsigned int unknown;
	uint64_t youngest_ms; /* of those that are known */
	uint64_t oldest_ms;
	uint64_t actual_kib; /* of the oldest */
};

static int take_point(void *userdata, const struct history_point *point)
{
	struct points *points = userdata;

	if (!point->actual_kib.known) {
		points->unknown++;
		return 0;
	}
	if (!points->known++) {
		points->oldest_ms = point->age_ms + point->span_ms;
		points->actual_kib = opt_or(point->actual_kib, 0);
	}
	points->youngest_ms = point->age_ms;
	return 0;
}

static struct points points_of(const struct history *history, size_t vm, uint64_t now_ms)
{
	struct points points = { 0 };
	char uuid[VM_UUID_LEN];

	uuid_of(vm, uuid);
	assert_int_equal(history_each(history, uuid, now_ms, UINT64_MAX, take_point, &points), 0);
	return points;
}

/* The host has been started anew as well, so monotonic time begins again. */
static void test_comes_back_with_a_gap(void **state)
{
	const uint64_t away_ms = 7 * MINUTE_MS, after_ms = 2 * MINUTE_MS;
	struct history *history = history_new();
	struct points before, points;
	struct world world;
	const char *why;
	uint64_t now_ms;
	size_t length;
	void *bytes;

	(void)state;
	world_init(&world);
	bytes = live(&world, &now_ms, &length);
	assert_int_equal(history_decode(history, bytes, length, after_ms, WALL_MS + away_ms, &why),
			 0);
	assert_int_equal(history_tick(history, &world.status, after_ms), 0);
	for (size_t vm = 0; vm < N_VMS; vm++) {
		points = points_of(history, vm, after_ms);
		assert_between(points.actual_kib, (vm + 1) * GIB - 1024, (vm + 1) * GIB);
		/* What was a moment ago when it ended is seven minutes ago. */
		assert_between(points.youngest_ms, away_ms - 2 * MINUTE_MS, away_ms);
		assert_between(points.unknown, 5, 8);
		assert_between(points.oldest_ms, (RAN_MIN - 20) * MINUTE_MS + away_ms,
			       (RAN_MIN + 20) * MINUTE_MS + away_ms);
	}
	/* And it goes on. */
	before = points_of(history, 0, after_ms);
	for (uint64_t minute = 1; minute <= 3; minute++)
		assert_int_equal(
			history_tick(history, &world.status, after_ms + minute * MINUTE_MS), 0);
	points = points_of(history, 0, after_ms + 3 * MINUTE_MS);
	assert_true(points.youngest_ms < MINUTE_MS);
	assert_true(points.unknown >= before.unknown);
	history_free(history);
	free(bytes);
}

/* The next daemon's history, which has found both VMs. */
static struct history *next_run(const struct history *history, uint64_t now_ms)
{
	struct history *next = history_new();
	struct world world;
	const char *why;
	size_t length;
	void *bytes;

	world_init(&world);
	assert_int_equal(history_encode(history, now_ms, WALL_MS, &bytes, &length), 0);
	assert_int_equal(history_decode(next, bytes, length, now_ms, WALL_MS, &why), 0);
	assert_int_equal(history_tick(next, &world.status, now_ms), 0);
	free(bytes);
	return next;
}

/*
 * Written again before all VMs of the last file are found, as every few minutes, or by a daemon that is
 * stopped at once: who may still be found loses nothing.
 */
static void test_those_not_found_yet_are_kept(void **state)
{
	struct history *history = history_new(), *next;
	struct world world;
	const char *why;
	uint64_t now_ms;
	size_t length;
	void *bytes;

	(void)state;
	world_init(&world);
	bytes = live(&world, &now_ms, &length);
	assert_int_equal(history_decode(history, bytes, length, now_ms, WALL_MS, &why), 0);
	for (int found = 0; found < 2; found++) {
		next = next_run(history, now_ms);
		for (size_t vm = 0; vm < N_VMS; vm++)
			assert_true(points_of(next, vm, now_ms).known > 60);
		history_free(next);
		world.fleet.n_vms = 1;
		world.table[0] = &world.vms[1];
		assert_int_equal(history_tick(history, &world.status, now_ms), 0);
	}
	/* Who has not been found for an hour is not waited for any more. */
	now_ms += 61 * MINUTE_MS;
	assert_int_equal(history_tick(history, &world.status, now_ms), 0);
	next = next_run(history, now_ms);
	assert_int_equal(points_of(next, 0, now_ms).known, 0);
	assert_true(points_of(next, 1, now_ms).known > 0);
	history_free(next);
	history_free(history);
	free(bytes);
}

/* However often the daemon is restarted: of whom nothing is known any more nothing is kept. */
static void test_those_long_gone_are_not_kept(void **state)
{
	struct history *history = history_new();
	struct world world;
	const char *why;
	uint64_t now_ms;
	size_t length, length_again;
	void *bytes, *again;

	(void)state;
	world_init(&world);
	bytes = live(&world, &now_ms, &length);
	assert_int_equal(history_decode(history, bytes, length, now_ms, UINT64_MAX / 2, &why), 0);
	assert_int_equal(history_encode(history, now_ms, WALL_MS, &again, &length_again), 0);
	assert_true(length_again < length / 10);
	history_free(history);
	free(again);
	free(bytes);
}

/* Longer away than anything is kept for. */
static void test_long_away(void **state)
{
	struct history *history = history_new();
	struct world world;
	const char *why;
	uint64_t now_ms;
	size_t length;
	void *bytes;

	(void)state;
	world_init(&world);
	bytes = live(&world, &now_ms, &length);
	assert_int_equal(history_decode(history, bytes, length, now_ms, UINT64_MAX / 2, &why), 0);
	assert_int_equal(history_tick(history, &world.status, now_ms), 0);
	assert_int_equal(points_of(history, 0, now_ms).known, 0);
	history_free(history);
	free(bytes);
}

/* A clock that was set back: no time has passed, which is better than 500 years. */
static void test_clock_set_back(void **state)
{
	struct history *history = history_new();
	struct world world;
	const char *why;
	uint64_t now_ms;
	size_t length;
	void *bytes;

	(void)state;
	world_init(&world);
	bytes = live(&world, &now_ms, &length);
	assert_int_equal(history_decode(history, bytes, length, now_ms, 0, &why), 0);
	assert_int_equal(history_tick(history, &world.status, now_ms), 0);
	assert_true(points_of(history, 1, now_ms).youngest_ms < 2 * MINUTE_MS);
	history_free(history);
	free(bytes);
}

/* Another maximum is another VM; numbers that have not come yet are no other maximum. */
static void test_maximum(void **state)
{
	struct history *history = history_new();
	struct world world;
	const char *why;
	uint64_t now_ms;
	size_t length;
	void *bytes;

	(void)state;
	world_init(&world);
	bytes = live(&world, &now_ms, &length);
	assert_int_equal(history_decode(history, bytes, length, now_ms, WALL_MS, &why), 0);
	world.vms[0].sample.max_kib = 0;
	world.vms[1].sample.max_kib = 8 * GIB;
	assert_int_equal(history_tick(history, &world.status, now_ms), 0);
	assert_true(points_of(history, 0, now_ms).known > 60);
	assert_int_equal(points_of(history, 1, now_ms).known, 0);
	history_free(history);
	free(bytes);
}

static void refused(const void *bytes, size_t length)
{
	struct history *history = history_new();
	struct world world;
	const char *why = NULL;

	world_init(&world);
	assert_int_equal(history_decode(history, bytes, length, MINUTE_MS, WALL_MS, &why), -EINVAL);
	assert_non_null(why);
	assert_int_equal(history_tick(history, &world.status, MINUTE_MS), 0);
	assert_int_equal(points_of(history, 0, MINUTE_MS).known, 0);
	history_free(history);
}

/* Cut off anywhere, and any one bit. */
static void test_damaged(void **state)
{
	struct world world;
	unsigned char *bytes, *exact;
	uint64_t now_ms;
	size_t length;

	(void)state;
	world_init(&world);
	bytes = live(&world, &now_ms, &length);
	for (size_t cut = 0; cut < length; cut += cut < 100 ? 1 : 37) {
		exact = malloc(cut + 1);
		assert_non_null(exact);
		memcpy(exact, bytes, cut);
		refused(exact, cut);
		free(exact);
	}
	for (size_t i = 0; i < length; i += i < 300 ? 1 : 7) {
		bytes[i] ^= (unsigned char)(1 << (i % 8));
		refused(bytes, length);
		bytes[i] ^= (unsigned char)(1 << (i % 8));
	}
	free(bytes);
}

/* Its checksum fits, but no daemon writes that. */
static void seal(unsigned char *bytes, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < length - 8; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	for (size_t i = 0; i < 8; i++)
		bytes[length - 8 + i] = (unsigned char)(hash >> (8 * i));
}

static void test_nonsense(void **state)
{
	enum { COUNT_AT = 24, AGE_AT = 40, UUID_AT = 64, SUM_AT = UUID_AT + 36 + 8 + 4 };
	struct world world;
	unsigned char *bytes, *copy;
	uint64_t now_ms;
	size_t length;

	(void)state;
	world_init(&world);
	bytes = live(&world, &now_ms, &length);
	copy = malloc(length);
	assert_non_null(copy);
#define WITH(change)                         \
	do {                                 \
		memcpy(copy, bytes, length); \
		change;                      \
		seal(copy, length);          \
		refused(copy, length);       \
	} while (0)
	WITH(copy[COUNT_AT]++);
	WITH(copy[COUNT_AT + 7] = 0xff);
	WITH(memset(copy + AGE_AT, 0xff, 8));
	WITH(copy[UUID_AT] = 'x');
	WITH(copy[UUID_AT] = 'f'); /* not in order any more */
	WITH(memset(copy + SUM_AT, 0xff, 8));
#undef WITH
	free(copy);
	free(bytes);
}

/*
 * Whoever counts on from what only a file says must not come to what is refused the next time, nor
 * forget what a full ring holds.
 */
static void test_counts_at_their_end(void **state)
{
	enum { FILLED_AT = 64 + 36 + 8, N_AT = FILLED_AT + 4 + 8 };
	struct history *history = history_new();
	struct world world;
	const char *why = NULL;
	unsigned char *bytes;
	uint64_t now_ms;
	size_t length;
	void *again;

	(void)state;
	world_init(&world);
	bytes = live(&world, &now_ms, &length);
	memset(bytes + FILLED_AT, 0xff, 4);
	memset(bytes + N_AT, 0xff, 4);
	seal(bytes, length);
	assert_int_equal(history_decode(history, bytes, length, now_ms, WALL_MS, &why), 0);
	assert_int_equal(history_tick(history, &world.status, now_ms), 0);
	assert_int_equal(history_encode(history, now_ms, WALL_MS, &again, &length), 0);
	assert_int_equal(history_decode(history, again, length, now_ms, WALL_MS, &why), 0);
	assert_int_equal(history_tick(history, &world.status, now_ms + MINUTE_MS), 0);
	assert_true(points_of(history, 0, now_ms + MINUTE_MS).known >= 60);
	history_free(history);
	free(again);
	free(bytes);
}

/*
 * Ticks do not fall on the ends of spans, so in time those of two hours end at other times than those
 * of a quarter. A VM that came shortly before one of two hours ended has a point of that, and none
 * of a quarter yet: what its minutes tell is not told once more by it.
 */
static void test_young_vm_is_told_once(void **state)
{
	const uint64_t tick_ms = 70000, come_ms = 98 * tick_ms, end_ms = 103 * tick_ms;
	struct history *history = history_new();
	struct world world;
	struct points points;
	uint64_t now_ms = tick_ms;

	(void)state;
	world_init(&world);
	world.fleet.n_vms = 1;
	for (; now_ms < tick_ms + come_ms; now_ms += tick_ms)
		assert_int_equal(history_tick(history, &world.status, now_ms), 0);
	world.fleet.n_vms = 2;
	for (; now_ms <= tick_ms + end_ms; now_ms += tick_ms)
		assert_int_equal(history_tick(history, &world.status, now_ms), 0);
	points = points_of(history, 1, tick_ms + end_ms);
	assert_int_equal(points.known + points.unknown, (end_ms - come_ms) / tick_ms);
	assert_true(points.oldest_ms <= end_ms - come_ms);
	history_free(history);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_back_with_a_gap),
		cmocka_unit_test(test_those_not_found_yet_are_kept),
		cmocka_unit_test(test_those_long_gone_are_not_kept),
		cmocka_unit_test(test_long_away),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_counts_at_their_end),
		cmocka_unit_test(test_young_vm_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
