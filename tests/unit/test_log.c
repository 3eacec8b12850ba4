// SPDX-License-Identifier: GPL-2.0
/* The log on a pipe that nobody reads: who logs is not held up, and what is lost is said. */
#include "cmocka_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/log.h"

#define LINES 20000

struct scene {
	int stderr_fd; /* the real one */
	int pipe[2];
	char *text; /* what came out of it */
	size_t length;
};

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_int_equal(pipe2(scene->pipe, O_CLOEXEC), 0);
	scene->stderr_fd = dup(STDERR_FILENO);
	assert_true(dup2(scene->pipe[1], STDERR_FILENO) >= 0);
	log_init("test");
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	close(scene->pipe[0]);
	close(scene->pipe[1]);
	close(scene->stderr_fd);
	free(scene->text);
	free(scene);
	return 0;
}

static void restore(struct scene *scene)
{
	assert_true(dup2(scene->stderr_fd, STDERR_FILENO) >= 0);
}

/* Read until `end` has come. */
static void read_until(struct scene *scene, const char *end)
{
	ssize_t got;

	do {
		scene->text = realloc(scene->text, scene->length + 65537);
		got = read(scene->pipe[0], scene->text + scene->length, 65536);
		assert_true(got > 0);
		scene->length += (size_t)got;
		scene->text[scene->length] = '\0';
	} while (!strstr(scene->text, end));
}

static void test_nobody_reads(void **state)
{
	struct scene *scene = *state;
	unsigned long written = 0, missing = 0;
	uint64_t began_ms, took_ms;
	const char *at;
	char line[64];

	assert_int_equal(log_detach(), 0);
	began_ms = clock_monotonic_ms();
	for (unsigned int i = 0; i < LINES; i++)
		log_info("line %u of a log that is longer than a pipe and a queue together, %0100u",
			 i, i);
	took_ms = clock_monotonic_ms() - began_ms;
	read_until(scene, "lines of log are missing here");
	log_info("the last one");
	read_until(scene, "the last one");
	log_attach();
	log_info("after it");
	read_until(scene, "after it");
	restore(scene);

	assert_true(took_ms < 5000);
	for (at = scene->text; (at = strstr(at, "line ")); at++) {
		snprintf(line, sizeof(line), "line %lu of", written);
		assert_memory_equal(at, line, strlen(line));
		written++;
	}
	at = strstr(scene->text, "warning: ");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "warning: %lu lines", &missing), 1);
	assert_true(missing > 0);
	assert_eq(written + missing, LINES);
}

/* The end does not wait for it for ever. */
static void test_nobody_reads_at_the_end(void **state)
{
	struct scene *scene = *state;
	uint64_t began_ms, took_ms;

	assert_int_equal(log_detach(), 0);
	for (unsigned int i = 0; i < 2000; i++)
		log_info("line %u, %0100u", i, i);
	began_ms = clock_monotonic_ms();
	log_attach();
	log_info("one more");
	took_ms = clock_monotonic_ms() - began_ms;
	/* The writer is still there, and ends once it can. */
	read_until(scene, "one more");
	log_attach();
	restore(scene);
	assert_true(took_ms < 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nobody_reads, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nobody_reads_at_the_end, set_up, tear_down),
	};

	alarm(60); /* what this is about is not to hang */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
