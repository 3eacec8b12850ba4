// SPDX-License-Identifier: GPL-2.0
/*
 * Files, the kernel command line and the port to the host.
 *
 * The port is a serial line in raw mode. A line is one write(), and a tty writes up to 2 KiB
 * without letting another process in between, so a load's report never lands in the middle of
 * a short reply. Only replies of several KiB could be torn, and only when a load runs beside a
 * host that makes requests; the demo makes none.
 */
#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int port = -1;

int file_read(const char *path, char *ret_text, size_t size)
{
	size_t used = 0;
	ssize_t n;
	int fd, r;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		n = read(fd, ret_text + used, size - 1 - used);
		if (n > 0)
			used += (size_t)n;
	} while (n > 0 && used < size - 1);
	r = n < 0 ? -errno : 0;
	close(fd);
	if (r == 0)
		ret_text[used] = '\0';
	return r;
}

int file_write(const char *path, const char *text)
{
	ssize_t n;
	int fd, r = 0;

	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		r = -errno;
	else if ((size_t)n != strlen(text))
		r = -EIO;
	close(fd);
	return r;
}

int cmdline_get(const char *key, char *ret_value, size_t size)
{
	char text[4096], *word, *rest;
	size_t length = strlen(key);
	int r;

	r = file_read("/proc/cmdline", text, sizeof(text));
	if (r < 0)
		return r;
	for (word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
		if (strncmp(word, key, length) != 0 || word[length] != '=')
			continue;
		if (strlen(word + length + 1) >= size)
			return -EMSGSIZE;
		strcpy(ret_value, word + length + 1);
		return 0;
	}
	return -ENOENT;
}

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int port_open(const char *path)
{
	struct termios settings;
	int fd;

	fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (tcgetattr(fd, &settings) == 0) {
		cfmakeraw(&settings);
		cfsetspeed(&settings, B115200);
		tcsetattr(fd, TCSANOW, &settings);
	}
	port = fd;
	return 0;
}

void port_send(const char *text)
{
	static char line[AGENT_REPLY_MAX + 2];
	size_t used = 0, done = 0;
	ssize_t n;

	for (; *text && used + 2 < sizeof(line) - 1; text++) {
		if (*text == '\n' || *text == '\\') {
			line[used++] = '\\';
			line[used++] = *text == '\n' ? 'n' : '\\';
		} else {
			line[used++] = *text;
		}
	}
	line[used++] = '\n';
	while (done < used) {
		n = write(port, line + done, used - done);
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0)
			done += (size_t)n;
	}
}

void port_sendf(const char *format, ...)
{
	static char text[AGENT_REPLY_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	port_send(text);
}

int port_receive(char *ret_line, size_t size)
{
	static char buffer[AGENT_REQUEST_MAX];
	static size_t start, end;
	size_t used = 0;
	bool too_long = false;
	ssize_t n;
	char c;

	for (;;) {
		if (start == end) {
			n = read(port, buffer, sizeof(buffer));
			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				return -EIO;
			start = 0;
			end = (size_t)n;
		}
		c = buffer[start++];
		if (c == '\n')
			break;
		if (used < size - 1)
			ret_line[used++] = c;
		else
			too_long = true;
	}
	ret_line[used] = '\0';
	return too_long ? -EMSGSIZE : 0;
}
