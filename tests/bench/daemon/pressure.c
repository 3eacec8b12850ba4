// SPDX-License-Identifier: GPL-2.0
/*
 * How long from pressure on the host until the daemon decides on a target?
 *
 * usage: pressure LOG CGROUP FILE
 *
 *   LOG     the daemon's log; what is appended is looked through for a decision to take memory
 *   CGROUP  a directory of a memory control group with a limit of some MiB, as root has set it up
 *   FILE    is written, far more than that limit
 *
 * Two processes in the group write to FILE.0 and FILE.1: they stall, because each page has to be
 * brought to the disk before there is room for the next. That is pressure of the whole host to the
 * kernel, and harms nobody else. A trigger as the daemon's (source/pressure.c) says when the kernel
 * noticed.
 *
 * Prints milliseconds: from the first write to the trigger, and from the trigger to the decision
 * (negative: the daemon was woken first). Exit status: 0 measured, 1 could not.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "source/pressure.h"

#define WRITERS	    2
#define PATIENCE_US 20000000
#define LOG_MAX	    (1 << 20)

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void fired(void *userdata)
{
	uint64_t *fired_us = userdata;

	if (!*fired_us)
		*fired_us = now_us();
}

static void write_and_stall(const char *cgroup, const char *file, int number)
{
	static char block[1 << 20];
	char path[512], pid[32];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, pid, strlen(pid)) < 0)
		_exit(1);
	close(fd);
	snprintf(path, sizeof(path), "%s.%d", file, number);
	for (;;) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		for (int i = 0; fd >= 0 && i < 256; i++)
			if (write(fd, block, sizeof(block)) < 0)
				_exit(1);
		close(fd);
	}
}

/* A decision has been appended to the log since it was `from` bytes long. */
static bool decided(int log, off_t from)
{
	static char text[LOG_MAX];
	ssize_t length = pread(log, text, sizeof(text) - 1, from);

	if (length <= 0)
		return false;
	text[length] = '\0';
	return strstr(text, ": reclaim");
}

/* Both times, in whichever order they come. Returns false when one did not. */
static bool wait_for_both(sd_event *event, int log, off_t from, const uint64_t *fired_us,
			  uint64_t *decided_us)
{
	uint64_t end_us = now_us() + PATIENCE_US;

	while ((!*fired_us || !*decided_us) && now_us() < end_us) {
		if (sd_event_run(event, 1000) < 0)
			return false;
		if (!*decided_us && decided(log, from))
			*decided_us = now_us();
	}
	return *fired_us && *decided_us;
}

static bool measure(sd_event *event, char **argv, int log)
{
	uint64_t begun_us, fired_us = 0, decided_us = 0;
	off_t from = lseek(log, 0, SEEK_END);
	struct pressure *pressure;
	pid_t writers[WRITERS];
	bool both;
	int ret;

	ret = pressure_new(event, "", fired, &fired_us, &pressure);
	if (ret) {
		fprintf(stderr, "no trigger on pressure: %s\n", strerror(-ret));
		return false;
	}
	begun_us = now_us();
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = fork();
		if (!writers[i])
			write_and_stall(argv[2], argv[3], i);
	}
	both = wait_for_both(event, log, from, &fired_us, &decided_us);
	for (int i = 0; i < WRITERS; i++)
		if (writers[i] > 0)
			kill(writers[i], SIGKILL);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	pressure_free(pressure);
	if (!both)
		fprintf(stderr, "no %s within %d s\n", fired_us ? "decision" : "pressure",
			PATIENCE_US / 1000000);
	else
		printf("%ld %ld\n", (long)(fired_us - begun_us) / 1000,
		       ((long)decided_us - (long)fired_us) / 1000);
	return both;
}

int main(int argc, char **argv)
{
	sd_event *event;
	bool measured;
	int log;

	if (argc != 4) {
		fprintf(stderr, "usage: pressure LOG CGROUP FILE\n");
		return 1;
	}
	log = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (log < 0 || sd_event_new(&event) < 0) {
		perror(argv[1]);
		return 1;
	}
	measured = measure(event, argv, log);
	sd_event_unref(event);
	close(log);
	return measured ? 0 : 1;
}
