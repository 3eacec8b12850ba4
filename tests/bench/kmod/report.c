// SPDX-License-Identifier: GPL-2.0
/*
 * Results for people, for programs and for a plot.
 */
#include "report.h"
#include "targets.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

/* A figure with about four digits, or a dash where there is none. */
static void print_figure(FILE *out, double value)
{
	if (isnan(value))
		fprintf(out, " %11s", "-");
	else
		fprintf(out, " %11.*f", fabs(value) >= 100 ? 0 : fabs(value) >= 1 ? 1 : 3, value);
}

static void print_measures(FILE *out, const struct results *results, size_t kernel,
			   enum zeroing zeroing)
{
	fprintf(out, "%-30s", "");
	for (enum driver driver = 0; driver < DRIVERS; driver++)
		fprintf(out, " %11s", driver_name(driver));
	fprintf(out, "\n");
	for (enum measure measure = 0; measure < MEASURES; measure++) {
		fprintf(out, "%-30s", measure_name(measure));
		for (enum driver driver = 0; driver < DRIVERS; driver++)
			print_figure(out,
				     results_median(results, kernel, zeroing, driver, measure));
		fprintf(out, "\n");
	}
}

static const char *verdict(const struct target *target, double value)
{
	if (isnan(value))
		return "not measured";
	return target_met(target, value) ? "met" : "MISSED";
}

static void print_targets(FILE *out, const struct results *results, size_t kernel,
			  enum zeroing zeroing)
{
	static const char *const units[] = {
		[TIMES_FASTER] = " x stock",
		[PART_OF] = " of that",
		[FIGURE] = "",
	};

	for (size_t i = 0; i < target_count; i++) {
		const struct target *target = &targets[i];
		double value;

		if (target->zeroing != zeroing)
			continue;
		value = target_value(target, results, kernel);
		fprintf(out, "%-36s", target->name);
		print_figure(out, value);
		fprintf(out, "%-8s   target %s %-6g %s\n", units[target->kind],
			target->at_least ? ">=" : "<=", target->limit, verdict(target, value));
	}
}

/* What was not asked for needs no table of dashes. */
static bool zeroing_known(const struct results *results, size_t kernel, enum zeroing zeroing)
{
	for (enum driver driver = 0; driver < DRIVERS; driver++)
		if (results_known(results, kernel, zeroing, driver))
			return true;
	return false;
}

void report_table(FILE *out, const struct results *results)
{
	for (size_t kernel = 0; kernel < results->kernel_count; kernel++) {
		for (enum zeroing zeroing = 0; zeroing < ZEROINGS; zeroing++) {
			if (!zeroing_known(results, kernel, zeroing))
				continue;
			fprintf(out, "\nkernel %s, command line: %s; medians of %zu rounds\n",
				results->kernels[kernel], zeroing_name(zeroing), results->rounds);
			print_measures(out, results, kernel, zeroing);
			fprintf(out, "\n");
			print_targets(out, results, kernel, zeroing);
		}
	}
}

/* JSON has no word for NAN. */
static json_t *number(double value)
{
	return isnan(value) ? json_null() : json_real(value);
}

static json_t *values_json(const struct results *results, size_t kernel, enum zeroing zeroing,
			   enum driver driver, enum measure measure)
{
	const double *values = results->values[kernel][zeroing][driver][measure];
	size_t rounds = measure < MEASURES_ROUNDS ? results->rounds : 1;
	json_t *array = json_array();

	for (size_t i = 0; i < rounds; i++)
		json_array_append_new(array, number(values[i]));
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o}", "kernel", results->kernels[kernel],
			 "command_line", zeroing_name(zeroing), "driver", driver_name(driver),
			 "measure", measure_name(measure), "median",
			 number(median(values, ROUNDS_MAX)), "values", array);
}

static json_t *target_json(const struct results *results, size_t kernel,
			   const struct target *target)
{
	double value = target_value(target, results, kernel);

	return json_pack("{s:s, s:s, s:s, s:o, s:f, s:b, s:s}", "kernel", results->kernels[kernel],
			 "command_line", zeroing_name(target->zeroing), "target", target->name,
			 "value", number(value), "limit", target->limit, "at_least",
			 target->at_least, "verdict", verdict(target, value));
}

int report_json(const char *path, const struct results *results)
{
	json_t *figures = json_array(), *aims = json_array(), *root;
	struct utsname host;
	int r;

	for (size_t kernel = 0; kernel < results->kernel_count; kernel++) {
		for (enum zeroing zeroing = 0; zeroing < ZEROINGS; zeroing++)
			for (enum driver driver = 0; driver < DRIVERS; driver++)
				for (enum measure measure = 0; measure < MEASURES; measure++)
					json_array_append_new(figures,
							      values_json(results, kernel, zeroing,
									  driver, measure));
		for (size_t i = 0; i < target_count; i++)
			json_array_append_new(aims, target_json(results, kernel, &targets[i]));
	}
	uname(&host);
	root = json_pack("{s:s, s:I, s:I, s:o, s:o}", "host_kernel", host.release, "time_s",
			 (json_int_t)time(NULL), "rounds", (json_int_t)results->rounds, "targets",
			 aims, "figures", figures);
	r = json_dump_file(root, path, JSON_INDENT(1)) < 0 ? -EIO : 0;
	json_decref(root);
	return r;
}

int report_plot_data(const char *path, const struct results *results)
{
	static const enum measure columns[] = { INFLATE_UNTOUCHED_MS, INFLATE_TOUCHED_MS,
						DEFLATE_UNTOUCHED_MS, DEFLATE_TOUCHED_MS };
	FILE *out = fopen(path, "we");

	if (!out)
		return -errno;
	fprintf(out, "# guest, then ms: inflate untouched, touched; deflate untouched, touched\n");
	for (size_t kernel = 0; kernel < results->kernel_count; kernel++) {
		for (enum zeroing zeroing = 0; zeroing < ZEROINGS; zeroing++) {
			for (enum driver driver = 0; driver < DRIVERS; driver++) {
				if (!results_known(results, kernel, zeroing, driver))
					continue;
				fprintf(out, "\"%s %s\\n%s\"", results->kernels[kernel],
					driver_name(driver), zeroing_name(zeroing));
				for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
					fprintf(out, " %g",
						results_median(results, kernel, zeroing, driver,
							       columns[i]));
				fprintf(out, "\n");
			}
		}
	}
	return fclose(out) == 0 ? 0 : -EIO;
}
