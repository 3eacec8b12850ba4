// SPDX-License-Identifier: GPL-2.0
/* Line by line; a key matches at a line's start only, so "Mem" does not find "MemTotal". */
#include "source/counters.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct opt_u64 parse_number(const char *text)
{
	unsigned long long value;
	char *end;

	while (*text == ' ' || *text == '\t')
		text++;
	if (!isdigit((unsigned char)*text))
		return opt_none();
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || (*end && !isspace((unsigned char)*end)))
		return opt_none();
	return opt_some(value);
}

struct opt_u64 counters_find(const char *text, const char *key)
{
	size_t length = strlen(key);

	while (text && *text) {
		if (!strncmp(text, key, length)) {
			const char *after = text + length;

			if (*after == ':')
				after++;
			if (*after == ' ' || *after == '\t')
				return parse_number(after);
		}
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return opt_none();
}
