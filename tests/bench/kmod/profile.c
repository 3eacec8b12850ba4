// SPDX-License-Identifier: GPL-2.0
/*
 * Where the time of an inflation goes: QEMU under perf, while the balloon takes touched memory.
 *
 * QEMU names its threads, so the profile tells the device (the main thread, qemu-system-x86) from
 * the guest (CPU n/TCG). Of the guest it knows no more than how long it ran; instructions counted
 * tell the rest.
 */
#include "move.h"
#include "subject.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* perf needs a moment to attach to all threads. */
#define PERF_ATTACH_US 500000u

/* In the child: never returns. Output is of no interest unless something goes wrong. */
static _Noreturn void become(const char *log, const char *const *argv)
{
	int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd >= 0) {
		dup2(fd, 1);
		dup2(fd, 2);
	}
	/* execvp keeps its arguments as they are; its prototype is older than const. */
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

static int finish(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : 0;
}

/* Writes the profile beside the guest's logs. -ENOENT: there is no perf here. */
int sample_profile(struct subject *subject, double *values)
{
	char pid_text[16], data[800], report[800], log[800];
	const char *const record[] = { "perf", "record", "-e",	   "cpu-clock", "-F", "1999",
				       "-g",   "-p",	 pid_text, "-o",	data, NULL };
	const char *const describe[] = { "perf",    "report",	       "-i", data,
					 "--stdio", "--no-children",   "-g", "none",
					 "--sort",  "comm,dso,symbol", NULL };
	struct guest *guest = subject->guest;
	pid_t perf;
	int r, ended;

	snprintf(pid_text, sizeof(pid_text), "%d", guest->pid);
	snprintf(data, sizeof(data), "%s/perf.data", subject->logs);
	snprintf(report, sizeof(report), "%s/profile.txt", subject->logs);
	snprintf(log, sizeof(log), "%s/perf.log", subject->logs);
	r = subject_touch(subject, TOUCHED_MIB);
	if (r < 0)
		return r;
	perf = fork();
	if (perf == 0)
		become(log, record);
	if (perf < 0)
		return subject_failed(subject, "start perf", -errno);
	usleep(PERF_ATTACH_US);
	r = balloon_move(guest, (uint64_t)INFLATED_MIB * 1024, MOVE_POLL_SPARSE_US, NULL,
			 &values[INFLATE_TOUCHED_MS]);
	kill(perf, SIGINT);
	ended = finish(perf);
	if (r < 0 || ended < 0)
		return subject_failed(subject, "profile an inflation", r < 0 ? r : ended);
	perf = fork();
	if (perf == 0)
		become(report, describe);
	if (perf < 0 || finish(perf) < 0)
		return subject_failed(subject, "report the profile", -errno);
	unlink(data);
	return 0;
}
