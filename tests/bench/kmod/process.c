// SPDX-License-Identifier: GPL-2.0
/*
 * What the host's kernel says of the QEMU process, read from /proc.
 */
#include "process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number behind "FIELD:" at the start of a line. */
static int read_field(const char *path, const char *field, uint64_t *ret_value)
{
	size_t length = strlen(field), line_size = 0;
	FILE *file = fopen(path, "re");
	char *line = NULL;
	int r = -ENODATA;

	if (!file)
		return -errno;
	while (r < 0 && getline(&line, &line_size, file) > 0) {
		if (strncmp(line, field, length) != 0 || line[length] != ':')
			continue;
		*ret_value = strtoull(line + length + 1, NULL, 10);
		r = 0;
	}
	free(line);
	fclose(file);
	return r;
}

/* 5 in clear_refs sets VmHWM back to what is resident now: proc(5). */
int process_reset_peak(pid_t pid)
{
	char path[64];
	int fd, r = 0;

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, "5", 1) != 1)
		r = -errno;
	close(fd);
	return r;
}

int process_memory(pid_t pid, struct process_memory *ret_memory)
{
	struct process_memory memory;
	uint64_t private_kib;
	char status[64], rollup[64];
	int r;

	snprintf(status, sizeof(status), "/proc/%d/status", pid);
	snprintf(rollup, sizeof(rollup), "/proc/%d/smaps_rollup", pid);
	r = read_field(status, "VmRSS", &memory.resident_kib);
	if (r == 0)
		r = read_field(status, "VmHWM", &memory.peak_kib);
	if (r == 0)
		r = read_field(rollup, "AnonHugePages", &memory.huge_kib);
	if (r == 0)
		r = read_field(rollup, "Shared_Hugetlb", &memory.hugetlb_kib);
	if (r == 0)
		r = read_field(rollup, "Private_Hugetlb", &private_kib);
	if (r == 0)
		memory.hugetlb_kib += private_kib;
	if (r == 0)
		*ret_memory = memory;
	return r;
}

/* Adds up what one reader finds in the directory of each thread. */
static int sum_threads(pid_t pid, int (*read_one)(const char *dir, uint64_t *ret_value),
		       uint64_t *ret_sum)
{
	uint64_t value, sum = 0;
	struct dirent *entry;
	char path[600];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	if (!tasks)
		return -errno;
	while ((entry = readdir(tasks))) {
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s", pid, entry->d_name);
		/* A thread may end between the two looks. */
		if (read_one(path, &value) == 0)
			sum += value;
	}
	closedir(tasks);
	*ret_sum = sum;
	return 0;
}

static int read_switches(const char *dir, uint64_t *ret_switches)
{
	char path[700];

	snprintf(path, sizeof(path), "%s/status", dir);
	return read_field(path, "voluntary_ctxt_switches", ret_switches);
}

/* The first number of schedstat: time on the CPU, in ns. */
static int read_cpu_ns(const char *dir, uint64_t *ret_ns)
{
	char path[700];
	FILE *file;
	int found;

	snprintf(path, sizeof(path), "%s/schedstat", dir);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	found = fscanf(file, "%" SCNu64, ret_ns);
	fclose(file);
	return found == 1 ? 0 : -ENODATA;
}

int process_switches(pid_t pid, uint64_t *ret_switches)
{
	return sum_threads(pid, read_switches, ret_switches);
}

int process_cpu_ms(pid_t pid, double *ret_ms)
{
	uint64_t ns;
	int r = sum_threads(pid, read_cpu_ns, &ns);

	if (r == 0)
		*ret_ms = (double)ns / 1e6;
	return r;
}
