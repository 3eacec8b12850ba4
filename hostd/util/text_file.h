/* SPDX-License-Identifier: GPL-2.0 */
/* Small text files read whole: those of /proc, which have no size to ask for beforehand. */
#ifndef AEROSTAT_UTIL_TEXT_FILE_H
#define AEROSTAT_UTIL_TEXT_FILE_H

#include <stddef.h>

/*
 * Read ROOT/PATH into `buffer`, which is NUL-terminated on success. `root` "" or NULL: "/".
 * Returns 0; -EFBIG: more than size - 1 bytes; or the errno of open() or read(). On failure
 * `buffer` is not to be used.
 */
int text_file_read(const char *root, const char *path, char *buffer, size_t size);

/* Likewise, for files that contain NULs: *ret_length is how many bytes there are before the last. */
int text_file_read_bytes(const char *root, const char *path, char *buffer, size_t size,
			 size_t *ret_length);

#endif
