/* SPDX-License-Identifier: GPL-2.0 */
/* A directory of a test's own, with files it writes, removed when the test ends. */
#ifndef AEROSTAT_TESTS_SCRATCH_DIR_H
#define AEROSTAT_TESTS_SCRATCH_DIR_H

#include <stddef.h>

struct scratch {
	char path[64];
};

/* cmocka set-up and tear-down: *state becomes a struct scratch. */
int scratch_setup(void **state);
int scratch_teardown(void **state);

/* Write DIR/NAME, making directories as needed; returns its path, valid until the next call. */
const char *scratch_write(const struct scratch *scratch, const char *name, const char *text);
const char *scratch_write_bytes(const struct scratch *scratch, const char *name, const void *bytes,
				size_t length);

#endif
