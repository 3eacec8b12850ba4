/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_LINES_H
#define GUEST_LINES_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds of a clock that only goes forward; deadlines are points on it. */
uint64_t clock_ms(void);

struct line_reader {
	int fd;
	char *buffer;
	size_t used, size;
};

/*
 * The next line without its end, to be freed. -ETIMEDOUT at the deadline, -EPIPE when the other
 * side is gone.
 */
int line_read(struct line_reader *reader, uint64_t deadline_ms, char **ret_line);
void line_reader_deinit(struct line_reader *reader);

/* Writes all of it, or fails; -EPIPE when the other side is gone. */
int line_write(int fd, const char *text, size_t length);

#endif
