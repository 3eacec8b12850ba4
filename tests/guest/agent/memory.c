// SPDX-License-Identifier: GPL-2.0
/*
 * Known page content, page cache on demand, and what the kernel says about memory.
 *
 * Page cache needs a file that is not in memory already, and most of these guests have no disk. A
 * loop device over a sparse tmpfs file serves: reading a hole of tmpfs allocates nothing, while the
 * pages the loop device caches for its readers are clean and the first to be reclaimed.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define CACHE_FILE   "/run/cache"
#define CACHE_DEVICE "/dev/loop0"

/* Odd, so that multiplying by it loses no bit of the index. */
#define PATTERN_FACTOR 0x9e3779b97f4a7c15ull

void pattern_fill(void *page, uint64_t index, uint64_t seed)
{
	uint64_t *word = page, value = (index + 1) * PATTERN_FACTOR ^ seed;

	for (size_t i = 0; i < AGENT_PAGE_BYTES / sizeof(*word); i++)
		word[i] = value + i;
}

bool pattern_intact(const void *page, uint64_t index, uint64_t seed)
{
	const uint64_t *word = page;
	uint64_t value = (index + 1) * PATTERN_FACTOR ^ seed;

	for (size_t i = 0; i < AGENT_PAGE_BYTES / sizeof(*word); i++)
		if (word[i] != value + i)
			return false;
	return true;
}

/* The number behind NAME and a separator in a file of one such line each. */
static int numbered_line(const char *path, const char *name, char separator, uint64_t *ret_number)
{
	static char text[16384];
	size_t length = strlen(name);
	const char *line;
	int r;

	r = file_read(path, text, sizeof(text));
	if (r < 0)
		return r;
	for (line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, name, length) == 0 && line[length] == separator) {
			*ret_number = strtoull(line + length + 1, NULL, 10);
			return 0;
		}
	}
	return -ENOENT;
}

int meminfo_kib(const char *field, uint64_t *ret_kib)
{
	return numbered_line("/proc/meminfo", field, ':', ret_kib);
}

int vmstat_counter(const char *name, uint64_t *ret_count)
{
	return numbered_line("/proc/vmstat", name, ' ', ret_count);
}

/* Puts a sparse file of so many bytes behind the loop device, in place of what was there. */
static int cache_attach(uint64_t bytes)
{
	int file, device, r = 0;

	r = module_insert("loop", "");
	if (r < 0 && r != -EEXIST)
		return r;
	file = open(CACHE_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0)
		return -errno;
	if (ftruncate(file, (off_t)bytes) < 0) {
		r = -errno;
		goto close_file;
	}
	device = open(CACHE_DEVICE, O_RDONLY | O_CLOEXEC);
	if (device < 0) {
		r = -errno;
		goto close_file;
	}
	r = 0;
	if (ioctl(device, LOOP_SET_FD, file) < 0) {
		/* Attached by an earlier call: it only has to notice the file's new size. */
		if (errno != EBUSY || ioctl(device, LOOP_SET_CAPACITY, 0) < 0)
			r = -errno;
	}
	close(device);
close_file:
	close(file);
	return r;
}

/*
 * Reads so much of a device through the page cache. It must stay open: its last close throws its
 * cached pages away. So the descriptor is left to the process, and one more for each call is no
 * loss in a test guest.
 */
static int read_through(const char *device, uint64_t bytes)
{
	static char buffer[64 * 1024];
	uint64_t left = bytes;
	ssize_t n;
	int fd;

	fd = open(device, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (left > 0) {
		n = read(fd, buffer, sizeof(buffer));
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		left -= (uint64_t)n < left ? (uint64_t)n : left;
	}
	return 0;
}

int cache_fill(uint64_t mib)
{
	uint64_t bytes = mib * AGENT_MIB_BYTES;
	int r;

	r = cache_attach(bytes);
	return r < 0 ? r : read_through(CACHE_DEVICE, bytes);
}

int cache_disk(const char *name, uint64_t mib)
{
	char path[64];
	int r;

	r = disk_find(name, path, sizeof(path));
	return r < 0 ? r : read_through(path, mib * AGENT_MIB_BYTES);
}
