// SPDX-License-Identifier: GPL-2.0
/* The command line of `aerostatctl simulate`. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/client.h"
#include "ctl/simulate_internal.h"
#include "sim/model.h"
#include "util/cleanup.h"
#include "util/size.h"

#define JOBS_MAX	   256
#define DAYS_MAX	   3660
#define FACTOR_MAX	   1000
#define HOST_RAM_LEAST_MIB 4096.0

enum {
	OPTION_TRACE = 256,
	OPTION_OVERCOMMIT,
	OPTION_POLICY,
	OPTION_DAYS,
	OPTION_SEED,
	OPTION_HOST_RAM,
	OPTION_SCENARIO,
	OPTION_CONFIG,
	OPTION_SET,
	OPTION_PLOT,
	OPTION_SAFE,
	OPTION_JOBS,
	OPTION_TIMING,
	OPTION_QUIET,
};

static void print_help(void)
{
	const struct sim_policy *policy;

	puts("usage: aerostatctl simulate --trace FILE|- [OPTION]...\n"
	     "       aerostatctl simulate --scenario FILE [OPTION]...\n"
	     "Simulate hosts of VMs under several policies, second by second, and compare them.\n"
	     "Needs no daemon and changes nothing.\n"
	     "\n"
	     "      --trace FILE        CSV: name,provisioned MiB,used MiB every 300 s, ...\n"
	     "                          (empty: not running); -: standard input\n"
	     "      --scenario FILE     made-up VMs, and what is expected: see aerostatctl(1); with a\n"
	     "                          trace, they come on top of its VMs on each host\n"
	     "      --overcommit LIST   provisioned memory as a multiple of the host's\n"
	     "                          (default 1.5,2,3,4)\n"
	     "      --policy LIST       names, or all (the default)\n"
	     "      --days N            only the first N days\n"
	     "      --seed S            of packing and bursts (default 1)\n"
	     "      --host-ram SIZE     of each host (default 128G)\n"
	     "      --config FILE       settings of aerostatd.conf(5) (default: the built-in ones)\n"
	     "      --set SECTION.KEY=VALUE\n"
	     "                          change one of them; may be given many times\n"
	     "      --safe-overcommit   find the largest factor at which at most 0.1 % of\n"
	     "                          VM-minutes are harmed: slower by more than 5 %\n"
	     "                          than with all memory to itself\n"
	     "      --plot FILE.png     draw the result with gnuplot\n"
	     "      --jobs N            hosts simulated at the same time (default: one a CPU)\n"
	     "      --timing            add how long a decision took\n"
	     "  -j, --json              for programs\n"
	     "  -q, --quiet             no progress on standard error\n"
	     "  -h, --help              this text\n"
	     "\n"
	     "Policies:");
	for (size_t i = 0; (policy = sim_policy_at(i)); i++)
		printf("  %-10s %s\n", policy->name, policy->summary);
	puts("\nExit status: 0 done, 1 failed, or a scenario's expectations are not met, 2 wrong\n"
	     "usage.");
}

__attribute__((format(printf, 1, 2))) static int usage_error(const char *format, ...)
{
	va_list arguments;

	fputs("aerostatctl: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return CTL_USAGE;
}

/* A plain decimal number, all of `text`, within the bounds. */
static int parse_number(const char *text, double low, double high, double *ret_number)
{
	char *end;
	double number;

	if (strspn(text, "0123456789.") != strlen(text) || !*text)
		return -EINVAL;
	number = strtod(text, &end);
	if (*end)
		return -EINVAL;
	if (number < low || number > high)
		return -ERANGE;
	*ret_number = number;
	return 0;
}

static int parse_factors(const char *list, struct experiment *experiment)
{
	cleanup_free char *copy = strdup(list);
	char *rest = copy, *item;
	size_t n = 0;

	if (!copy)
		return usage_error("out of memory");
	while ((item = strsep(&rest, ","))) {
		if (n == EXPERIMENT_FACTORS_MAX)
			return usage_error("--overcommit: at most %d factors",
					   EXPERIMENT_FACTORS_MAX);
		if (parse_number(item, 0.01, FACTOR_MAX, &experiment->factors[n]))
			return usage_error("--overcommit: '%s' is no factor such as 1.5", item);
		n++;
	}
	experiment->n_factors = n;
	return CTL_OK;
}

static int parse_policies(const char *list, struct experiment *experiment)
{
	cleanup_free char *copy = strdup(list);
	char *rest = copy, *item;
	size_t n = 0;

	if (!copy)
		return usage_error("out of memory");
	if (!strcmp(list, "all")) {
		while ((experiment->policies[n] = sim_policy_at(n)))
			n++;
		rest = NULL;
	}
	while ((item = strsep(&rest, ","))) {
		const struct sim_policy *policy = sim_policy_find(item);

		if (!policy)
			return usage_error("--policy: '%s' is none; see --help", item);
		for (size_t i = 0; i < n; i++)
			if (experiment->policies[i] == policy)
				return usage_error("--policy: '%s' twice", item);
		experiment->policies[n++] = policy;
	}
	experiment->n_policies = n;
	return CTL_OK;
}

