// SPDX-License-Identifier: GPL-2.0
/*
 * aerostatctl simulate: runs a trace, a scenario, or both under several policies, and tells how
 * each did. It needs no daemon and changes nothing.
 */
#include "ctl/simulate.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/keys.h"
#include "ctl/client.h"
#include "ctl/simulate_internal.h"
#include "sim/model.h"
#include "util/cleanup.h"
#include "util/size.h"

#define JOBS_MAX	   256
#define DAYS_MAX	   3660
#define FACTOR_MAX	   1000
#define HOST_RAM_LEAST_MIB 4096.0
#define SAFE_STEP	   0.25
#define SAFE_FIRST	   1.0
#define SAFE_LAST	   32.0
#define SAFE_HARM	   0.001

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
	     "       aerostatctl simulate --scenario FILE [OPTION]...|- [OPTION]...\n"
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

static int load_trace(const char *path, struct trace **ret_trace)
{
	struct sim_error error;
	bool standard = !strcmp(path, "-");
	FILE *from = standard ? stdin : fopen(path, "re");
	int ret;

	if (!from) {
		fprintf(stderr, "aerostatctl: %s: %s\n", path, strerror(errno));
		return CTL_FAILED;
	}
	ret = trace_read(from, standard ? "standard input" : path, ret_trace, &error);
	if (!standard)
		fclose(from);
	if (!ret)
		return CTL_OK;
	fprintf(stderr, "aerostatctl: %s\n", error.text);
	return CTL_FAILED;
}

/* "policy.stale=30s"; a section's name may have points in it, a key has none. */
static int set_key(struct conf *conf, const char *text, struct conf_error *ret_error)
{
	cleanup_free char *copy = strdup(text);
	char *value = copy ? strchr(copy, '=') : NULL, *key;
	int ret;

	if (value)
		*value++ = 0;
	key = value ? strrchr(copy, '.') : NULL;
	if (!key) {
		snprintf(ret_error->text, sizeof(ret_error->text),
			 "--set: \"%.100s\" is not SECTION.KEY=VALUE", text);
		return -EINVAL;
	}
	*key++ = 0;
	ret = keys_begin_section(conf, copy, ret_error);
	return ret ? ret : keys_set(conf, copy, key, value, ret_error);
}

static int load_conf(const struct simulate_options *options, struct conf **ret_conf)
{
	const char *path = options->config;
	struct conf *conf = NULL;
	struct conf_error error = { .text = "out of memory" };
	int ret = 0;

	if (path)
		ret = conf_load(path, &conf, &error);
	else
		conf = conf_new_default();
	for (size_t i = 0; conf && !ret && i < options->n_sets; i++)
		ret = set_key(conf, options->set[i], &error);
	if (conf && !ret) {
		*ret_conf = conf;
		return CTL_OK;
	}
	if (conf)
		conf_free(conf);
	fprintf(stderr, "aerostatctl: %s\n", error.text);
	return CTL_FAILED;
}

/* The VMs of the trace, each with the settings that its name gives it. */
static int fill_vms(const struct trace *trace, const struct conf *conf, struct guest_spec *specs,
		    struct vm_settings *settings)
{
	for (size_t i = 0; i < trace->n_vms; i++) {
		struct conf_error error;

		specs[i] = guest_spec_init(&trace->vms[i], i);
		if (conf_vm_settings(conf, trace->vms[i].id, NULL, &settings[i], &error)) {
			fprintf(stderr, "aerostatctl: %s: %s\n", trace->vms[i].id, error.text);
			return CTL_FAILED;
		}
	}
	return CTL_OK;
}

static int fail(const char *why)
{
	fprintf(stderr, "aerostatctl: %s\n", why);
	return CTL_FAILED;
}

static int run(struct experiment *experiment, struct metrics *metrics)
{
	int ret = experiment_run(experiment, metrics);

	return ret ? fail(strerror(-ret)) : CTL_OK;
}

