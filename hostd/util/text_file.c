// SPDX-License-Identifier: GPL-2.0
/* One open, reads until end of file, no allocation: called each tick. */
#include "util/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "util/cleanup.h"

int text_file_read_bytes(const char *root, const char *path, char *buffer, size_t size,
			 size_t *ret_length)
{
	cleanup_close int fd = -1;
	char full[PATH_MAX];
	size_t used = 0;
	int length;

	length = snprintf(full, sizeof(full), "%s/%s", root ? root : "", path);
	if (length < 0 || (size_t)length >= sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (used < size) {
		ssize_t got = read(fd, buffer + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0) {
			buffer[used] = '\0';
			*ret_length = used;
			return 0;
		}
		used += (size_t)got;
	}
	return -EFBIG;
}

int text_file_read(const char *root, const char *path, char *buffer, size_t size)
{
	size_t length;

	return text_file_read_bytes(root, path, buffer, size, &length);
}
