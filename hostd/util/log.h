/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's log: to the journal with structured fields when standard error is connected to it
 * (systemd says so in $JOURNAL_STREAM), else lines on standard error. Callers that act log, pure
 * code does not. May be called from any thread; log_init() before the first of them.
 */
#ifndef AEROSTAT_UTIL_LOG_H
#define AEROSTAT_UTIL_LOG_H

#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/* A journal field beside the message: "AEROSTAT_REASON=reclaim". */
struct log_field {
	char text[96];
};

/* `program` prefixes the lines on standard error; borrowed for ever. */
void log_init(const char *program);

/*
 * From now on a thread writes the log, and logging waits for nobody: lines that cannot be written in
 * time are dropped, and their number is said. Signals must be blocked already. Returns 0 or a negative
 * errno: then lines are still written at once.
 */
int log_detach(void);

/* Before the process ends: all is written, unless that hangs. */
void log_attach(void);

void log_set_level(enum log_level level);

/* "error", "warning", "info" or "debug". Returns 0 or -EINVAL. */
int log_level_parse(const char *text, enum log_level *ret_level);

__attribute__((__format__(__printf__, 2, 3))) void log_at(enum log_level level, const char *format,
							  ...);

/* One entry with fields; without a journal only `message` is written. */
void log_fields(enum log_level level, const char *message, const struct log_field *fields,
		size_t n_fields);

#define log_error(...)	 log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
