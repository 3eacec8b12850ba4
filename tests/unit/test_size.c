// SPDX-License-Identifier: GPL-2.0
/* Sizes, percentages, durations and counts from text. */
#include "cmocka_test.h"

#include <errno.h>

#include "util/size.h"

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t kib;
	} good[] = {
		{ "0", 0 },	      { "0M", 0 },	   { "1K", 1 },
		{ "512M", 524288 },   { "1.5G", 1572864 }, { "2GiB", 2097152 },
		{ "1T", 1ull << 30 }, { "3 MiB", 3072 },   { "65536k", 65536 },
		{ "0.5K", 0 },	      { "1.125M", 1152 },  { "1048576T", 1ull << 50 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		uint64_t kib = 77;

		assert_int_equal(size_parse_kib(good[i].text, &kib), 0);
		assert_eq(kib, good[i].kib);
	}
}

static void test_bad_sizes(void **state)
{
	static const struct {
		const char *text;
		int error;
	} bad[] = {
		{ "", -EINVAL },
		{ "512", -EINVAL },
		{ "M", -EINVAL },
		{ "-1M", -EINVAL },
		{ "+1M", -EINVAL },
		{ "1MB", -EINVAL },
		{ "1.M", -EINVAL },
		{ ".5M", -EINVAL },
		{ "1.2345M", -EINVAL },
		{ "1M2", -EINVAL },
		{ "1e3M", -EINVAL },
		{ "0x10M", -EINVAL },
		{ "10%", -EINVAL },
		{ "1P", -EINVAL },
		{ "1M M", -EINVAL },
		{ "99999999999999999999999", -EINVAL },
		{ "99999999999999999999999K", -ERANGE },
		{ "18446744073709551615T", -ERANGE },
		{ "1048577T", -ERANGE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		uint64_t kib = 77;

		assert_int_equal(size_parse_kib(bad[i].text, &kib), bad[i].error);
		assert_eq(kib, 77);
	}
}

static void test_percentages(void **state)
{
	uint32_t permille = 77;

	(void)state;
	assert_int_equal(size_parse_permille("25%", &permille), 0);
	assert_eq(permille, 250);
	assert_int_equal(size_parse_permille("12.5 %", &permille), 0);
	assert_eq(permille, 125);
	assert_int_equal(size_parse_permille("0%", &permille), 0);
	assert_eq(permille, 0);
	assert_int_equal(size_parse_permille("25", &permille), -EINVAL);
	assert_int_equal(size_parse_permille("0.05%", &permille), -EINVAL);
	assert_int_equal(size_parse_permille("%", &permille), -EINVAL);
	assert_int_equal(size_parse_permille("1%%", &permille), -EINVAL);
	assert_int_equal(size_parse_permille("429496730%", &permille), -ERANGE);
	assert_int_equal(size_parse_permille("99999999999999999999%", &permille), -ERANGE);
	assert_eq(permille, 0);
}

static void test_amounts(void **state)
{
	struct amount amount = { AMOUNT_UNSET, 77 };

	(void)state;
	assert_int_equal(size_parse_amount("512", &amount), -EINVAL);
	assert_int_equal(size_parse_amount("", &amount), -EINVAL);
	assert_int_equal(amount.unit, AMOUNT_UNSET);
	assert_int_equal(size_parse_amount("25%", &amount), 0);
	assert_int_equal(amount.unit, AMOUNT_PERMILLE);
	assert_eq(amount.value, 250);
	assert_int_equal(size_parse_amount("1M", &amount), 0);
	assert_int_equal(amount.unit, AMOUNT_KIB);
	assert_eq(amount.value, 1024);
}

static void test_durations(void **state)
{
	uint32_t ms = 77;

	(void)state;
	assert_int_equal(size_parse_ms("200ms", &ms), 0);
	assert_eq(ms, 200);
	assert_int_equal(size_parse_ms("1.5s", &ms), 0);
	assert_eq(ms, 1500);
	assert_int_equal(size_parse_ms("2min", &ms), 0);
	assert_eq(ms, 120000);
	assert_int_equal(size_parse_ms("1h", &ms), 0);
	assert_eq(ms, 3600000);
	assert_int_equal(size_parse_ms("7d", &ms), 0);
	assert_int_equal(ms, 7 * 24 * 3600 * 1000);
	assert_int_equal(size_parse_ms("1w", &ms), 0);
	assert_int_equal(ms, 7 * 24 * 3600 * 1000);
	assert_int_equal(size_parse_ms("10w", &ms), -ERANGE);
	assert_int_equal(size_parse_ms("0", &ms), 0);
	assert_eq(ms, 0);
	assert_int_equal(size_parse_ms("5", &ms), -EINVAL);
	assert_int_equal(size_parse_ms("5m", &ms), -EINVAL);
	assert_int_equal(size_parse_ms("5s5", &ms), -EINVAL);
	assert_int_equal(size_parse_ms("2000h", &ms), -ERANGE);
	assert_eq(ms, 0);
}

static void test_counts(void **state)
{
	uint64_t count = 77;

	(void)state;
	assert_int_equal(size_parse_count("1000", &count), 0);
	assert_eq(count, 1000);
	assert_int_equal(size_parse_count("1.5", &count), -EINVAL);
	assert_int_equal(size_parse_count("-1", &count), -EINVAL);
	assert_int_equal(size_parse_count("1k", &count), -EINVAL);
	assert_int_equal(size_parse_count("99999999999999999999", &count), -ERANGE);
	assert_eq(count, 1000);
}

static void test_format(void **state)
{
	char text[SIZE_TEXT_LEN];

	(void)state;
	assert_string_equal(size_format_kib(0, text, sizeof(text)), "0 KiB");
	assert_string_equal(size_format_kib(1023, text, sizeof(text)), "1023 KiB");
	assert_string_equal(size_format_kib(1024, text, sizeof(text)), "1 MiB");
	assert_string_equal(size_format_kib(1572864, text, sizeof(text)), "1.50 GiB");
	assert_string_equal(size_format_kib(UINT64_MAX, text, sizeof(text)), "17179869183.99 TiB");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),	    cmocka_unit_test(test_bad_sizes),
		cmocka_unit_test(test_percentages), cmocka_unit_test(test_amounts),
		cmocka_unit_test(test_durations),   cmocka_unit_test(test_counts),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
