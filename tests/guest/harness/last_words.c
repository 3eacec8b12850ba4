// SPDX-License-Identifier: GPL-2.0
/*
 * The ends of a guest's logs, for a report that reaches who cannot see the logs themselves: what the
 * guest's kernel said last, QEMU's complaints, and the monitor's last messages, such as why the
 * machine was shut down.
 */
#include "harness/last_words.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_CHARS 150
#define LINES_MAX      10u

/* Appends the last lines of one log to text[used..]; returns what is used then. */
static size_t append_end(const char *log_dir, const char *name, unsigned int n_lines, char *text,
			 size_t size, size_t used)
{
	char path[512], last[LINES_MAX][LINE_MAX_CHARS], line[8192];
	unsigned long n = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", log_dir, name);
	file = fopen(path, "re");
	if (!file)
		return used;
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (*line)
			snprintf(last[n++ % n_lines], LINE_MAX_CHARS, "%.*s", LINE_MAX_CHARS - 1,
				 line);
	}
	fclose(file);
	for (unsigned long i = n > n_lines ? n - n_lines : 0; i < n; i++) {
		int length =
			snprintf(text + used, size - used, "#   %s: %s\n", name, last[i % n_lines]);

		if ((size_t)length >= size - used)
			break;
		used += (size_t)length;
	}
	text[used] = '\0';
	return used;
}

void last_words(const char *log_dir, char *text, size_t size)
{
	size_t used = 0;

	*text = '\0';
	used = append_end(log_dir, "qemu.log", 3, text, size, used);
	used = append_end(log_dir, "qmp.log", 3, text, size, used);
	append_end(log_dir, "console.log", LINES_MAX, text, size, used);
}
