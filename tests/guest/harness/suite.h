/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_SUITE_H
#define GUEST_SUITE_H

#include "harness/guest.h"

#include <stdatomic.h>

/*
 * Runs tests whose name, "GROUP/TEST", matches the pattern (NULL: all), with one kernel: those of the
 * groups that no other process has taken, which it finds, and says, by the number of the next one. So
 * all have been run when the last of several processes returns.
 * Logs go below log_root, verdicts as TAP without numbers to stdout, each in one write.
 * 0, or a negative errno when the suite itself could not work.
 */
int suite_run(const struct guest_source *source, const char *log_root, const char *pattern,
	      atomic_uint *next_group);

/* Prints the names of the tests that match. */
void suite_list(const char *pattern);

#endif
