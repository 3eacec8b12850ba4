/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers in files, one by one and little-endian, so that a file's form depends on no compiler; and
 * the checksum at its end.
 */
#ifndef AEROSTAT_STORE_BYTES_H
#define AEROSTAT_STORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BYTES_CHECKSUM_LEN 8
#define BYTES_UUID_LEN	   36 /* without the NUL */

/* The lowest `bytes` bytes of a number; *at moves on. */
void bytes_put(unsigned char **at, uint64_t value, size_t bytes);
uint64_t bytes_take(const unsigned char **at, size_t bytes);

/* A UUID as text. False: there is something else. `uuid` has room for the NUL. */
void bytes_put_uuid(unsigned char **at, const char *uuid);
bool bytes_take_uuid(const unsigned char **at, char *uuid);

/*
 * A file of `length` bytes, at least BYTES_CHECKSUM_LEN: put the checksum of what is before them into
 * the last ones; whether they have it.
 */
void bytes_seal(unsigned char *bytes, size_t length);
bool bytes_sealed(const unsigned char *bytes, size_t length);

#endif
