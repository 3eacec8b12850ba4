// SPDX-License-Identifier: GPL-2.0
/*
 * In the guest: a program that streams memory, and tells how far it came in a window of time.
 *
 *   stream start        leave a child behind that copies memory until stopped
 *   stream work T0 T1   print the slices it did between two times of the monotonic clock, in ms
 *   stream stop         end it
 *
 * The child copies a buffer too large for any cache, slice by slice, and writes down when each
 * slice was done, in a file it shares with the other calls. Nothing but the copying and one look
 * at the clock happens meanwhile, so what is lost is what the balloon, or the host, takes away.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define RECORD_PATH  "/run/stream"
#define BUFFER_BYTES (32u << 20)
#define SLICE_BYTES  (128u << 10)
/* The oldest are overwritten; enough for minutes. */
#define SLICES_KEPT  (1u << 19)

struct record {
	_Atomic uint64_t slices;
	_Atomic int pid;
	uint64_t done_ns[SLICES_KEPT];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct record *open_record(int flags)
{
	int fd = open(RECORD_PATH, O_RDWR | O_CLOEXEC | flags, 0600);
	void *record;

	if (fd < 0 || ((flags & O_CREAT) && ftruncate(fd, sizeof(struct record)) < 0)) {
		perror(RECORD_PATH);
		exit(1);
	}
	record = mmap(NULL, sizeof(struct record), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (record == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	close(fd);
	return record;
}

static _Noreturn void stream(struct record *record)
{
	char *from = malloc(BUFFER_BYTES), *to = malloc(BUFFER_BYTES);
	size_t at = 0;

	if (!from || !to)
		_exit(1);
	/* Here and not in the first round, which would be slower than the rest. */
	memset(from, 1, BUFFER_BYTES);
	memset(to, 2, BUFFER_BYTES);
	memset(record->done_ns, 0, sizeof(record->done_ns));
	for (uint64_t slice = 0;; slice++) {
		memcpy(to + at, from + at, SLICE_BYTES);
		at = (at + SLICE_BYTES) % BUFFER_BYTES;
		record->done_ns[slice % SLICES_KEPT] = now_ns();
		atomic_store(&record->slices, slice + 1);
	}
}

static int start(void)
{
	struct record *record = open_record(O_CREAT | O_TRUNC);
	pid_t pid = fork();

	if (pid < 0) {
		perror("fork");
		return 1;
	}
	if (pid == 0) {
		/* Whoever waits for the end of our output shall not wait for the child's. */
		close(1);
		close(2);
		stream(record);
	}
	atomic_store(&record->pid, pid);
	while (atomic_load(&record->slices) == 0)
		usleep(1000);
	return 0;
}

static int work(uint64_t from_ms, uint64_t to_ms)
{
	struct record *record = open_record(0);
	uint64_t end = atomic_load(&record->slices), count = 0;
	uint64_t begin = end > SLICES_KEPT ? end - SLICES_KEPT : 0;

	for (uint64_t slice = begin; slice < end; slice++) {
		uint64_t done_ns = record->done_ns[slice % SLICES_KEPT];

		count += done_ns >= from_ms * 1000000u && done_ns < to_ms * 1000000u;
	}
	printf("slices=%" PRIu64 "\n", count);
	return 0;
}

static int stop(void)
{
	struct record *record = open_record(0);
	int pid = atomic_load(&record->pid);

	if (pid > 0)
		kill(pid, SIGKILL);
	unlink(RECORD_PATH);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "start") == 0)
		return start();
	if (argc == 4 && strcmp(argv[1], "work") == 0)
		return work(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	if (argc == 2 && strcmp(argv[1], "stop") == 0)
		return stop();
	fprintf(stderr, "usage: stream start | work FROM_MS TO_MS | stop\n");
	return 2;
}