static int show(const struct experiment *experiment, const struct simulate_options *options,
		const struct metrics *metrics, const struct scenario_outcome *outcome)
{
	int ret = 0;

	if (options->json) {
		ret = simulate_print_json(experiment, options, metrics, outcome);
	} else {
		simulate_print_table(experiment, options, metrics);
		if (outcome)
			simulate_print_outcome(outcome);
	}
	if (ret || fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "aerostatctl: cannot write\n");
		return CTL_FAILED;
	}
	if (!options->plot)
		return CTL_OK;
	ret = simulate_plot(experiment, metrics, options->plot);
	if (!ret)
		return CTL_OK;
	fprintf(stderr, "aerostatctl: cannot draw %s with gnuplot: %s\n", options->plot,
		strerror(-ret));
	return CTL_FAILED;
}

static int compare(struct experiment *experiment, const struct simulate_options *options)
{
	cleanup_free struct metrics *metrics =
		calloc(experiment->n_factors * experiment->n_policies, sizeof(*metrics));
	int code = metrics ? run(experiment, metrics) : fail("out of memory");

	return code == CTL_OK ? show(experiment, options, metrics, NULL) : code;
}

/* A scenario by itself: its VMs are one host, and may have something expected of them. */
static int play(struct experiment *experiment, const struct simulate_options *options,
		const struct scenario *scenario)
{
	cleanup_free struct metrics *metrics = calloc(experiment->n_policies, sizeof(*metrics));
	cleanup_free struct run_vm_result *vms = calloc(experiment->n_specs, sizeof(*vms));
	struct scenario_outcome outcome = { .scenario = scenario, .vms = vms };
	struct scenario_expectation expectation;
	bool judged = false;
	int code;

	if (!metrics || !vms)
		return fail("out of memory");
	experiment->n_factors = 1;
	experiment->factors[0] = 0;
	for (size_t p = 0; p < experiment->n_policies; p++) {
		bool ours = experiment->policies[p] == &sim_aerostat;

		if (scenario_run(scenario, experiment->policies[p], experiment->seed, &metrics[p],
				 ours ? vms : NULL))
			return fail("out of memory");
		if (ours)
			outcome.metrics = metrics[p];
		judged = judged || ours;
	}
	code = show(experiment, options, metrics, judged ? &outcome : NULL);
	for (size_t i = 0;
	     judged && scenario_expect(scenario, i, &outcome.metrics, vms, &expectation); i++)
		if (!expectation.met && code == CTL_OK)
			code = CTL_FAILED;
	return code;
}

/* Factor by factor upwards, each policy until it fails. */
static int search_safe(struct experiment *experiment, struct safe_factor *found)
{
	const struct experiment all = *experiment;
	bool going[EXPERIMENT_POLICIES_MAX];

	for (size_t p = 0; p < all.n_policies; p++)
		going[p] = true;
	experiment->n_factors = 1;
	for (double factor = SAFE_FIRST; factor <= SAFE_LAST; factor += SAFE_STEP) {
		struct metrics metrics[EXPERIMENT_POLICIES_MAX];
		size_t place[EXPERIMENT_POLICIES_MAX], n = 0;
		int code;

		for (size_t p = 0; p < all.n_policies; p++)
			if (going[p]) {
				experiment->policies[n] = all.policies[p];
				place[n++] = p;
			}
		if (!n)
			break;
		experiment->n_policies = n;
		experiment->factors[0] = factor;
		if (experiment->progress)
			fprintf(experiment->progress, "overcommit %.2f: %zu policies\n", factor, n);
		code = run(experiment, metrics);
		if (code != CTL_OK)
			return code;
		for (size_t k = 0; k < n; k++) {
			struct safe_factor *safe = &found[place[k]];

			if (!metrics[k].hosts) {
				safe->at_end = true;
				going[place[k]] = false;
			} else if (metrics_harm(&metrics[k]) > SAFE_HARM) {
				going[place[k]] = false;
			} else {
				safe->factor = factor;
				safe->metrics = metrics[k];
			}
		}
	}
	*experiment = all;
	return CTL_OK;
}

static int find_safe(struct experiment *experiment, const struct simulate_options *options)
{
	struct safe_factor found[EXPERIMENT_POLICIES_MAX] = { 0 };
	int code = search_safe(experiment, found), ret = 0;

	if (code != CTL_OK)
		return code;
	if (options->json)
		ret = simulate_print_safe_json(experiment, found);
	else
		simulate_print_safe(experiment, found);
	return ret ? CTL_FAILED : CTL_OK;
}

