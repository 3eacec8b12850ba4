/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_SUITE_H
#define GUEST_SUITE_H

#include "harness/guest.h"

/*
 * Runs all tests whose name, "GROUP/TEST", matches the pattern (NULL: all), with one kernel.
 * Logs go below log_root, verdicts as TAP without numbers to stdout, each in one write.
 * 0, or a negative errno when the suite itself could not work.
 */
int suite_run(const struct guest_source *source, const char *log_root, const char *pattern);

/* Prints the names of the tests that match. */
void suite_list(const char *pattern);

#endif
