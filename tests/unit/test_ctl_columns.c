// SPDX-License-Identifier: GPL-2.0
/* Names of any length and script in columns: always as wide as asked for, and told apart. */
#include "cmocka_test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/columns.h"
#include "ctl/top_lines.h"

#define WIDE  "\xe6\x95\xb0" /* two columns */
#define ACUTE "\xcc\x81" /* none: combines with the character before it */
#define DOTS  "\xe2\x80\xa6"

static int setup(void **state)
{
	(void)state;
	columns_init();
	return 0;
}

static void fits(const char *text, int width, const char *expected)
{
	char buffer[FIT_LEN];

	assert_string_equal(fit(text, width, buffer), expected);
	assert_eq(columns_of(buffer), abs(width));
}

static void test_fit(void **state)
{
	(void)state;
	fits("web1", 6, "web1  ");
	fits("web1", -6, "  web1");
	fits("web1", 4, "web1");
	fits("", 3, "   ");
	fits("web1", 0, "");
	fits("instance-0000002a", 9, "inst" DOTS "002a");
	fits("instance-0000002b", 9, "inst" DOTS "002b");
	fits("abc", 1, DOTS);
}

static void test_fit_wide(void **state)
{
	(void)state;
	fits(WIDE WIDE, 5, WIDE WIDE " ");
	fits(WIDE WIDE WIDE, 5, WIDE DOTS WIDE);
	fits(WIDE WIDE WIDE, 4, WIDE DOTS " "); /* half of one is none */
	fits("e" ACUTE "e" ACUTE, 3, "e" ACUTE "e" ACUTE " ");
	fits("abcde" ACUTE, 3, "a" DOTS "e" ACUTE);
}

/* A name that is all marks, or longer than any buffer. */
static void test_fit_hostile(void **state)
{
	char text[4096] = "x";

	(void)state;
	while (strlen(text) < sizeof(text) - 3)
		strcat(text, ACUTE);
	for (int width = 1; width < 40; width++)
		assert_eq(columns_of(FIT(text, width)), width);
	memset(text, 'y', sizeof(text) - 1);
	for (int width = 1; width < 100; width++)
		assert_eq(columns_of(FIT(text, -width)), width);
	assert_true(strlen(FIT(text, 100000)) < FIT_LEN);
}

static void test_cut(void **state)
{
	(void)state;
	assert_eq(columns_cut("abc", 2), 2);
	assert_eq(columns_cut("abc", 9), 3);
	assert_eq(columns_cut(WIDE "b", 1), 0);
	assert_eq(columns_cut(WIDE "b", 2), 3);
	assert_eq(columns_cut("\xff\xff", 1), 1);
}

static void test_printable_all_the_way_down(void **state)
{
	json_t *value = json_pack("{s:s, s:[s, {s:s}], s:i}", "name", "a\033[2J", "list", "b\nc",
				  "deep", "d\tq", "number", 3);

	(void)state;
	make_printable(value);
	assert_string_equal(json_string_value(json_object_get(value, "name")), "a?[2J");
	assert_string_equal(json_string_value(json_array_get(json_object_get(value, "list"), 0)),
			    "b?c");
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(value, "list"), 1), "deep")),
			    "d?q");
	assert_eq(json_integer_value(json_object_get(value, "number")), 3);
	json_decref(value);
}

static struct top_lines lines_of(const char *first, const char *second, int width)
{
	json_t *status = json_pack("{s:{s:s}, s:[{s:s, s:i, s:i, s:i, s:s}, {s:s, s:i}]}", "host",
				   "state", "hard", "vms", "name", first, "max_kib", 1 << 20,
				   "actual_kib", 1 << 19, "use_kib", 1 << 18, "reason",
				   "below-reservation", "name", second, "max_kib", 1 << 20);
	struct top_view view = { .width = width };
	struct top_lines lines;

	assert_non_null(status);
	assert_true(top_sort_by_name(&view, "actual"));
	top_lines_make(status, &view, &lines);
	json_decref(status);
	return lines;
}

/* Whatever names there are, all bars begin and end in the same columns, within the width. */
static void test_top_is_straight(void **state)
{
	static const char *const names[] = { "a", WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE,
					     "prod-web-frontend-eu-west-1a-0012.example.org" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (int width = 60; width <= 200; width += 7) {
			struct top_lines lines = lines_of(names[i], "instance-0000002a", width);
			size_t column = 0;

			assert_eq(lines.n, lines.n_head + 2);
			for (size_t k = 0; k < lines.n; k++) {
				const char *bar = strchr(lines.text[k], '[');
				char before[FIT_LEN] = "";

				assert_true(columns_of(lines.text[k]) <=
					    (size_t)(width < 80 ? 80 : width));
				if (k < lines.n_head)
					continue;
				assert_non_null(bar);
				snprintf(before, sizeof(before), "%.*s", (int)(bar - lines.text[k]),
					 lines.text[k]);
				if (column)
					assert_eq(columns_of(before), column);
				column = columns_of(before);
			}
			top_lines_clear(&lines);
		}
}

/* OpenStack numbers VMs at the end: at 80 columns they are told apart. */
static void test_top_tells_apart(void **state)
{
	struct top_lines lines = lines_of("instance-0000002a", "instance-0000002b", 80);

	(void)state;
	assert_contains(lines.text[lines.n_head], "instance-0000002a");
	assert_contains(lines.text[lines.n_head + 1], "instance-0000002b");
	/* Used a quarter, has half; what the other has is not known. */
	assert_contains(lines.text[lines.n_head], "[####++++--------]");
	assert_contains(lines.text[lines.n_head + 1], "[????????????????]");
	top_lines_clear(&lines);
}

/* What is usable is free, or cache; how much of it is which must be known. */
static void test_top_tells_cache_from_free(void **state)
{
	json_t *status = json_pack("{s:{}, s:[{s:s, s:i, s:i, s:i, s:i}, {s:s, s:i, s:i, s:i}]}",
				   "host", "vms", "name", "a", "max_kib", 1 << 20, "actual_kib",
				   3 << 18, "use_kib", 1 << 18, "unused_kib", 1 << 17, "name", "b",
				   "max_kib", 1 << 20, "actual_kib", 3 << 18, "unused_kib",
				   1 << 17);
	struct top_view view = { .width = 80 };
	struct top_lines lines;

	(void)state;
	assert_non_null(status);
	assert_true(top_sort_by_name(&view, "name"));
	top_lines_make(status, &view, &lines);
	assert_contains(lines.text[lines.n_head], "[####======++----]");
	assert_contains(lines.text[lines.n_head + 1], "[++++++++++++----]");
	assert_contains(lines.text[lines.n_head - 1], " #used=cache+free-  DECISION");
	top_lines_clear(&lines);
	view.width = 100;
	top_lines_make(status, &view, &lines);
	assert_contains(lines.text[lines.n_head - 1], " #used =cache +free -taken ");
	top_lines_clear(&lines);
	json_decref(status);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fit),
		cmocka_unit_test(test_fit_wide),
		cmocka_unit_test(test_fit_hostile),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_printable_all_the_way_down),
		cmocka_unit_test(test_top_is_straight),
		cmocka_unit_test(test_top_tells_apart),
		cmocka_unit_test(test_top_tells_cache_from_free),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
