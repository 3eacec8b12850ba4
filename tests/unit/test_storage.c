// SPDX-License-Identifier: GPL-2.0
/*
 * The latency of the host's disks: a made-up /proc/diskstats and /sys/block, looked at again and
 * again. What is no disk is left out, and what is not known is unknown, never zero.
 */
#include "cmocka_test.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "scratch_dir.h"
#include "source/storage.h"

#define START_MS 1000000

struct scene {
	struct scratch *scratch;
	struct storage *storage;
	uint64_t now_ms;
};

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	if (!scene || scratch_setup((void **)&scene->scratch))
		return -1;
	scene->storage = storage_new();
	scene->now_ms = START_MS;
	*state = scene;
	return scene->storage ? 0 : -1;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	int ret = scratch_teardown((void **)&scene->scratch);

	storage_free(scene->storage);
	free(scene);
	return ret;
}

static void add_disk(const struct scene *scene, const char *name, const char *removable)
{
	char path[128];

	snprintf(path, sizeof(path), "sys/block/%s/device/model", name);
	scratch_write(scene->scratch, path, "A disk\n");
	snprintf(path, sizeof(path), "sys/block/%s/removable", name);
	scratch_write(scene->scratch, path, removable);
}

/* Five seconds later, with this in /proc/diskstats. */
static struct storage_sample look(struct scene *scene, const char *diskstats)
{
	scratch_write(scene->scratch, "proc/diskstats", diskstats);
	scene->now_ms += 5000;
	return storage_look(scene->storage, scene->scratch->path, scene->now_ms);
}

static void assert_sample(struct storage_sample sample, uint64_t latency_us, const char *device)
{
	assert_true(sample.latency_us.known);
	assert_eq(opt_or(sample.latency_us, 0), latency_us);
	assert_string_equal(sample.device, device);
}

static void assert_unknown(struct storage_sample sample)
{
	assert_false(sample.latency_us.known);
	assert_string_equal(sample.device, "");
}

static void test_lines(void **state)
{
	static const char *const wrong[] = {
		"",
		"\n",
		"8 0 sda",
		"8 0 sda 1 2 3 4 5 6 7 8",
		"8 0 sda 1 2 3 x 5 6 7 8 9",
		"eight 0 sda 1 2 3 4 5 6 7 8 9",
		"8 0 a-name-that-is-longer-than-any-that-a-disk-can-have 1 2 3 4 5 6 7 8 9",
	};
	struct storage_counters counters = { .ios = 77 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_int_equal(storage_parse(wrong[i], &counters), -EINVAL);
		assert_eq(counters.ios, 77);
	}
	/* The fields of Linux 5.5, 4.18 and before. */
	assert_int_equal(
		storage_parse("   8       0 sda 100 9 9 4000 50 9 9 6000 3 9 9 7 9 9 9 5 9\n",
			      &counters),
		0);
	assert_string_equal(counters.name, "sda");
	assert_eq(counters.ios, 150);
	assert_eq(counters.read_wait_ms, 4000);
	assert_eq(counters.write_wait_ms, 6000);
	assert_eq(counters.under_way, 3);
	assert_eq(counters.ended, 162);
	assert_int_equal(
		storage_parse("8 0 sda 100 9 9 4000 50 9 9 6000 3 9 9 7 9 9 9\n", &counters), 0);
	assert_eq(counters.ended, 157);
	assert_int_equal(storage_parse("8 0 sda 100 9 9 4000 50 9 9 6000 3 9 9\n", &counters), 0);
	assert_eq(counters.ended, 150);
}

/* Reads and writes together, since the last look; the first look has nothing to compare with. */
static void test_average(void **state)
{
	struct scene *scene = *state;

	add_disk(scene, "sda", "0\n");
	assert_unknown(look(scene, "8 0 sda 1000 0 0 90000 1000 0 0 90000 0 0 0\n"));
	assert_sample(look(scene, "8 0 sda 1010 0 0 90100 1030 0 0 90700 5 0 0\n"), 20000, "sda");
	assert_sample(look(scene, "8 0 sda 1014 0 0 90101 1030 0 0 90700 0 0 0\n"), 250, "sda");
	/* Nobody has asked for anything: that is known. */
	assert_sample(look(scene, "8 0 sda 1014 0 0 90101 1030 0 0 90700 0 0 0\n"), 0, "");
}

