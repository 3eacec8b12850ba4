/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Named numbers in the text files of /proc: "MemTotal:  16384 kB" (meminfo), "pswpin 12"
 * (vmstat). A pure function on text.
 */
#ifndef AEROSTAT_SOURCE_COUNTERS_H
#define AEROSTAT_SOURCE_COUNTERS_H

#include "util/opt.h"

/*
 * The number that follows `key` where a line of `text` begins with it as a whole word; a colon
 * may follow the key. Its unit is the file's. Unknown: no such line, no number, or one that does
 * not fit.
 */
struct opt_u64 counters_find(const char *text, const char *key);

#endif
