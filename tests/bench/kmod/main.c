// SPDX-License-Identifier: GPL-2.0
/*
 * Benchmark of the guest module against the stock driver.
 *
 * Counts come first: one guest for each combination. Then rounds: in each, every combination of
 * kernel, command line and driver gets a fresh guest, the drivers next to one another and in
 * another order each time, so that whatever else the machine is doing strikes all alike. Ratios
 * are of figures of one round.
 *
 * Speed is reported, never judged by the exit status. Times are bounded: after --minutes no new
 * measurement begins, and what has been had is reported.
 */
#include "move.h"
#include "report.h"
#include "subject.h"

#include "harness/lines.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What can be done with a guest. */
struct kind {
	const char *name;
	int (*sample)(struct subject *subject, double *values);
	enum setup setup;
	enum measure shown; /* the figure worth a word on the way */
	bool kept; /* whether its figures go into the results */
};

static const struct kind counting = { "counts", sample_counts, SETUP_PLAIN,
				      INFLATE_DISCARDS_PER_GIB, true };
static const struct kind instructions = { "instructions", sample_instructions, SETUP_ICOUNT,
					  INFLATE_INSTRUCTIONS_PER_GIB, true };
static const struct kind hugetlb = { "hugetlb", sample_hugetlb, SETUP_HUGETLB,
				     HUGETLB_FREED_PERCENT, true };
static const struct kind profile = { "profile", sample_profile, SETUP_PLAIN, INFLATE_TOUCHED_MS,
				     false };
static const struct kind times = { "times", sample_times, SETUP_PLAIN, INFLATE_TOUCHED_MS, true };

struct plan {
	struct bench bench;
	const char *output_dir;
	size_t rounds;
	bool counts, profile, drivers[DRIVERS], zeroings[ZEROINGS];
	uint64_t deadline_ms;
	size_t done, total; /* measurements */
	bool late, failed;
};

static const char usage_text[] =
	"usage: bench --accel NAME --kernels DIR --images DIR --output DIR --kernel SERIES...\n"
	"             [--rounds N] [--minutes N] [--driver stock|pfn|range]... [--no-counts] [--profile]\n"
	"             [--command-line default|init_on_alloc=0]\n"
	"\n"
	"Measures the balloon drivers in the guest images of DIR/SERIES.cpio.gz. Prints a table;\n"
	"writes kmod.json, kmod.dat and the guests' logs below the output directory.\n"
	"Exit status: 0 measured, 1 something could not be measured, 2 wrong usage.\n";

/* The user has enough: what has been measured is reported. */
static volatile sig_atomic_t interrupted;

static void interrupt(int signal_number)
{
	(void)signal_number;
	interrupted = 1;
}

/* One guest, one kind of measurement; values are those of its round. */
static void measure(struct plan *plan, const struct kind *kind, const char *kernel,
		    enum zeroing zeroing, enum driver driver, double *values)
{
	static struct subject subject;
	double start_ms = bench_clock_ms();
	int r;

	plan->done++;
	if (plan->late || interrupted || clock_ms() > plan->deadline_ms) {
		plan->late = true;
		return;
	}
	r = subject_boot(&subject, &plan->bench, kernel, zeroing, driver, kind->setup);
	if (r == 0)
		r = kind->sample(&subject, values);
	subject_end(&subject);
	fprintf(stderr, "[%zu/%zu] %s %s %s, %s: ", plan->done, plan->total, kernel,
		zeroing_name(zeroing), driver_name(driver), kind->name);
	if (r < 0)
		fprintf(stderr, "%s\n", subject.why);
	else
		fprintf(stderr, "%s %.0f (took %.0f s)\n", measure_name(kind->shown),
			values[kind->shown], (bench_clock_ms() - start_ms) / 1e3);
	plan->failed = plan->failed || r < 0;
}

/* One measurement of every combination that was asked for, into this round. */
static void every(struct plan *plan, const struct kind *kind, struct results *results, size_t round)
{
	double values[MEASURES];

	for (size_t kernel = 0; kernel < results->kernel_count; kernel++) {
		for (enum zeroing zeroing = 0; zeroing < ZEROINGS; zeroing++) {
			if (!plan->zeroings[zeroing])
				continue;
			for (size_t turn = 0; turn < DRIVERS; turn++) {
				enum driver driver = (enum driver)((turn + round) % DRIVERS);

				if (!plan->drivers[driver])
					continue;
				for (size_t i = 0; i < MEASURES; i++)
					values[i] = NAN;
				measure(plan, kind, results->kernels[kernel], zeroing, driver,
					values);
				for (size_t i = 0; i < MEASURES && kind->kept; i++)
					if (!isnan(values[i]))
						results->values[kernel][zeroing][driver][i][round] =
							values[i];
			}
		}
	}
}