static void test_too_soon_is_as_before(void **state)
{
	struct scene *scene = *state;

	add_disk(scene, "sda", "0\n");
	look(scene, "8 0 sda 0 0 0 0 0 0 0 0 0 0 0\n");
	assert_sample(look(scene, "8 0 sda 10 0 0 50 0 0 0 0 0 0 0\n"), 5000, "sda");
	scratch_write(scene->scratch, "proc/diskstats", "8 0 sda 20 0 0 850 0 0 0 0 0 0 0\n");
	assert_sample(storage_look(scene->storage, scene->scratch->path, scene->now_ms + 1999),
		      5000, "sda");
	assert_sample(storage_look(scene->storage, scene->scratch->path, scene->now_ms + 2000),
		      80000, "sda");
}

static void test_the_slowest_counts(void **state)
{
	struct scene *scene = *state;

	add_disk(scene, "sda", "0\n");
	add_disk(scene, "nvme0n1", "0\n");
	add_disk(scene, "cciss!c0d0", "0\n");
	look(scene, "8 0 sda 0 0 0 0 0 0 0 0 0 0 0\n"
		    "259 0 nvme0n1 0 0 0 0 0 0 0 0 0 0 0\n"
		    "104 0 cciss/c0d0 0 0 0 0 0 0 0 0 0 0 0\n");
	assert_sample(look(scene, "8 0 sda 10 0 0 10 0 0 0 0 0 0 0\n"
				  "259 0 nvme0n1 1000 0 0 300 0 0 0 0 0 0 0\n"
				  "104 0 cciss/c0d0 10 0 0 350 0 0 0 0 0 0 0\n"),
		      35000, "cciss/c0d0");
	/* In another order, and one disk is gone. */
	assert_sample(look(scene, "104 0 cciss/c0d0 10 0 0 350 0 0 0 0 0 0 0\n"
				  "8 0 sda 20 0 0 30 0 0 0 0 0 0 0\n"),
		      2000, "sda");
	/* It is back, and has no last look to be compared with. */
	assert_sample(look(scene, "259 0 nvme0n1 9000 0 0 900000 0 0 0 0 0 0 0\n"
				  "8 0 sda 20 0 0 30 0 0 0 0 0 0 0\n"),
		      0, "");
}

/* They are made of disks, have none behind them, or nobody's VM is on them. */
static void test_what_is_no_disk(void **state)
{
	struct scene *scene = *state;
	static const char before[] = "8 0 sda 0 0 0 0 0 0 0 0 0 0 0\n"
				     "8 1 sda1 0 0 0 0 0 0 0 0 0 0 0\n"
				     "7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n"
				     "1 0 ram0 0 0 0 0 0 0 0 0 0 0 0\n"
				     "253 0 dm-0 0 0 0 0 0 0 0 0 0 0 0\n"
				     "11 0 sr0 0 0 0 0 0 0 0 0 0 0 0\n"
				     "8 2 ../../../etc 0 0 0 0 0 0 0 0 0 0 0\n";
	static const char after[] = "8 0 sda 10 0 0 10 0 0 0 0 0 0 0\n"
				    "8 1 sda1 10 0 0 9000 0 0 0 0 0 0 0\n"
				    "7 0 loop0 10 0 0 9000 0 0 0 0 0 0 0\n"
				    "1 0 ram0 10 0 0 9000 0 0 0 0 0 0 0\n"
				    "253 0 dm-0 10 0 0 9000 0 0 0 0 0 0 0\n"
				    "11 0 sr0 10 0 0 9000 0 0 0 0 0 0 0\n"
				    "8 2 ../../../etc 10 0 0 9000 0 0 0 0 0 0 0\n";

	scratch_write(scene->scratch, "sys/block/sda/sda1/partition", "1\n");
	scratch_write(scene->scratch, "sys/block/loop0/removable", "0\n");
	scratch_write(scene->scratch, "sys/block/dm-0/removable", "0\n");
	scratch_write(scene->scratch, "sys/block/ram0/removable", "0\n");
	add_disk(scene, "sr0", "1\n");
	look(scene, before);
	assert_unknown(look(scene, after)); /* none of them is one */
	add_disk(scene, "sda", "0\n");
	look(scene, before);
	assert_sample(look(scene, after), 1000, "sda");
}

/* The kernel shows milliseconds as 32 bits: they begin anew after 50 days of waiting. */
static void test_waiting_wraps(void **state)
{
	struct scene *scene = *state;

	add_disk(scene, "sda", "0\n");
	look(scene, "8 0 sda 1000 0 0 4294967290 1000 0 0 4294967200 0 0 0\n");
	assert_sample(look(scene, "8 0 sda 1005 0 0 4 1005 0 0 4294967290 0 0 0\n"), 10000, "sda");
}

