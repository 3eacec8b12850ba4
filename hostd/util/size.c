// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes, percentages and durations from text (size.h). A number is read as an integer count of
 * thousandths, so that "1.5" needs no floating point and no locale.
 */
#include "util/size.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DECIMALS_MAX 3
#define MILLI	     1000 /* thousandths in one */

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit size_units[] = {
	{ "K", 1 },   { "M", 1024 },   { "G", 1024 * 1024 },   { "T", 1024 * 1024 * 1024 },
	{ "KiB", 1 }, { "MiB", 1024 }, { "GiB", 1024 * 1024 }, { "TiB", 1024 * 1024 * 1024 },
	{ NULL, 0 },
};

static const struct unit duration_units[] = {
	{ "ms", 1 },
	{ "s", 1000 },
	{ "min", 60 * 1000 },
	{ "h", 60 * 60 * 1000 },
	{ "d", 24 * 60 * 60 * 1000 },
	{ "w", 7 * 24 * 60 * 60 * 1000 },
	{ NULL, 0 },
};

/*
 * Read digits, optionally a point and up to `decimals` more, and the blanks after them.
 * *ret_rest is what follows.
 */
static int parse_milli(const char *text, int decimals, uint64_t *ret_milli, const char **ret_rest)
{
	uint64_t value = 0;
	int after_point = 0;
	bool overflow = false;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	for (; isdigit((unsigned char)*text); text++)
		overflow |= __builtin_mul_overflow(value, 10, &value) ||
			    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value);
	if (*text == '.' && decimals > 0) {
		text++;
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		for (; isdigit((unsigned char)*text); text++) {
			if (++after_point > decimals)
				return -EINVAL;
			overflow |= __builtin_mul_overflow(value, 10, &value) ||
				    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value);
		}
	}
	for (; after_point < DECIMALS_MAX; after_point++)
		overflow |= __builtin_mul_overflow(value, 10, &value);
	while (*text == ' ' || *text == '\t')
		text++;
	*ret_rest = text;
	if (overflow)
		return -ERANGE;
	*ret_milli = value;
	return 0;
}

/* A number and one of `units`, in the unit whose factor is 1; zero needs none. */
static int parse_scaled(const char *text, const struct unit *units, uint64_t *ret_value)
{
	const struct unit *unit;
	uint64_t milli = 0, scaled;
	const char *rest = "";
	int number;

	number = parse_milli(text, DECIMALS_MAX, &milli, &rest);
	if (number == -EINVAL)
		return number;
	if (!number && milli == 0 && *rest == '\0') {
		*ret_value = 0;
		return 0;
	}
	for (unit = units; unit->name; unit++)
		if (!strcasecmp(unit->name, rest))
			break;
	if (!unit->name)
		return -EINVAL; /* a wrong unit is the better message, even on a huge number */
	if (number)
		return number;
	if (__builtin_mul_overflow(milli, unit->factor, &scaled))
		return -ERANGE;
	*ret_value = scaled / MILLI;
	return 0;
}

int size_parse_kib(const char *text, uint64_t *ret_kib)
{
	uint64_t kib;
	int ret;

	ret = parse_scaled(text, size_units, &kib);
	if (ret)
		return ret;
	if (kib > SIZE_MAX_KIB)
		return -ERANGE;
	*ret_kib = kib;
	return 0;
}

int size_parse_permille(const char *text, uint32_t *ret_permille)
{
	uint64_t milli, permille;
	const char *rest;
	int ret;

	ret = parse_milli(text, 1, &milli, &rest);
	if (ret == -EINVAL || strcmp(rest, "%") != 0)
		return -EINVAL;
	if (ret)
		return ret;
	permille = milli / (MILLI / 10);
	if (permille > UINT32_MAX)
		return -ERANGE;
	*ret_permille = (uint32_t)permille;
	return 0;
}

int size_parse_amount(const char *text, struct amount *ret_amount)
{
	size_t length = strlen(text);
	uint32_t permille;
	uint64_t kib;
	int ret;

	if (length && text[length - 1] == '%') {
		ret = size_parse_permille(text, &permille);
		if (!ret)
			*ret_amount = (struct amount){ AMOUNT_PERMILLE, permille };
		return ret;
	}
	ret = size_parse_kib(text, &kib);
	if (!ret)
		*ret_amount = (struct amount){ AMOUNT_KIB, kib };
	return ret;
}

int size_parse_ms(const char *text, uint32_t *ret_ms)
{
	uint64_t ms;
	int ret;

	ret = parse_scaled(text, duration_units, &ms);
	if (ret)
		return ret;
	if (ms > UINT32_MAX)
		return -ERANGE;
	*ret_ms = (uint32_t)ms;
	return 0;
}

int size_parse_count(const char *text, uint64_t *ret_count)
{
	uint64_t milli;
	const char *rest;
	int ret;

	ret = parse_milli(text, 0, &milli, &rest);
	if (ret == -EINVAL || *rest != '\0')
		return -EINVAL;
	if (ret)
		return ret;
	*ret_count = milli / MILLI;
	return 0;
}

const char *size_format_kib(uint64_t kib, char *buffer, size_t length)
{
	static const char *const names[] = { "KiB", "MiB", "GiB", "TiB" };
	unsigned int shift = 0;

	while (shift < 3 && kib >> (10 * shift) >= 1024)
		shift++;
	if (shift < 2) {
		snprintf(buffer, length, "%" PRIu64 " %s", kib >> (10 * shift), names[shift]);
	} else {
		uint64_t unit = (uint64_t)1 << (10 * shift);

		snprintf(buffer, length, "%" PRIu64 ".%02" PRIu64 " %s", kib / unit,
			 kib % unit * 100 / unit, names[shift]);
	}
	return buffer;
}
