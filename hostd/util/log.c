// SPDX-License-Identifier: GPL-2.0
/*
 * Where a line goes is decided once, in log_init(). A line on standard error is one write, so
 * that lines of several threads do not mix. With log_detach() a thread of its own writes them
 * (log_writer.h).
 */
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "util/log_writer.h"
#include "util/printable.h"

#define LINE_MAX_BYTES 1024
#define FIELDS_MAX     24

/* What may be lost of a log that nobody reads, when the process ends. */
#define ATTACH_TIMEOUT_MS 500

static const struct {
	const char *name;
	int syslog_priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", 3 },
	[LOG_LEVEL_WARNING] = { "warning", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

#define N_LEVELS (sizeof(levels) / sizeof(levels[0]))

static struct {
	const char *program;
	enum log_level level;
	bool to_journal;
} target = { .program = "aerostat", .level = LOG_LEVEL_INFO };

/* $JOURNAL_STREAM is inherited by children: it counts only if our standard error still is it. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;

	return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

void log_init(const char *program)
{
	target.program = program;
	target.to_journal = stderr_is_journal();
}

void log_set_level(enum log_level level)
{
	target.level = level;
}

int log_level_parse(const char *text, enum log_level *ret_level)
{
	for (size_t i = 0; i < N_LEVELS; i++) {
		if (!strcmp(levels[i].name, text)) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

static void write_stderr(enum log_level level, const char *message)
{
	char line[LINE_MAX_BYTES + 64];
	int length;

	if (level == LOG_LEVEL_INFO)
		length = snprintf(line, sizeof(line), "%s: %s\n", target.program, message);
	else
		length = snprintf(line, sizeof(line), "%s: %s: %s\n", target.program,
				  levels[level].name, message);
	if (length < 0)
		return;
	if ((size_t)length >= sizeof(line)) {
		length = sizeof(line) - 1;
		line[length - 1] = '\n';
	}
	/* Nowhere is left to report that standard error cannot be written. */
	if (write(STDERR_FILENO, line, (size_t)length) < 0)
		return;
}

static int write_journal(enum log_level level, const char *message, const struct log_field *fields,
			 size_t n_fields)
{
	char text[LINE_MAX_BYTES + 16], priority[16];
	struct iovec iov[FIELDS_MAX + 2];
	size_t n = 0;

	snprintf(text, sizeof(text), "MESSAGE=%s", message);
	snprintf(priority, sizeof(priority), "PRIORITY=%d", levels[level].syslog_priority);
	iov[n++] = (struct iovec){ text, strlen(text) };
	iov[n++] = (struct iovec){ priority, strlen(priority) };
	for (size_t i = 0; i < n_fields && i < FIELDS_MAX; i++)
		iov[n++] = (struct iovec){ (void *)fields[i].text, strlen(fields[i].text) };
	return sd_journal_sendv(iov, (int)n);
}

static void write_line(enum log_level level, const char *message, const struct log_field *fields,
		       size_t n_fields)
{
	if (target.to_journal && write_journal(level, message, fields, n_fields) >= 0)
		return;
	write_stderr(level, message);
}

int log_detach(void)
{
	return log_writer_start(write_line);
}

void log_attach(void)
{
	log_writer_stop(ATTACH_TIMEOUT_MS);
}

void log_fields(enum log_level level, const char *message, const struct log_field *fields,
		size_t n_fields)
{
	char text[LINE_MAX_BYTES];

	if (level > target.level)
		return;
	/* Metadata and libvirt's errors are quoted in it: a line is to stay one. */
	snprintf(text, sizeof(text), "%s", message);
	text_make_printable(text);
	if (!log_writer_put(level, text, fields, n_fields))
		write_line(level, text, fields, n_fields);
}

void log_at(enum log_level level, const char *format, ...)
{
	char message[LINE_MAX_BYTES];
	va_list args;

	if (level > target.level)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	log_fields(level, message, NULL, 0);
}
