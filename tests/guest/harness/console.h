/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_CONSOLE_H
#define GUEST_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A guest's console, as the file QEMU writes it to. */
struct console {
	char path[512];
	long checked_bytes; /* up to here it has been looked at */
};

/*
 * Calls fn for each whole line behind what has been looked at, until it returns true; returns whether
 * one did.
 */
bool console_each(const struct console *console, bool (*fn)(const char *line, void *data),
		  void *data);

/*
 * Waits until a line with this text stands behind what has been looked at. ret_line, if not
 * NULL, gets it, to be freed. -ETIMEDOUT.
 */
int console_wait(const struct console *console, uint64_t timeout_ms, const char *text,
		 char **ret_line);

/*
 * Looks at all that is new for signs that the kernel is unwell, and moves on. Lines that contain
 * one of the expected texts are none. Returns whether one was found; *ret_line gets the first, to
 * be freed.
 */
bool console_unwell(struct console *console, const char *const *expected, size_t expected_count,
		    char **ret_line);

#endif
