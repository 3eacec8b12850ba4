/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread that writes the log, so that a full pipe, or a journal that does not read, holds up nobody
 * who logs. What waits to be written is bounded; what does not fit is dropped, counted, and said as
 * soon as something can be written again.
 */
#ifndef AEROSTAT_UTIL_LOG_WRITER_H
#define AEROSTAT_UTIL_LOG_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "util/log.h"

/* Where lines go in the end; may block. */
typedef void (*log_write_fn)(enum log_level level, const char *message,
			     const struct log_field *fields, size_t n_fields);

/* Begin; signals are blocked already. Returns 0 or a negative errno, and then lines are written at once. */
int log_writer_start(log_write_fn write);

/* Hand a line to the thread. False: there is none, write it yourself. From any thread. */
bool log_writer_put(enum log_level level, const char *message, const struct log_field *fields,
		    size_t n_fields);

/*
 * Before the process ends: what waits is written, as far as that goes in `timeout_ms`. Lines that come
 * later are written at once, or, where the thread hangs, dropped.
 */
void log_writer_stop(uint32_t timeout_ms);

#endif