static int run(struct plan *plan, struct results *results)
{
	bool huge = hugetlb_available();
	size_t drivers = 0, zeroings = 0;
	char path[700];
	int r;

	for (size_t i = 0; i < DRIVERS; i++)
		drivers += plan->drivers[i];
	for (size_t i = 0; i < ZEROINGS; i++)
		zeroings += plan->zeroings[i];
	plan->total = results->kernel_count * zeroings * drivers *
		      (plan->rounds + (plan->counts ? 2 + huge : 0) + (plan->profile ? 1 : 0));
	if (plan->counts) {
		every(plan, &counting, results, 0);
		every(plan, &instructions, results, 0);
		if (huge)
			every(plan, &hugetlb, results, 0);
		else
			fprintf(stderr,
				"hugetlb: not measured, for want of %u free huge pages of 2 MiB "
				"(sysctl vm.nr_hugepages)\n",
				HUGETLB_FULL_MIB / 2);
	}
	if (plan->profile)
		every(plan, &profile, results, 0);
	for (size_t round = 0; round < plan->rounds && !plan->late; round++) {
		every(plan, &times, results, round);
		results->rounds = round + 1;
	}
	report_table(stdout, results);
	if (plan->late)
		printf("\nInterrupted, or the time was up: of the last round there is only a part.\n");
	snprintf(path, sizeof(path), "%s/kmod.json", plan->output_dir);
	r = report_json(path, results);
	if (r == 0) {
		snprintf(path, sizeof(path), "%s/kmod.dat", plan->output_dir);
		r = report_plot_data(path, results);
	}
	if (r < 0)
		fprintf(stderr, "cannot write %s: %s\n", path, strerror(-r));
	return r < 0 || plan->failed ? 1 : 0;
}

static int wrong_usage(const char *what)
{
	fprintf(stderr, "%s (see --help)\n", what);
	return 2;
}

static bool select_driver(struct plan *plan, const char *name)
{
	for (enum driver driver = 0; driver < DRIVERS; driver++) {
		if (strcmp(name, driver_name(driver)) == 0) {
			plan->drivers[driver] = true;
			return true;
		}
	}
	return false;
}

static bool select_zeroing(struct plan *plan, const char *name)
{
	for (enum zeroing zeroing = 0; zeroing < ZEROINGS; zeroing++) {
		if (strcmp(name, zeroing_name(zeroing)) == 0) {
			plan->zeroings[zeroing] = true;
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "accel", required_argument, NULL, 'a' },
		{ "kernels", required_argument, NULL, 'K' },
		{ "images", required_argument, NULL, 'i' },
		{ "output", required_argument, NULL, 'o' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "minutes", required_argument, NULL, 'm' },
		{ "driver", required_argument, NULL, 'd' },
		{ "command-line", required_argument, NULL, 'c' },
		{ "no-counts", no_argument, NULL, 'n' },
		{ "profile", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static struct results results;
	struct plan plan = { .rounds = 5, .counts = true };
	unsigned long minutes = 90;
	bool some_driver = false, some_zeroing = false;
	char logs[600];
	int option;

	results_init(&results);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'a':
			plan.bench.accel = optarg;
			break;
		case 'K':
			plan.bench.kernels_dir = optarg;
			break;
		case 'i':
			plan.bench.images_dir = optarg;
			break;
		case 'o':
			plan.output_dir = optarg;
			break;
		case 'k':
			if (results.kernel_count == KERNELS_MAX)
				return wrong_usage("too many kernels");
			results.kernels[results.kernel_count++] = optarg;
			break;
		case 'r':
			plan.rounds = strtoul(optarg, NULL, 10);
			break;
		case 'm':
			minutes = strtoul(optarg, NULL, 10);
			break;
		case 'd':
			if (!select_driver(&plan, optarg))
				return wrong_usage("no such driver");
			some_driver = true;
			break;
		case 'c':
			if (!select_zeroing(&plan, optarg))
				return wrong_usage("no such command line");
			some_zeroing = true;
			break;
		case 'n':
			plan.counts = false;
			break;
		case 'p':
			plan.profile = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		default:
			return wrong_usage("unknown argument");
		}
	}
	if (optind < argc || !plan.bench.accel || !plan.bench.kernels_dir ||
	    !plan.bench.images_dir || !plan.output_dir || results.kernel_count == 0 ||
	    plan.rounds > ROUNDS_MAX || minutes == 0)
		return wrong_usage("an argument is missing or out of range");
	for (size_t i = 0; i < DRIVERS && !some_driver; i++)
		plan.drivers[i] = true;
	for (size_t i = 0; i < ZEROINGS && !some_zeroing; i++)
		plan.zeroings[i] = true;
	snprintf(logs, sizeof(logs), "%s/logs", plan.output_dir);
	plan.bench.logs_dir = logs;
	plan.deadline_ms = clock_ms() + minutes * 60000;
	results.rounds = plan.rounds;
	signal(SIGINT, interrupt);
	return run(&plan, &results);
}
