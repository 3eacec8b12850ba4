// SPDX-License-Identifier: GPL-2.0
/*
 * aerostatctl history: how a VM's memory went. A line of blocks for each series, a table, or a
 * plot by gnuplot.
 */
#include "ctl/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/gnuplot.h"
#include "ctl/options.h"
#include "ctl/select.h"
#include "ctl/sentences.h"
#include "util/size.h"

#define SPARK_WIDTH 60 /* fits 80 columns with its name and ends */
#define LEVELS	    8

static const char help[] =
	"usage: aerostatctl history [OPTION]... VM\n"
	"Show how a VM's memory went, for a week at most and also before the daemon was restarted:\n"
	"minutes for an hour, then quarters of an hour for a day, then two hours.\n"
	"\n"
	"      --since TIME  this far back: 30min, 6h, 7d (default 24h)\n"
	"      --table       each point, instead of a line of blocks\n"
	"      --plot FILE   draw it with gnuplot, as a PNG\n" CTL_HELP_COMMON;

static const struct {
	const char *key;
	const char *name;
} series[] = {
	{ "actual_kib", "actual" },
	{ "target_kib", "target" },
	{ "demand_kib", "demand" },
	{ "used_kib", "used" },
};

#define N_SERIES (sizeof(series) / sizeof(series[0]))

/* The largest of a series' sizes, and of which the last and the smallest. False: none known. */
static bool bounds(const json_t *points, const char *key, json_int_t *ret_least,
		   json_int_t *ret_most, json_int_t *ret_last)
{
	bool any = false;

	for (size_t i = 0; i < json_array_size(points); i++) {
		const json_t *point = json_array_get(points, i);
		json_int_t kib = number(point, key);

		if (!known(point, key))
			continue;
		if (!any || kib < *ret_least)
			*ret_least = kib;
		if (!any || kib > *ret_most)
			*ret_most = kib;
		*ret_last = kib;
		any = true;
	}
	return any;
}

/* One block for what lies in column `column` of the time shown: its average. */
static const char *block(const json_t *points, const char *key, size_t column, json_int_t span_ms,
			 json_int_t scale_kib)
{
	static const char *const blocks[LEVELS] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	json_int_t from_ms = span_ms - span_ms * (json_int_t)column / SPARK_WIDTH;
	json_int_t to_ms = span_ms - span_ms * (json_int_t)(column + 1) / SPARK_WIDTH;
	json_int_t sum = 0, n = 0, level;

	for (size_t i = 0; i < json_array_size(points); i++) {
		const json_t *point = json_array_get(points, i);
		json_int_t end_ms = number(point, "age_ms");
		json_int_t begin_ms = end_ms + number(point, "span_ms");

		/* It covers some of the column. */
		if (!known(point, key) || begin_ms <= to_ms || end_ms >= from_ms)
			continue;
		sum += number(point, key);
		n++;
	}
	if (!n)
		return " ";
	level = scale_kib ? sum / n * LEVELS / scale_kib : 0;
	return blocks[level >= LEVELS ? LEVELS - 1 : level];
}

static json_int_t oldest_ms(const json_t *points)
{
	const json_t *first = json_array_get(points, 0);

	return number(first, "age_ms") + number(first, "span_ms");
}

static void print_sparks(const char *vm, const json_t *points)
{
	json_int_t span_ms = oldest_ms(points), scale_kib = 0, least, most, last;

	for (size_t s = 0; s < N_SERIES; s++)
		if (bounds(points, series[s].key, &least, &most, &last) && most > scale_kib)
			scale_kib = most;
	printf("%s, the last %" JSON_INTEGER_FORMAT " min; a full block is %s\n", vm,
	       span_ms / 60000, SIZE_KIB(scale_kib));
	for (size_t s = 0; s < N_SERIES; s++) {
		if (!bounds(points, series[s].key, &least, &most, &last))
			continue;
		printf("%-7s", series[s].name);
		for (size_t column = 0; column < SPARK_WIDTH; column++)
			fputs(block(points, series[s].key, column, span_ms, scale_kib), stdout);
		printf("\n       now %s, least %s, most %s\n", SIZE_KIB(last), SIZE_KIB(least),
		       SIZE_KIB(most));
	}
}

