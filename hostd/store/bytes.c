// SPDX-License-Identifier: GPL-2.0
/* One byte after the other (bytes.h). */
#include "store/bytes.h"

#include <ctype.h>
#include <string.h>

void bytes_put(unsigned char **at, uint64_t value, size_t bytes)
{
	for (; bytes; bytes--, value >>= 8)
		*(*at)++ = (unsigned char)(value & 0xff);
}

uint64_t bytes_take(const unsigned char **at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t) * (*at)++ << (8 * i);
	return value;
}

void bytes_put_uuid(unsigned char **at, const char *uuid)
{
	memcpy(*at, uuid, BYTES_UUID_LEN);
	*at += BYTES_UUID_LEN;
}

bool bytes_take_uuid(const unsigned char **at, char *uuid)
{
	memcpy(uuid, *at, BYTES_UUID_LEN);
	uuid[BYTES_UUID_LEN] = '\0';
	*at += BYTES_UUID_LEN;
	for (size_t i = 0; i < BYTES_UUID_LEN; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (hyphen ? uuid[i] != '-' : !isxdigit((unsigned char)uuid[i]))
			return false;
	}
	return true;
}

/*
 * 64-bit FNV-1a (Fowler, Noll, Vo): it finds what disks and crashes do, and is no protection from
 * whoever may write the file.
 */
static uint64_t checksum(const unsigned char *bytes, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash;
}

void bytes_seal(unsigned char *bytes, size_t length)
{
	unsigned char *end = bytes + length - BYTES_CHECKSUM_LEN;

	bytes_put(&end, checksum(bytes, length - BYTES_CHECKSUM_LEN), BYTES_CHECKSUM_LEN);
}

bool bytes_sealed(const unsigned char *bytes, size_t length)
{
	const unsigned char *end = bytes + length - BYTES_CHECKSUM_LEN;

	return bytes_take(&end, BYTES_CHECKSUM_LEN) == checksum(bytes, length - BYTES_CHECKSUM_LEN);
}
