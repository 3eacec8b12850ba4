/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Small files that must be whole: read at once, replaced at once. All of these wait for the disk:
 * not for the loop's thread while it controls.
 */
#ifndef AEROSTAT_STORE_DISK_H
#define AEROSTAT_STORE_DISK_H

#include <stddef.h>

/*
 * Read DIRECTORY/NAME; *ret_bytes is to be freed. Returns 0; -ENOENT; -EFBIG: longer than
 * `most_bytes`; -EINVAL: no regular file; or the errno of what failed.
 */
int disk_read(const char *directory, const char *name, size_t most_bytes, void **ret_bytes,
	      size_t *ret_length);

/*
 * Replace DIRECTORY/NAME, readable for its owner only. Whenever the machine or this process stops,
 * either the old file is there or the new one. Returns 0 or the errno of what failed; the old file
 * is there then.
 */
int disk_replace(const char *directory, const char *name, const void *bytes, size_t length);

/* Rename DIRECTORY/NAME to NAME.damaged, in place of an earlier one. Returns 0 or an errno. */
int disk_set_aside(const char *directory, const char *name);

#endif
