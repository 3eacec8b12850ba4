// SPDX-License-Identifier: GPL-2.0
/*
 * Lines over a socket, each with a deadline: what the monitor and the agent have in common.
 */
#include "harness/lines.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Cuts the first line out of what has been received; NULL when there is no whole one. */
static char *take_line(struct line_reader *reader)
{
	char *end = memchr(reader->buffer, '\n', reader->used);
	size_t length;
	char *line;

	if (!end)
		return NULL;
	length = (size_t)(end - reader->buffer);
	line = strndup(reader->buffer, length);
	if (!line)
		abort();
	reader->used -= length + 1;
	memmove(reader->buffer, end + 1, reader->used);
	if (length && line[length - 1] == '\r')
		line[length - 1] = '\0';
	return line;
}

static int receive_more(struct line_reader *reader, uint64_t deadline_ms)
{
	struct pollfd wait = { .fd = reader->fd, .events = POLLIN };
	uint64_t now = clock_ms();
	ssize_t n;
	int r;

	if (reader->size - reader->used < 4096) {
		reader->size = reader->size ? reader->size * 2 : 16384;
		reader->buffer = realloc(reader->buffer, reader->size);
		if (!reader->buffer)
			abort();
	}
	r = poll(&wait, 1, deadline_ms > now ? (int)(deadline_ms - now) : 0);
	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	if (r == 0)
		return -ETIMEDOUT;
	n = recv(reader->fd, reader->buffer + reader->used, reader->size - reader->used, 0);
	if (n < 0)
		return errno == EINTR ? 0 : errno == ECONNRESET ? -EPIPE : -errno;
	if (n == 0)
		return -EPIPE;
	reader->used += (size_t)n;
	return 0;
}

int line_read(struct line_reader *reader, uint64_t deadline_ms, char **ret_line)
{
	char *line;
	int r;

	for (;;) {
		line = reader->used ? take_line(reader) : NULL;
		if (line) {
			*ret_line = line;
			return 0;
		}
		r = receive_more(reader, deadline_ms);
		if (r < 0)
			return r;
	}
}

void line_reader_deinit(struct line_reader *reader)
{
	free(reader->buffer);
	memset(reader, 0, sizeof(*reader));
	reader->fd = -1;
}

int line_write(int fd, const char *text, size_t length)
{
	ssize_t n;

	while (length) {
		n = send(fd, text, length, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == ECONNRESET ? -EPIPE : -errno;
		text += n;
		length -= (size_t)n;
	}
	return 0;
}