static int parse_option(int code, const char *text, struct simulate_options *options,
			struct experiment *experiment)
{
	uint64_t number;
	double value;

	switch (code) {
	case OPTION_TRACE:
		options->trace = text;
		return CTL_OK;
	case OPTION_SCENARIO:
		options->scenario = text;
		return CTL_OK;
	case OPTION_CONFIG:
		options->config = text;
		return CTL_OK;
	case OPTION_SET:
		if (options->n_sets == SIMULATE_SETS_MAX)
			return usage_error("--set: at most %d times", SIMULATE_SETS_MAX);
		options->set[options->n_sets++] = text;
		return CTL_OK;
	case OPTION_PLOT:
		options->plot = text;
		return CTL_OK;
	case OPTION_OVERCOMMIT:
		return parse_factors(text, experiment);
	case OPTION_POLICY:
		return parse_policies(text, experiment);
	case OPTION_DAYS:
		if (parse_number(text, 0.001, DAYS_MAX, &options->days))
			return usage_error("--days: '%s' is no number of days", text);
		return CTL_OK;
	case OPTION_SEED:
		if (size_parse_count(text, &experiment->seed))
			return usage_error("--seed: '%s' is no number", text);
		return CTL_OK;
	case OPTION_HOST_RAM:
		if (size_parse_kib(text, &number))
			return usage_error("--host-ram: '%s' is no size such as 128G", text);
		value = (double)number / MODEL_KIB_PER_MIB;
		if (value < HOST_RAM_LEAST_MIB || value > TRACE_SIZE_MAX_MIB)
			return usage_error("--host-ram: from 4G to 64T");
		experiment->ram_mib = value;
		return CTL_OK;
	case OPTION_JOBS:
		if (size_parse_count(text, &number) || !number || number > JOBS_MAX)
			return usage_error("--jobs: from 1 to %d", JOBS_MAX);
		experiment->jobs = (unsigned int)number;
		return CTL_OK;
	case OPTION_SAFE:
		options->safe_overcommit = true;
		return CTL_OK;
	case OPTION_TIMING:
		options->timing = true;
		return CTL_OK;
	case OPTION_QUIET:
	case 'q':
		options->quiet = true;
		return CTL_OK;
	case 'j':
		options->json = true;
		return CTL_OK;
	default: /* getopt_long() has said what is wrong */
		return CTL_USAGE;
	}
}

int simulate_parse(int argc, char **argv, struct simulate_options *options,
		   struct experiment *experiment, bool *ret_done)
{
	static const struct option table[] = {
		{ "trace", required_argument, NULL, OPTION_TRACE },
		{ "overcommit", required_argument, NULL, OPTION_OVERCOMMIT },
		{ "policy", required_argument, NULL, OPTION_POLICY },
		{ "days", required_argument, NULL, OPTION_DAYS },
		{ "seed", required_argument, NULL, OPTION_SEED },
		{ "host-ram", required_argument, NULL, OPTION_HOST_RAM },
		{ "scenario", required_argument, NULL, OPTION_SCENARIO },
		{ "config", required_argument, NULL, OPTION_CONFIG },
		{ "set", required_argument, NULL, OPTION_SET },
		{ "plot", required_argument, NULL, OPTION_PLOT },
		{ "safe-overcommit", no_argument, NULL, OPTION_SAFE },
		{ "jobs", required_argument, NULL, OPTION_JOBS },
		{ "timing", no_argument, NULL, OPTION_TIMING },
		{ "quiet", no_argument, NULL, OPTION_QUIET },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int code;

	experiment->ram_mib = 128.0 * MODEL_MIB_PER_GIB;
	experiment->seed = 1;
	experiment->jobs = cpus > 0 && cpus < JOBS_MAX ? (unsigned int)cpus : 1;
	parse_factors("1.5,2,3,4", experiment);
	parse_policies("all", experiment);
	while ((code = getopt_long(argc, argv, "jqh", table, NULL)) >= 0) {
		if (code == 'h') {
			print_help();
			*ret_done = true;
			return CTL_OK;
		}
		code = parse_option(code, optarg, options, experiment);
		if (code != CTL_OK)
			return code;
	}
	if (optind < argc)
		return usage_error("'%s' is not expected; see simulate --help", argv[optind]);
	if (!options->trace && !options->scenario)
		return usage_error("simulate needs --trace or --scenario; see simulate --help");
	if (!options->trace && (options->safe_overcommit || options->days > 0))
		return usage_error("--safe-overcommit and --days need --trace");
	experiment->timing = options->timing;
	experiment->progress = options->quiet ? NULL : stderr;
	*ret_done = false;
	return CTL_OK;
}
