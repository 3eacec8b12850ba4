// SPDX-License-Identifier: GPL-2.0
/* Text that others choose: what acts on a terminal or a log is gone, what people write stays. */
#include "cmocka_test.h"

#include <stdio.h>

#include "util/printable.h"

static void becomes(const char *text, const char *expected)
{
	char copy[64];

	snprintf(copy, sizeof(copy), "%s", text);
	text_make_printable(copy);
	assert_string_equal(copy, expected);
}

static void test_people_write(void **state)
{
	(void)state;
	becomes("", "");
	becomes("instance-0000abcd", "instance-0000abcd");
	becomes("b\xc3\xbcro", "b\xc3\xbcro");
	becomes("\xe6\x95\xb0\xe6\x8d\xae", "\xe6\x95\xb0\xe6\x8d\xae");
	becomes("\xf0\x9f\x8e\x88", "\xf0\x9f\x8e\x88");
	becomes("a\"b\\c{}%s", "a\"b\\c{}%s");
}

static void test_acts(void **state)
{
	(void)state;
	becomes("a\033[31mb", "a?[31mb");
	becomes("a\nb\tc\rd\x7f", "a?b?c?d?");
	becomes("a\xc2\x9b"
		"31mb",
		"a?31mb"); /* CSI as one character */
	becomes("\xc2\x80\xc2\x9f\xc2\xa0", "??\xc2\xa0");
	becomes("a\xe2\x80\xae"
		"b\xe2\x81\xa6",
		"a?b?"); /* right to left, isolated */
	becomes("\xe2\x80\x8b\xef\xbb\xbf\xf3\xa0\x81\xa1", "???"); /* no width at all */
	becomes("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xaf", "\xe2\x80\xa7?\xe2\x80\xaf");
}

static void test_no_utf8(void **state)
{
	(void)state;
	becomes("\x80", "?");
	becomes("\xc3", "?"); /* cut off */
	becomes("\xe6\x95", "??");
	becomes("\xf0\x9f\x8e", "???");
	becomes("\xc0\x9b", "??"); /* longer than need be: a way around */
	becomes("\xe0\x82\x9b", "???");
	becomes("\xf0\x80\x82\x9b", "????");
	becomes("\xed\xa0\x80", "???"); /* half of a pair */
	becomes("\xf4\x90\x80\x80", "????"); /* beyond the last */
	becomes("\xff\xfe", "??");
	becomes("\x9b\x33\x31mx", "?31mx");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_people_write),
		cmocka_unit_test(test_acts),
		cmocka_unit_test(test_no_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
