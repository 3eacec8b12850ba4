// SPDX-License-Identifier: GPL-2.0
/*
 * The format is "some avg10=1.23 avg60=... total=..." with a point in every locale, so the number
 * is read digit by digit and not by strtod().
 */
#include "source/psi.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define WHOLE_PERCENT 100

/* "12.34" percent as permille, rounded down; unknown when it is no percentage. */
static struct opt_u64 parse_percent(const char *text)
{
	uint64_t percent = 0, tenth = 0;
	size_t digits = 0;

	for (; isdigit((unsigned char)*text) && digits <= 3; text++, digits++)
		percent = percent * 10 + (uint64_t)(*text - '0');
	if (!digits || percent > WHOLE_PERCENT)
		return opt_none();
	if (*text == '.') {
		text++;
		if (!isdigit((unsigned char)*text))
			return opt_none();
		tenth = (uint64_t)(*text - '0');
		while (isdigit((unsigned char)*text))
			text++;
	}
	if (percent == WHOLE_PERCENT && tenth)
		return opt_none();
	if (*text && !isspace((unsigned char)*text))
		return opt_none();
	return opt_some(percent * 10 + tenth);
}

static struct opt_u64 find_avg10(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	while (text && *text) {
		if (!strncmp(text, prefix, length))
			return parse_percent(text + length);
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return opt_none();
}

struct psi psi_parse(const char *text)
{
	return (struct psi){
		.some_permille = find_avg10(text, "some avg10="),
		.full_permille = find_avg10(text, "full avg10="),
	};
}
