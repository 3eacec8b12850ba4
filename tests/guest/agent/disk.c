// SPDX-License-Identifier: GPL-2.0
/*
 * Virtio disks, for guests that have one: to swap to, or to read.
 */
#include "agent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/swap.h>
#include <time.h>
#include <unistd.h>

/* A disk appears a moment after its driver; slow machines included. */
#define APPEARS_WITHIN_MS 10000u
#define POLL_MS		  50u

int disk_find(const char *name, char *ret_path, size_t size)
{
	struct timespec poll = { .tv_nsec = POLL_MS * 1000000L };
	uint64_t end_ms;
	char path[64];
	size_t length;
	int r;

	length = (size_t)snprintf(path, sizeof(path), "/dev/%s", name);
	if (length >= sizeof(path) || length >= size)
		return -EMSGSIZE;
	r = module_insert("virtio_blk", "");
	if (r < 0 && r != -EEXIST)
		return r;
	end_ms = now_ms() + APPEARS_WITHIN_MS;
	while (access(path, F_OK) < 0) {
		if (now_ms() >= end_ms)
			return -ENODEV;
		nanosleep(&poll, NULL);
	}
	memcpy(ret_path, path, length + 1);
	return 0;
}

int swap_start(void)
{
	char name[32], path[64];
	int r;

	r = cmdline_get("agent.swap", name, sizeof(name));
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = disk_find(name, path, sizeof(path));
	if (r < 0)
		return r;
	return swapon(path, 0) < 0 ? -errno : 0;
}
