// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel said on its console: waiting for a line, and looking for trouble.
 */
#include "harness/console.h"
#include "harness/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS 20

/* Texts by which Linux announces that something is wrong with itself, or that it gave up. */
static const char *const trouble[] = {
	"WARNING:",
	"BUG:",
	"Oops",
	"kernel BUG at",
	"Kernel panic",
	"Call Trace",
	"general protection fault",
	"unable to handle",
	"page allocation failure",
	"Bad page",
	"bad page",
	"Bad rss-counter",
	"non-zero pgtables_bytes",
	"list_add corruption",
	"list_del corruption",
	"refcount_t:",
	"use-after-free",
	"KASAN",
	"UBSAN",
	"KCSAN",
	"suspected memory leak",
	"kmemleak: Cannot",
	"kmemleak: Memory pool empty",
	"possible circular locking",
	"possible recursive locking",
	"inconsistent lock state",
	"suspicious RCU usage",
	"non-static key",
	"turning off the locking",
	"ODEBUG:",
	"BUG kmalloc",
	"Poison overwritten",
	"Redzone overwritten",
	"already free",
	"pagealloc:",
	"sleeping function called",
	"scheduling while atomic",
	"soft lockup",
	"hard LOCKUP",
	"detected stalls",
	"self-detected stall",
	"blocked for more than",
	"cannot create duplicate",
	"Unknown symbol",
	"disagrees about version",
	"Freezing of tasks failed",
	"Out of memory",
	"invoked oom-killer",
};

/* Calls fn for each whole line behind an offset until it returns true; ret_end: how far it got. */
static bool each_line(const char *path, long offset, bool (*fn)(const char *line, void *data),
		      void *data, long *ret_end)
{
	bool stop = false;
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	FILE *file;

	*ret_end = offset;
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fseek(file, offset, SEEK_SET) == 0) {
		while (!stop && (n = getline(&line, &size, file)) > 0 && line[n - 1] == '\n') {
			*ret_end += n;
			line[strcspn(line, "\r\n")] = '\0';
			stop = fn(line, data);
		}
	}
	free(line);
	fclose(file);
	return stop;
}

struct search {
	const char *text;
	const char *const *expected;
	size_t expected_count;
	char *found;
};

static bool contains(const char *line, void *data)
{
	struct search *search = data;

	if (!strstr(line, search->text))
		return false;
	search->found = strdup(line);
	return true;
}

static bool is_trouble(const char *line, void *data)
{
	struct search *search = data;

	for (size_t i = 0; i < search->expected_count; i++)
		if (strstr(line, search->expected[i]))
			return false;
	for (size_t i = 0; i < sizeof(trouble) / sizeof(*trouble); i++) {
		if (!strstr(line, trouble[i]))
			continue;
		search->found = strdup(line);
		return true;
	}
	return false;
}

bool console_each(const struct console *console, bool (*fn)(const char *line, void *data),
		  void *data)
{
	long end;

	return each_line(console->path, console->checked_bytes, fn, data, &end);
}

int console_wait(const struct console *console, uint64_t timeout_ms, const char *text,
		 char **ret_line)
{
	uint64_t deadline_ms = clock_ms() + timeout_ms;
	struct search search = { .text = text };
	long end;

	while (!each_line(console->path, console->checked_bytes, contains, &search, &end)) {
		if (clock_ms() >= deadline_ms)
			return -ETIMEDOUT;
		usleep(POLL_MS * 1000);
	}
	if (ret_line)
		*ret_line = search.found;
	else
		free(search.found);
	return 0;
}

bool console_unwell(struct console *console, const char *const *expected, size_t expected_count,
		    char **ret_line)
{
	struct search search = { .expected = expected, .expected_count = expected_count };
	long end;
	bool found;

	found = each_line(console->path, console->checked_bytes, is_trouble, &search, &end);
	console->checked_bytes = end;
	if (found)
		*ret_line = search.found;
	return found;
}
