// SPDX-License-Identifier: GPL-2.0
/*
 * A new file is written beside the old one, brought to the disk, and renamed over it; then the
 * directory is brought to the disk, without which the renaming might be lost. A file that a crash
 * has left half written beside it is overwritten by the next one.
 */
#include "store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"

#define NEW_SUFFIX     ".new"
#define DAMAGED_SUFFIX ".damaged"

static int open_directory(const char *directory, int *ret_fd)
{
	int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int with_suffix(const char *name, const char *suffix, char *ret_name)
{
	int length = snprintf(ret_name, NAME_MAX + 1, "%s%s", name, suffix);

	return length < 0 || length > NAME_MAX ? -ENAMETOOLONG : 0;
}

static int read_all(int fd, unsigned char *bytes, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t got = read(fd, bytes + done, length - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			return -EIO; /* shorter than it was a moment ago */
		done += (size_t)got;
	}
	return 0;
}

static int write_all(int fd, const unsigned char *bytes, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t put = write(fd, bytes + done, length - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		done += (size_t)put;
	}
	return 0;
}

int disk_read(const char *directory, const char *name, size_t most_bytes, void **ret_bytes,
	      size_t *ret_length)
{
	cleanup_close int directory_fd = -1;
	cleanup_close int fd = -1;
	struct stat stat;
	void *bytes;
	int ret;

	ret = open_directory(directory, &directory_fd);
	if (ret)
		return ret;
	/* NONBLOCK: were it a FIFO, opening it would wait for ever. */
	fd = openat(directory_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat))
		return -errno;
	if (!S_ISREG(stat.st_mode))
		return -EINVAL;
	if ((uint64_t)stat.st_size > most_bytes)
		return -EFBIG;
	bytes = malloc((size_t)stat.st_size + 1);
	if (!bytes)
		return -ENOMEM;
	ret = read_all(fd, bytes, (size_t)stat.st_size);
	if (ret) {
		free(bytes);
		return ret;
	}
	*ret_bytes = bytes;
	*ret_length = (size_t)stat.st_size;
	return 0;
}

static int sync_directory(const char *directory)
{
	cleanup_close int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) ? -errno : 0;
}

static int write_new(int directory_fd, const char *name, const void *bytes, size_t length)
{
	cleanup_close int fd = -1;
	int ret;

	/* Whatever lies there, a link for instance, is not ours to write through. */
	if (unlinkat(directory_fd, name, 0) && errno != ENOENT)
		return -errno;
	fd = openat(directory_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	ret = write_all(fd, bytes, length);
	if (!ret && fsync(fd))
		ret = -errno;
	return ret;
}

int disk_replace(const char *directory, const char *name, const void *bytes, size_t length)
{
	cleanup_close int directory_fd = -1;
	char new_name[NAME_MAX + 1];
	int ret;

	ret = with_suffix(name, NEW_SUFFIX, new_name);
	if (!ret)
		ret = open_directory(directory, &directory_fd);
	if (ret)
		return ret;
	ret = write_new(directory_fd, new_name, bytes, length);
	if (!ret && renameat(directory_fd, new_name, directory_fd, name))
		ret = -errno;
	if (ret) {
		unlinkat(directory_fd, new_name, 0);
		return ret;
	}
	return sync_directory(directory);
}

int disk_set_aside(const char *directory, const char *name)
{
	cleanup_close int directory_fd = -1;
	char damaged_name[NAME_MAX + 1];
	int ret;

	ret = with_suffix(name, DAMAGED_SUFFIX, damaged_name);
	if (!ret)
		ret = open_directory(directory, &directory_fd);
	if (!ret && renameat(directory_fd, name, directory_fd, damaged_name))
		ret = -errno;
	return ret;
}