/* Another disk by the same name counts from where it is. */
static void test_counters_begin_anew(void **state)
{
	struct scene *scene = *state;

	add_disk(scene, "sda", "0\n");
	look(scene, "8 0 sda 1000 0 0 9000 1000 0 0 9000 0 0 0\n");
	assert_unknown(look(scene, "8 0 sda 10 0 0 90 0 0 0 0 0 0 0\n"));
	assert_sample(look(scene, "8 0 sda 20 0 0 120 0 0 0 0 0 0 0\n"), 3000, "sda");
}

/* A disk that ends nothing has no average, and is the worst of all. */
static void test_a_disk_hangs(void **state)
{
	struct scene *scene = *state;
	static const char hangs[] = "8 0 sda 10 0 0 100 0 0 0 0 2 0 0 0 0 0 0 0 0\n";

	add_disk(scene, "sda", "0\n");
	look(scene, hangs);
	assert_sample(look(scene, hangs), 5000000, "sda");
	assert_sample(look(scene, hangs), 10000000, "sda");
	/* A flush has ended: it moves, and no read or write had to wait. */
	assert_sample(look(scene, "8 0 sda 10 0 0 100 0 0 0 0 2 0 0 0 0 0 0 1 0\n"), 0, "");
	assert_sample(look(scene, "8 0 sda 10 0 0 100 0 0 0 0 2 0 0 0 0 0 0 1 0\n"), 5000000,
		      "sda");
	/* Both end at last, and say how long they took. */
	assert_sample(look(scene, "8 0 sda 12 0 0 40100 0 0 0 0 0 0 0 0 0 0 0 1 0\n"), 20000000,
		      "sda");
	/* One that was begun just before a look has not been waiting. */
	assert_sample(look(scene, "8 0 sda 12 0 0 40100 0 0 0 0 1 0 0 0 0 0 0 1 0\n"), 0, "");
}

static void test_garbage_and_nothing(void **state)
{
	struct scene *scene = *state;
	char path[128];

	add_disk(scene, "sda", "0\n");
	assert_unknown(storage_look(scene->storage, scene->scratch->path, scene->now_ms));
	assert_unknown(look(scene, ""));
	assert_unknown(look(scene, "\n\nsda\n8 0 sda -\n\xff\xfe\n"));
	look(scene, "8 0 sda 0 0 0 0 0 0 0 0 0 0 0\n");
	assert_sample(look(scene, "nothing\n8 0 sda 10 0 0 10 0 0 0 0 0 0 0\nnothing"), 1000,
		      "sda");
	/* Numbers that fit nothing. */
	look(scene, "8 0 sda 99999999999999999999999 0 0 99999999999999999999999 0 0 0 0 0 0 0\n");
	look(scene, "8 0 sda 18446744073709551615 0 0 1 18446744073709551615 0 0 1 1 1 1\n");
	/* What was known is not, once it cannot be read any more. */
	snprintf(path, sizeof(path), "%s/proc/diskstats", scene->scratch->path);
	assert_int_equal(unlink(path), 0);
	scene->now_ms += 5000;
	assert_unknown(storage_look(scene->storage, scene->scratch->path, scene->now_ms));
}

/* More disks than there is room for at first. */
static void test_many_disks(void **state)
{
	struct scene *scene = *state;
	char *text[2];
	size_t length;

	for (int turn = 0; turn < 2; turn++) {
		FILE *out = open_memstream(&text[turn], &length);

		assert_non_null(out);
		for (int i = 0; i < 100; i++)
			fprintf(out, "8 %d sd%d %d 0 0 %d 0 0 0 0 0 0 0\n", i, i, turn,
				turn * (i == 57 ? 100 : 5));
		assert_int_equal(fclose(out), 0);
	}
	for (int i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "sd%d", i);
		add_disk(scene, name, "0\n");
	}
	assert_unknown(look(scene, text[0]));
	assert_sample(look(scene, text[1]), 100000, "sd57");
	free(text[0]);
	free(text[1]);
}

int main(void)
{
#define WITH_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),		WITH_SCENE(test_average),
		WITH_SCENE(test_too_soon_is_as_before), WITH_SCENE(test_the_slowest_counts),
		WITH_SCENE(test_what_is_no_disk),	WITH_SCENE(test_waiting_wraps),
		WITH_SCENE(test_counters_begin_anew),	WITH_SCENE(test_a_disk_hangs),
		WITH_SCENE(test_garbage_and_nothing),	WITH_SCENE(test_many_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
