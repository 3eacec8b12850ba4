/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sizes, percentages and durations as people write them in the configuration and in metadata.
 * Pure functions on text. A unit is required wherever a bare number could be misread: "512" is
 * refused (KiB? MiB?), "0" is not.
 *
 *   size        512M  1.5G  2GiB  65536K     units K M G T, optionally followed by iB, in any
 *                                            case; always binary: 1M = 1 MiB = 1024 KiB. "MB" is
 *                                            refused, it means two things.
 *   percentage  25%   12.5%                  at most one digit after the point: one permille
 *   amount      a size or a percentage
 *   duration    200ms 5s  1.5s  2min  1h  7d  1w
 *   count       1000                         digits only
 *
 * At most three digits may follow a decimal point. All return 0, -EINVAL (not of this form) or
 * -ERANGE (of this form, but too large to be represented).
 */
#ifndef AEROSTAT_UTIL_SIZE_H
#define AEROSTAT_UTIL_SIZE_H

#include <stddef.h>
#include <stdint.h>

#define SIZE_MAX_KIB ((uint64_t)1 << 50) /* 1 EiB: above this a size is a typing error */

enum amount_unit {
	AMOUNT_UNSET, /* so that a zeroed structure says "not given" */
	AMOUNT_KIB,
	AMOUNT_PERMILLE,
};

/* A size, or a share of something that is only known later (a VM's maximum, the host's memory). */
struct amount {
	enum amount_unit unit;
	uint64_t value;
};

int size_parse_kib(const char *text, uint64_t *ret_kib);
int size_parse_permille(const char *text, uint32_t *ret_permille);
int size_parse_amount(const char *text, struct amount *ret_amount);
int size_parse_ms(const char *text, uint32_t *ret_ms);
int size_parse_count(const char *text, uint64_t *ret_count);

/*
 * "512 MiB", "1.50 GiB", "12 KiB": what people read; `buffer` is always terminated and returned.
 * SIZE_TEXT_LEN is enough for any value.
 */
#define SIZE_TEXT_LEN 32
const char *size_format_kib(uint64_t kib, char *buffer, size_t length);

#endif
