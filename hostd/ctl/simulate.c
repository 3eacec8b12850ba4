// SPDX-License-Identifier: GPL-2.0
/*
 * aerostatctl simulate: runs a trace, a scenario, or both under several policies, and tells how
 * each did. It needs no daemon and changes nothing.
 */
#include "ctl/simulate.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/keys.h"
#include "ctl/client.h"
#include "ctl/gnuplot.h"
#include "ctl/simulate_internal.h"
#include "util/cleanup.h"

#define SET_NAME_LEN 128
#define SAFE_STEP    0.25
#define SAFE_FIRST   1.0
#define SAFE_LAST    32.0
#define SAFE_HARM    0.001

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
	char name[SET_NAME_LEN], *key = NULL;
	const char *value = strchr(text, '=');
	size_t length = value ? (size_t)(value - text) : sizeof(name);
	int ret;

	if (length < sizeof(name)) {
		memcpy(name, text, length);
		name[length] = 0;
		key = strrchr(name, '.');
	}
	if (!key) {
		snprintf(ret_error->text, sizeof(ret_error->text),
			 "--set: \"%.100s\" is not SECTION.KEY=VALUE", text);
		return -EINVAL;
	}
	*key++ = 0;
	ret = keys_begin_section(conf, name, ret_error);
	return ret ? ret : keys_set(conf, name, key, value + 1, ret_error);
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
	if (ret || fflush(stdout) || ferror(stdout))
		return CTL_FAILED; /* main() says so */
	if (!options->plot)
		return CTL_OK;
	ret = simulate_plot(experiment, metrics, options->plot);
	return ret ? gnuplot_complain(options->plot, ret) : CTL_OK;
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
	struct simulate_options options = { 0 };
	struct experiment experiment = { 0 };
	bool done;
	int code = simulate_parse(argc, argv, &options, &experiment, &done);

	return code != CTL_OK || done ? code : simulate(&experiment, &options);
}