/* All that a run is made of, from what the options name. */
struct inputs {
	struct conf *conf;
	struct trace *trace;
	struct scenario *scenario;
	struct guest_spec *specs;
	struct vm_settings *settings;
};

static void free_inputs(struct inputs *inputs)
{
	scenario_free(inputs->scenario);
	free(inputs->specs);
	free(inputs->settings);
	trace_free(inputs->trace);
	if (inputs->conf)
		conf_free(inputs->conf);
}

static int load_scenario(const struct simulate_options *options, struct inputs *inputs)
{
	struct sim_error error;

	if (!scenario_load(options->scenario, inputs->conf, &inputs->scenario, &error))
		return CTL_OK;
	return fail(error.text);
}

static int load_vms(const struct simulate_options *options, struct inputs *inputs)
{
	int code = load_trace(options->trace, &inputs->trace);

	if (code != CTL_OK)
		return code;
	inputs->specs = calloc(inputs->trace->n_vms, sizeof(*inputs->specs));
	inputs->settings = calloc(inputs->trace->n_vms, sizeof(*inputs->settings));
	if (!inputs->specs || !inputs->settings)
		return fail("out of memory");
	return fill_vms(inputs->trace, inputs->conf, inputs->specs, inputs->settings);
}

/* The VMs to be packed are the trace's, and a scenario's come on top of them on each host. */
static void use_inputs(const struct inputs *inputs, const struct simulate_options *options,
		       struct experiment *experiment)
{
	experiment->conf = inputs->conf;
	experiment->specs = inputs->specs;
	experiment->settings = inputs->settings;
	if (inputs->trace) {
		experiment->n_specs = inputs->trace->n_vms;
		experiment->duration_s = trace_duration_s(inputs->trace);
		if (inputs->scenario)
			experiment->n_extra = scenario_vms(inputs->scenario, &experiment->extra,
							   &experiment->extra_settings);
	} else {
		experiment->n_specs =
			scenario_vms(inputs->scenario, &experiment->specs, &experiment->settings);
		experiment->duration_s = scenario_duration_s(inputs->scenario);
		experiment->ram_mib = scenario_ram_mib(inputs->scenario);
	}
	if (options->days > 0)
		experiment->duration_s =
			(int64_t)fmin(ceil(options->days * 86400), (double)experiment->duration_s);
}

static int simulate(struct experiment *experiment, const struct simulate_options *options)
{
	struct inputs inputs = { 0 };
	int code = load_conf(options, &inputs.conf);

	if (code == CTL_OK && options->scenario)
		code = load_scenario(options, &inputs);
	if (code == CTL_OK && options->trace)
		code = load_vms(options, &inputs);
	if (code == CTL_OK) {
		use_inputs(&inputs, options, experiment);
		if (!options->trace)
			code = play(experiment, options, inputs.scenario);
		else if (options->safe_overcommit)
			code = find_safe(experiment, options);
		else
			code = compare(experiment, options);
	}
	free_inputs(&inputs);
	return code;
}

int ctl_simulate(int argc, char **argv)
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
	struct simulate_options options = { 0 };
	struct experiment experiment = {
		.ram_mib = 128.0 * MODEL_MIB_PER_GIB,
		.seed = 1,
		.jobs = cpus > 0 && cpus < JOBS_MAX ? (unsigned int)cpus : 1,
	};
	int code;

	parse_factors("1.5,2,3,4", &experiment);
	parse_policies("all", &experiment);
	while ((code = getopt_long(argc, argv, "jqh", table, NULL)) >= 0) {
		if (code == 'h') {
			print_help();
			return CTL_OK;
		}
		code = parse_option(code, optarg, &options, &experiment);
		if (code != CTL_OK)
			return code;
	}
	if (optind < argc)
		return usage_error("'%s' is not expected; see simulate --help", argv[optind]);
	if (!options.trace && !options.scenario)
		return usage_error("simulate needs --trace or --scenario; see simulate --help");
	if (!options.trace && (options.safe_overcommit || options.days > 0))
		return usage_error("--safe-overcommit and --days need --trace");
	experiment.timing = options.timing;
	experiment.progress = options.quiet ? NULL : stderr;
	return simulate(&experiment, &options);
}
