// SPDX-License-Identifier: GPL-2.0
/*
 * Swap for guests that shall be able to: a virtio disk on which the host has made a swap area.
 */
#include "agent.h"

#include <errno.h>
#include <stdio.h>
#include <sys/swap.h>
#include <time.h>

/* A disk appears a moment after its driver; slow machines included. */
#define APPEARS_WITHIN_MS 10000u
#define POLL_MS		  50u

int swap_start(void)
{
	struct timespec poll = { .tv_nsec = POLL_MS * 1000000L };
	char name[32], path[64];
	uint64_t end_ms;
	int r;

	r = cmdline_get("agent.swap", name, sizeof(name));
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = module_insert("virtio_blk", "");
	if (r < 0 && r != -EEXIST)
		return r;
	snprintf(path, sizeof(path), "/dev/%s", name);
	end_ms = now_ms() + APPEARS_WITHIN_MS;
	while (swapon(path, 0) < 0) {
		if (errno != ENOENT && errno != ENXIO)
			return -errno;
		if (now_ms() >= end_ms)
			return -ENODEV;
		nanosleep(&poll, NULL);
	}
	return 0;
}
