// SPDX-License-Identifier: GPL-2.0
/*
 * UTF-8 is decoded here (RFC 3629, table 3-7 of the Unicode standard), because the C library does
 * it by the locale, and a daemon has none.
 */
#include "util/printable.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define REPLACEMENT '?'

/* How many bytes the character takes; 0: they are not UTF-8. */
static size_t decode(const unsigned char *bytes, uint32_t *ret_character)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t character;
	size_t length;

	if (bytes[0] < 0x80) {
		*ret_character = bytes[0];
		return 1;
	}
	if (bytes[0] < 0xc2 || bytes[0] > 0xf4)
		return 0;
	length = bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
	character = bytes[0] & (0x7fu >> length);
	/* The terminating NUL is no continuation, so nothing behind it is read. */
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (bytes[i] & 0x3fu);
	}
	if (character < least[length] || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff))
		return 0;
	*ret_character = character;
	return length;
}

static bool acts(uint32_t character)
{
	static const struct {
		uint32_t first;
		uint32_t last;
	} ranges[] = {
		{ 0x00, 0x1f },	    { 0x7f, 0x9f },	  { 0xad, 0xad },     { 0x61c, 0x61c },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e },	  { 0x2060, 0x206f }, { 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (character >= ranges[i].first && character <= ranges[i].last)
			return true;
	return false;
}

void text_make_printable(char *text)
{
	const unsigned char *from = (const unsigned char *)text;
	uint32_t character = 0;
	char *to = text;

	while (*from) {
		size_t length = decode(from, &character);

		if (!length || acts(character)) {
			*to++ = REPLACEMENT;
			from += length ? length : 1;
			continue;
		}
		memmove(to, from, length);
		to += length;
		from += length;
	}
	*to = '\0';
}
