// SPDX-License-Identifier: GPL-2.0
/*
 * What outlives the daemon: what is written comes back, what is damaged is refused, whatever the
 * damage, and on the disk there is always one whole file.
 */
#include "cmocka_test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/internal.h"
#include "scratch_dir.h"
#include "store/disk.h"
#include "store/state_file.h"

#define HOUR_MS ((uint64_t)3600 * 1000)
#define N_VMS	3
#define KILLS	100

struct file {
	void *bytes;
	size_t length;
};

/* VM number `i` after a day at a need of its own; the last one is stuck. */
static void live(size_t i, struct vm_state *state, uint64_t now_ms)
{
	for (uint64_t ms = 0; ms < 24 * HOUR_MS; ms += 60 * 1000)
		history_note(&state->history, now_ms - 24 * HOUR_MS + ms, 60 * 1000, 24 * HOUR_MS,
			     (i + 1) << 17, 1 << 20);
	if (i < N_VMS - 1)
		return;
	state->movement.stuck = true;
	state->movement.retry_ms = 4 * 60 * 1000;
	state->movement.retry_at_ms = now_ms + 3 * 60 * 1000;
}

static struct file write_three(struct vm_state *states, uint64_t now_ms)
{
	struct state_vm vms[N_VMS] = { 0 };
	struct state_vms state = {
		.saved_wall_ms = 77, .paused = true, .vms = vms, .n_vms = N_VMS
	};
	struct file file;

	vms[0].paused = true;
	vms[1].boost_kib = 1 << 21;
	vms[1].boost_left_ms = HOUR_MS;

	for (size_t i = 0; i < N_VMS; i++) {
		live(i, &states[i], now_ms);
		snprintf(vms[i].uuid, sizeof(vms[i].uuid), "6f1d4ea2-0f0b-4d5c-9a52-%012zu", i);
		vm_keep(&states[i], now_ms, &vms[i].kept);
	}
	assert_int_equal(state_file_encode(&state, &file.bytes, &file.length), 0);
	return file;
}

static struct file three(void)
{
	struct vm_state states[N_VMS] = { 0 };

	return write_three(states, 100 * HOUR_MS);
}

static void test_comes_back(void **state)
{
	const uint64_t before_ms = 100 * HOUR_MS, after_ms = HOUR_MS, away_ms = 60 * 1000;
	struct vm_state states[N_VMS] = { 0 };
	struct file file = write_three(states, before_ms);
	struct state_vms read;
	const char *why;

	(void)state;
	assert_int_equal(state_file_decode(file.bytes, file.length, &read, &why), 0);
	assert_eq(read.n_vms, N_VMS);
	assert_eq(read.saved_wall_ms, 77);
	for (size_t i = 0; i < N_VMS; i++) {
		struct opt_u64 usual_kib = history_usual(&states[i].history, before_ms);
		struct vm_state restored = { 0 };

		assert_true(usual_kib.known);
		/* The host has been started anew: its clock is at the beginning. */
		vm_take_back(&read.vms[i].kept, after_ms, away_ms, &restored);
		assert_eq(opt_or(history_usual(&restored.history, after_ms), 0),
			  opt_or(usual_kib, 1));
		assert_eq(after_ms - restored.history.since_ms,
			  before_ms - states[i].history.since_ms + away_ms);
		assert_int_equal(restored.movement.stuck, i == N_VMS - 1);
	}
	assert_eq(read.vms[2].kept.retry_in_ms, 3 * 60 * 1000);
	assert_true(read.paused);
	assert_true(read.vms[0].paused);
	assert_false(read.vms[1].paused);
	assert_eq(read.vms[0].boost_left_ms, 0);
	assert_eq(read.vms[1].boost_left_ms, HOUR_MS);
	assert_eq(read.vms[1].boost_kib, 1 << 21);
	state_vms_clear(&read);
	free(file.bytes);
}

static void test_back_off_goes_on(void **state)
{
	struct vm_kept kept = { .stuck = true, .retry_ms = 60000, .retry_in_ms = 50000 };
	struct vm_state restored = { 0 };

	(void)state;
	vm_take_back(&kept, 1000000, 20000, &restored);
	assert_eq(restored.movement.retry_at_ms, 1030000);
	vm_take_back(&kept, 1000000, 90000, &restored);
	assert_eq(restored.movement.retry_at_ms, 1000000);
	assert_false(restored.history.max_kib);
}

