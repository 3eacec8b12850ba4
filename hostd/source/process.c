// SPDX-License-Identifier: GPL-2.0
/* Files of /proc/PID (process.h), each read whole. */
#include "source/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/cgroup.h"
#include "source/counters.h"
#include "util/text_file.h"

#define UUID_OPTION	"-uuid"
#define CMDLINE_MAX_LEN (64 * 1024) /* of what libvirt passes, a few KiB */
#define STATUS_MAX_LEN	(16 * 1024) /* about 1.5 KiB, longer with many CPUs and groups */
#define STAT_MAX_LEN	1024
#define START_FIELD	22
#define NAME_FIELD	2 /* in parentheses, may contain anything */

const char *process_uuid(const char *cmdline, size_t length)
{
	const char *end = cmdline + length;
	bool wanted = false;

	while (cmdline < end) {
		size_t n = strnlen(cmdline, (size_t)(end - cmdline));

		if (cmdline + n == end)
			return NULL; /* cut off: not terminated */
		if (wanted)
			return n == VM_UUID_LEN - 1 ? cmdline : NULL;
		wanted = !strcmp(cmdline, UUID_OPTION);
		cmdline += n + 1;
	}
	return NULL;
}

struct opt_u64 process_start(const char *stat)
{
	const char *at = strrchr(stat, ')');
	unsigned long long ticks;
	char *end;

	for (int field = NAME_FIELD; at && field < START_FIELD; field++) {
		at = strchr(at, ' ');
		if (at)
			at++;
	}
	if (!at || !isdigit((unsigned char)*at))
		return opt_none();
	errno = 0;
	ticks = strtoull(at, &end, 10);
	return errno || *end != ' ' ? opt_none() : opt_some(ticks);
}

static int read_file(const char *root, pid_t pid, const char *name, char *text, size_t size)
{
	char path[64];

	snprintf(path, sizeof(path), "proc/%d/%s", pid, name);
	return text_file_read(root, path, text, size);
}

static struct opt_u64 read_start(const char *root, pid_t pid)
{
	char text[STAT_MAX_LEN];

	if (read_file(root, pid, "stat", text, sizeof(text)))
		return opt_none();
	return process_start(text);
}

/* The command line holds NULs, so its length is needed as well. */
static const char *read_uuid(const char *root, pid_t pid, char *text, size_t size)
{
	char path[64];
	size_t length;

	snprintf(path, sizeof(path), "proc/%d/cmdline", pid);
	if (text_file_read_bytes(root, path, text, size, &length))
		return NULL;
	return process_uuid(text, length);
}

static pid_t pid_of(const char *name)
{
	unsigned long pid;
	char *end;

	if (!isdigit((unsigned char)*name))
		return 0;
	pid = strtoul(name, &end, 10);
	return *end || pid > INT_MAX ? 0 : (pid_t)pid;
}

int process_scan(const char *root,
		 void (*found)(void *userdata, const char *uuid, const struct process *process),
		 void *userdata)
{
	char path[PATH_MAX], *text;
	struct dirent *entry;
	DIR *directory;

	if (snprintf(path, sizeof(path), "%s/proc", root ? root : "") >= (int)sizeof(path))
		return -ENAMETOOLONG;
	text = malloc(CMDLINE_MAX_LEN);
	if (!text)
		return -ENOMEM;
	directory = opendir(path);
	if (!directory) {
		int error = errno;

		free(text);
		return -error;
	}
	while ((entry = readdir(directory))) {
		struct process process = { .pid = pid_of(entry->d_name) };
		const char *uuid;

		if (!process.pid)
			continue;
		uuid = read_uuid(root, process.pid, text, CMDLINE_MAX_LEN);
		if (uuid && opt_get(read_start(root, process.pid), &process.start_ticks))
			found(userdata, uuid, &process);
	}
	closedir(directory);
	free(text);
	return 0;
}

bool process_alive(const char *root, const struct process *process)
{
	uint64_t start_ticks;

	return process->pid && opt_get(read_start(root, process->pid), &start_ticks) &&
	       start_ticks == process->start_ticks;
}

void process_memory(const char *root, const struct process *process,
		    struct opt_u64 *ret_resident_kib, struct opt_u64 *ret_swapped_kib)
{
	char text[STATUS_MAX_LEN];

	if (read_file(root, process->pid, "status", text, sizeof(text)))
		text[0] = '\0';
	*ret_resident_kib = counters_find(text, "VmRSS");
	*ret_swapped_kib = counters_find(text, "VmSwap");
}

int process_cgroup(const char *root, const struct process *process, char *ret_path)
{
	char text[4096];
	int ret;

	ret = read_file(root, process->pid, "cgroup", text, sizeof(text));
	return ret ? ret : cgroup_scope(text, ret_path);
}