static void print_table(const json_t *points)
{
	printf("%10s  %9s  %12s  %12s  %12s  %12s\n", "MIN AGO", "OVER MIN", "ACTUAL", "TARGET",
	       "DEMAND", "USED");
	for (size_t i = 0; i < json_array_size(points); i++) {
		const json_t *point = json_array_get(points, i);

		printf("%10" JSON_INTEGER_FORMAT "  %9" JSON_INTEGER_FORMAT
		       "  %12s  %12s  %12s  %12s\n",
		       number(point, "age_ms") / 60000, number(point, "span_ms") / 60000,
		       SIZE(point, "actual_kib"), SIZE(point, "target_kib"),
		       SIZE(point, "demand_kib"), SIZE(point, "used_kib"));
	}
}

static void write_row(FILE *to, const json_t *point, json_int_t age_ms)
{
	fprintf(to, "%.3f", -(double)age_ms / 60000.0);
	for (size_t s = 0; s < N_SERIES; s++) {
		if (known(point, series[s].key))
			fprintf(to, " %.4f", (double)number(point, series[s].key) / 1048576.0);
		else
			fputs(" ?", to);
	}
	fputc('\n', to);
}

/* A point stands for all of its time, so it has two ends: a single one is seen, too. */
static void write_data(FILE *to, const json_t *points)
{
	for (size_t i = 0; i < json_array_size(points); i++) {
		const json_t *point = json_array_get(points, i);
		json_int_t end_ms = number(point, "age_ms");

		write_row(to, point, end_ms + number(point, "span_ms"));
		write_row(to, point, end_ms);
	}
}

static int plot(const char *vm, const json_t *points, const char *file)
{
	json_int_t least, most, last;
	struct gnuplot gnuplot;
	const char *between = "";
	int ret = gnuplot_start(&gnuplot);

	if (ret)
		return gnuplot_complain(file, ret);
	fputs("set terminal pngcairo size 1000,500 noenhanced\nset datafile missing '?'\n"
	      "set xlabel 'minutes'\nset ylabel 'GiB'\nset yrange [0:*]\nset key below\nset grid\n"
	      "set title ",
	      gnuplot.to);
	gnuplot_quote(&gnuplot, vm);
	fputs("\nset output ", gnuplot.to);
	gnuplot_quote(&gnuplot, file);
	fputs("\n$data << END\n", gnuplot.to);
	write_data(gnuplot.to, points);
	fputs("END\nplot ", gnuplot.to);
	for (size_t s = 0; s < N_SERIES; s++) {
		if (!bounds(points, series[s].key, &least, &most, &last))
			continue;
		fprintf(gnuplot.to, "%s$data using 1:%zu with %s title '%s'", between, s + 2,
			s ? "lines" : "lines lw 2", series[s].name);
		between = ", ";
	}
	fputc('\n', gnuplot.to);
	ret = gnuplot_end(&gnuplot);
	return ret ? gnuplot_complain(file, ret) : CTL_OK;
}

static int show(const struct ctl_common *common, const char *vm, uint64_t since_ms, bool table,
		const char *file)
{
	json_t *points;
	int code;

	code = client_history(&common->client, vm, since_ms, &points);
	if (code != CTL_OK)
		return code;
	if (common->json) {
		code = print_json(points);
	} else if (!json_array_size(points)) {
		fprintf(file ? stderr : stdout,
			"%s: nothing yet; the first point is there after a minute\n", vm);
		if (file) /* there is none */
			code = CTL_FAILED;
	} else if (file) {
		code = plot(vm, points, file);
	} else if (table) {
		print_table(points);
	} else {
		print_sparks(vm, points);
	}
	json_decref(points);
	return code;
}

int ctl_history(int argc, char **argv)
{
	const char *since = "24h", *file = NULL;
	bool table = false;
	const struct ctl_option own[] = { { .name = "since", .value = &since },
					  { .name = "plot", .value = &file },
					  { .name = "table", .flag = &table },
					  { 0 } };
	struct ctl_common common;
	uint32_t since_ms;
	int code;

	if (!ctl_parse(argc, argv, help, own, &common, &code))
		return code;
	if (argc - common.first != 1) {
		fprintf(stderr, "aerostatctl: history: of which VM? (see --help)\n");
		return CTL_USAGE;
	}
	if (size_parse_ms(since, &since_ms) || !since_ms) {
		fprintf(stderr,
			"aerostatctl: history: '%s' is not a time such as 30min, 6h or 7d\n",
			since);
		return CTL_USAGE;
	}
	return show(&common, argv[common.first], since_ms, table, file);
}