/* Numbers that no daemon writes must not become times for ever. */
static void test_nonsense_is_bounded(void **state)
{
	struct vm_kept kept = {
		.max_kib = UINT64_MAX,
		.slice_age_ms = UINT64_MAX,
		.newest = UINT32_MAX,
		.stuck = true,
		.retry_ms = UINT64_MAX,
		.retry_in_ms = UINT64_MAX,
	};
	struct vm_state restored = { 0 };

	(void)state;
	vm_take_back(&kept, 5, UINT64_MAX, &restored);
	assert_eq(restored.history.newest, 0);
	assert_true(restored.movement.retry_ms <= 400 * HOUR_MS);
	assert_true(restored.movement.retry_at_ms <= 5 + 400 * HOUR_MS);
	kept.newest = 1;
	vm_take_back(&kept, 5, 0, &restored);
	assert_true(restored.history.max_kib <= KIB_CEILING);
	assert_true(5 - restored.history.since_ms <= 400 * HOUR_MS);
}

static void refused(const void *bytes, size_t length)
{
	struct state_vms read = { .n_vms = 99 };
	const char *why = NULL;

	assert_int_equal(state_file_decode(bytes, length, &read, &why), -EINVAL);
	assert_non_null(why);
	assert_eq(read.n_vms, 99);
}

static void accepted(const void *bytes, size_t length)
{
	struct state_vms read;
	const char *why = "";

	assert_int_equal(state_file_decode(bytes, length, &read, &why), 0);
	state_vms_clear(&read);
}

/* Put the checksum of `length` bytes behind them; 64-bit FNV-1a, on purpose written once more. */
static void seal(unsigned char *bytes, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	for (size_t i = 0; i < 8; i++)
		bytes[length + i] = (unsigned char)(hash >> (8 * i));
}

static void test_truncated(void **state)
{
	struct file file = three();

	(void)state;
	for (size_t length = 0; length < file.length; length++) {
		void *exact = malloc(length + 1);

		assert_non_null(exact);
		memcpy(exact, file.bytes, length);
		refused(exact, length);
		free(exact);
	}
	free(file.bytes);
}

/* Any one bit, anywhere. */
static void test_flipped(void **state)
{
	struct file file = three();
	unsigned char *bytes = file.bytes;

	(void)state;
	for (size_t i = 0; i < file.length; i++) {
		bytes[i] ^= (unsigned char)(1 << (i % 8));
		refused(bytes, file.length);
		bytes[i] ^= (unsigned char)(1 << (i % 8));
	}
	free(file.bytes);
}

static void test_longer(void **state)
{
	struct file file = three();
	unsigned char *longer = calloc(1, file.length + 1);

	(void)state;
	assert_non_null(longer);
	memcpy(longer, file.bytes, file.length);
	refused(longer, file.length + 1);
	free(longer);
	free(file.bytes);
}

/* Says more VMs than it has, and its checksum fits. */
static void test_says_more(void **state)
{
	const size_t count_at = 24, checksum_len = 8;
	struct file file = three();
	unsigned char *bytes = file.bytes;

	(void)state;
	assert_int_equal(bytes[count_at], N_VMS);
	bytes[count_at]++;
	seal(bytes, file.length - checksum_len);
	refused(bytes, file.length);
	bytes[count_at + 7] = 0xff;
	seal(bytes, file.length - checksum_len);
	refused(bytes, file.length);
	/* The same way back, it is good again: so it was refused for that. */
	bytes[count_at]--;
	bytes[count_at + 7] = 0;
	seal(bytes, file.length - checksum_len);
	accepted(bytes, file.length);
	free(file.bytes);
}

static void test_too_many(void **state)
{
	struct state_vms state_vms = { .n_vms = STATE_FILE_VMS_MAX + 1 };
	void *bytes;
	size_t length;

	(void)state;
	assert_int_equal(state_file_encode(&state_vms, &bytes, &length), -E2BIG);
}

