// SPDX-License-Identifier: GPL-2.0
/*
 * The figures that do not depend on how fast or busy the machine is.
 *
 * Discards and queue notifications are counted by QEMU's own trace events, switched on over the
 * monitor; they go to its log, which is emptied afterwards. Context switches come from the host's
 * kernel, in a move of their own: writing a trace would add to them. Instructions: with -icount
 * the guest's clock advances one nanosecond for each, and the scheduler's account of the time its
 * CPU ran tasks, without idling, is what the guest executed.
 */
#include "move.h"
#include "process.h"
#include "subject.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FULL_KIB    ((uint64_t)FULL_MIB * 1024)
#define COUNTED_KIB ((uint64_t)(FULL_MIB - COUNTED_MIB) * 1024)
#define PER_GIB	    (1024.0 / COUNTED_MIB)

/* Position of a CPU's run time, in ns, among the numbers of its line of /proc/schedstat. */
#define SCHEDSTAT_RUN_TIME 7

#define DISCARD_EVENT "ram_block_discard_range"
#define NOTIFY_EVENT  "virtio_queue_notify"

struct trace_counts {
	uint64_t discards, notifications;
};

static int trace_switch(struct guest *guest, bool on)
{
	static const char *const events[] = { DISCARD_EVENT, NOTIFY_EVENT };
	int r = 0;

	for (size_t i = 0; i < sizeof(events) / sizeof(*events) && r == 0; i++)
		r = qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "trace-event-set-state",
				"{s:s, s:b}", "name", events[i], "enable", on);
	return r;
}

/* What has been traced since the place in the log where the last count ended. */
static int trace_count(struct guest *guest, long *place, struct trace_counts *ret_counts)
{
	struct trace_counts counts = { .discards = 0 };
	FILE *log = fopen(guest->errors_path, "re");
	size_t line_size = 0;
	char *line = NULL;

	if (!log)
		return -errno;
	if (fseek(log, *place, SEEK_SET) == 0) {
		while (getline(&line, &line_size, log) > 0) {
			counts.discards += strstr(line, DISCARD_EVENT) != NULL;
			counts.notifications += strstr(line, NOTIFY_EVENT) != NULL;
		}
		*place = ftell(log);
	}
	free(line);
	fclose(log);
	*ret_counts = counts;
	return 0;
}

static int move(struct subject *subject, uint64_t target_kib)
{
	double took_ms;
	int r;

	r = balloon_move(subject->guest, target_kib, MOVE_POLL_SPARSE_US, NULL, &took_ms);
	return r < 0 ? subject_failed(subject, "move the balloon", r) : 0;
}

static int count_switches(struct subject *subject, double *values)
{
	uint64_t before, inflated, deflated;
	pid_t pid = subject->guest->pid;
	int r;

	r = process_switches(pid, &before);
	if (r == 0)
		r = move(subject, COUNTED_KIB);
	if (r == 0)
		r = process_switches(pid, &inflated);
	if (r == 0)
		r = move(subject, FULL_KIB);
	if (r == 0)
		r = process_switches(pid, &deflated);
	if (r < 0)
		return subject_failed(subject, "count context switches", r);
	values[INFLATE_SWITCHES_PER_GIB] = (double)(inflated - before) * PER_GIB;
	values[DEFLATE_SWITCHES_PER_GIB] = (double)(deflated - inflated) * PER_GIB;
	return 0;
}

static int count_traced(struct subject *subject, double *values)
{
	struct guest *guest = subject->guest;
	struct trace_counts inflate, deflate;
	long place = 0;
	int r;

	r = trace_count(guest, &place, &inflate);
	if (r == 0)
		r = trace_switch(guest, true);
	if (r == 0)
		r = move(subject, COUNTED_KIB);
	if (r == 0)
		r = trace_count(guest, &place, &inflate);
	if (r == 0)
		r = move(subject, FULL_KIB);
	if (r == 0)
		r = trace_switch(guest, false);
	if (r == 0)
		r = trace_count(guest, &place, &deflate);
	if (r < 0)
		return subject_failed(subject, "trace QEMU", r);
	values[INFLATE_DISCARDS_PER_GIB] = (double)inflate.discards * PER_GIB;
	values[INFLATE_NOTIFICATIONS_PER_GIB] = (double)inflate.notifications * PER_GIB;
	values[DEFLATE_NOTIFICATIONS_PER_GIB] = (double)deflate.notifications * PER_GIB;
	return 0;
}

int sample_counts(struct subject *subject, double *values)
{
	int r;

	r = count_switches(subject, values);
	if (r == 0)
		r = count_traced(subject, values);
	/* Tens of megabytes of trace: counted, and of no further use. */
	if (r == 0 && truncate(subject->guest->errors_path, 0) < 0)
		r = subject_failed(subject, "empty the trace", -errno);
	return r;
}

/* Instructions the guest's CPU has executed for tasks, idling not counted. */
static int instructions(struct guest *guest, double *ret_instructions)
{
	unsigned long long ns = 0;
	char *text, *word, *rest;
	int r, i;

	r = guest_ask(guest, &text, "read /proc/schedstat");
	if (r < 0)
		return r;
	word = strstr(text, "cpu0 ");
	word = word ? strtok_r(word, " \n", &rest) : NULL;
	for (i = 0; word && i < SCHEDSTAT_RUN_TIME; i++)
		word = strtok_r(NULL, " \n", &rest);
	if (word)
		ns = strtoull(word, NULL, 10);
	free(text);
	if (ns == 0)
		return -ENODATA;
	*ret_instructions = (double)ns;
	return 0;
}

int sample_instructions(struct subject *subject, double *values)
{
	struct guest *guest = subject->guest;
	double before, inflated, deflated;
	int r;

	r = instructions(guest, &before);
	if (r == 0)
		r = move(subject, COUNTED_KIB);
	if (r == 0)
		r = instructions(guest, &inflated);
	if (r == 0)
		r = move(subject, FULL_KIB);
	if (r == 0)
		r = instructions(guest, &deflated);
	if (r < 0)
		return subject_failed(subject, "count instructions", r);
	values[INFLATE_INSTRUCTIONS_PER_GIB] = (inflated - before) / 1e6 * PER_GIB;
	values[DEFLATE_INSTRUCTIONS_PER_GIB] = (deflated - inflated) / 1e6 * PER_GIB;
	return 0;
}