static void read_back(const struct scratch *scratch, const char *expected)
{
	size_t length;
	void *bytes;

	assert_int_equal(disk_read(scratch->path, "state", 100, &bytes, &length), 0);
	assert_eq(length, strlen(expected));
	assert_memory_equal(bytes, expected, length);
	free(bytes);
}

static void test_replaced(void **state)
{
	const struct scratch *scratch = *state;
	char path[512];
	struct stat stat_;

	assert_int_equal(disk_replace(scratch->path, "state", "one", 3), 0);
	read_back(scratch, "one");
	/* A crash has left a half-written one, which is a link besides. */
	snprintf(path, sizeof(path), "%s/state.new", scratch->path);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(disk_replace(scratch->path, "state", "two!", 4), 0);
	read_back(scratch, "two!");
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "%s/state", scratch->path);
	assert_int_equal(stat(path, &stat_), 0);
	assert_eq(stat_.st_mode & 0777, 0600);
}

/* Whenever it is killed while it writes, one of the two is there, whole. */
static void test_killed_while_writing(void **state)
{
	const struct scratch *scratch = *state;
	struct file file = three();

	assert_int_equal(disk_replace(scratch->path, "state", file.bytes, file.length), 0);
	for (useconds_t round = 0; round < KILLS; round++) {
		struct state_vms read;
		const char *why = "";
		size_t length;
		void *bytes;
		pid_t child = fork();

		assert_true(child >= 0);
		while (!child)
			disk_replace(scratch->path, "state", file.bytes, file.length);
		usleep(round * 137);
		assert_int_equal(kill(child, SIGKILL), 0);
		assert_int_equal(waitpid(child, NULL, 0), child);
		assert_int_equal(disk_read(scratch->path, "state", 1 << 20, &bytes, &length), 0);
		assert_int_equal(state_file_decode(bytes, length, &read, &why), 0);
		state_vms_clear(&read);
		free(bytes);
	}
	free(file.bytes);
}

static void test_not_written(void **state)
{
	const struct scratch *scratch = *state;
	char path[512];

	assert_int_equal(disk_replace("/nowhere", "state", "x", 1), -ENOENT);
	/* A directory where the new file is to be: the old one stays. */
	assert_int_equal(disk_replace(scratch->path, "state", "old", 3), 0);
	scratch_write(scratch, "state.new/x", "");
	assert_true(disk_replace(scratch->path, "state", "new", 3) < 0);
	read_back(scratch, "old");
	snprintf(path, sizeof(path), "%s/state.new/x", scratch->path);
	assert_int_equal(unlink(path), 0);
}

static void test_not_read(void **state)
{
	const struct scratch *scratch = *state;
	char path[512];
	size_t length;
	void *bytes;

	assert_int_equal(disk_read(scratch->path, "state", 9, &bytes, &length), -ENOENT);
	scratch_write(scratch, "state", "0123456789");
	assert_int_equal(disk_read(scratch->path, "state", 9, &bytes, &length), -EFBIG);
	assert_int_equal(disk_set_aside(scratch->path, "state"), 0);
	assert_int_equal(disk_read(scratch->path, "state", 99, &bytes, &length), -ENOENT);
	assert_int_equal(disk_read(scratch->path, "state.damaged", 99, &bytes, &length), 0);
	free(bytes);
	snprintf(path, sizeof(path), "%s/state", scratch->path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(disk_read(scratch->path, "state", 9, &bytes, &length), -EINVAL);
	assert_int_equal(disk_set_aside(scratch->path, "state"), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_int_equal(disk_read(scratch->path, "state", 9, &bytes, &length), -ELOOP);
}

int main(void)
{
#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comes_back),
		cmocka_unit_test(test_back_off_goes_on),
		cmocka_unit_test(test_nonsense_is_bounded),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_longer),
		cmocka_unit_test(test_says_more),
		cmocka_unit_test(test_too_many),
		WITH_SCRATCH(test_replaced),
		WITH_SCRATCH(test_killed_while_writing),
		WITH_SCRATCH(test_not_written),
		WITH_SCRATCH(test_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
