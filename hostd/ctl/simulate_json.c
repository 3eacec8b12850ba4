// SPDX-License-Identifier: GPL-2.0
/*
 * What a simulation found, as JSON. Numbers are printed with few enough digits that the same run
 * gives the same bytes; how long decisions took is only there when asked for, because it never
 * does.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "ctl/simulate_internal.h"
#include "sim/model.h"

#define DIGITS 12

static json_t *metrics_to_json(const struct sim_policy *policy, const struct metrics *metrics,
			       bool timing)
{
	double vm_hours = metrics->vm_seconds > 0 ? metrics->vm_seconds / 3600 : 1;
	json_t *object = json_pack(
		"{s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:I}",
		"policy", policy->name, "mean_slowdown", metrics_mean_slowdown(metrics),
		"p99_slowdown", metrics_slowdown_at(metrics, 990), "mean_relative",
		metrics_mean_relative(metrics), "violation", metrics_violation(metrics), "harm",
		metrics_harm(metrics), "worst_slowdown", metrics->worst_slowdown, "worst_vm",
		metrics->worst_vm, "host_swap_gib_min",
		metrics->host_swap_mib_s / MODEL_MIB_PER_GIB / 60, "guest_swap_gib_min",
		metrics->guest_swap_mib_s / MODEL_MIB_PER_GIB / 60, "footprint_gib_h",
		metrics->resident_mib_s / MODEL_MIB_PER_GIB / 3600, "balloon_gib",
		metrics->moved_mib / MODEL_MIB_PER_GIB, "calls_per_vm_hour",
		(double)metrics->calls / vm_hours, "turns_per_vm_hour",
		(double)metrics->turns / vm_hours, "reservation_breaches",
		(json_int_t)metrics->breaches);

	if (timing && object && metrics->ticks)
		json_object_set_new(
			object, "tick_us",
			json_real((double)metrics->tick_ns / (double)metrics->ticks / 1000));
	return object;
}

static json_t *setup_to_json(const struct experiment *experiment)
{
	return json_pack("{s:f, s:I, s:f}", "host_ram_gib", experiment->ram_mib / MODEL_MIB_PER_GIB,
			 "seed", (json_int_t)experiment->seed, "days",
			 (double)experiment->duration_s / 86400);
}

static int print(json_t *root)
{
	int ret = root && !json_dumpf(root, stdout,
				      JSON_INDENT(2) | JSON_PRESERVE_ORDER |
					      JSON_REAL_PRECISION(DIGITS))
			  ? 0
			  : -EIO;

	json_decref(root);
	putchar('\n');
	return ret;
}

static json_t *outcome_to_json(const struct scenario_outcome *outcome)
{
	struct scenario_expectation expectation;
	json_t *array = json_array();

	for (size_t i = 0;
	     scenario_expect(outcome->scenario, i, &outcome->metrics, outcome->vms, &expectation);
	     i++) {
		json_t *object = json_pack("{s:s, s:s, s:f, s:f, s:b}", "what", expectation.what,
					   "bound", expectation.at_most ? "at most" : "at least",
					   "expected", expectation.bound, "found",
					   expectation.found, "met", expectation.met);

		if (expectation.of)
			json_object_set_new(object, "group", json_string(expectation.of));
		json_array_append_new(array, object);
	}
	return array;
}

int simulate_print_json(const struct experiment *experiment, const struct simulate_options *options,
			const struct metrics *metrics, const struct scenario_outcome *outcome)
{
	json_t *root = setup_to_json(experiment), *results = json_array();

	for (size_t f = 0; f < experiment->n_factors; f++) {
		const struct metrics *first = &metrics[f * experiment->n_policies];
		json_t *policies = json_array();
		json_t *result = json_pack("{s:I, s:I, s:f, s:o}", "hosts",
					   (json_int_t)first->hosts, "vms", (json_int_t)first->vms,
					   "vm_hours", first->vm_seconds / 3600, "policies",
					   policies);

		if (experiment->factors[f] > 0)
			json_object_set_new(result, "overcommit",
					    json_real(experiment->factors[f]));
		for (size_t p = 0; p < experiment->n_policies && first->hosts; p++)
			json_array_append_new(policies,
					      metrics_to_json(experiment->policies[p], &first[p],
							      options->timing));
		json_array_append_new(results, result);
	}
	json_object_set_new(root, "results", results);
	if (outcome)
		json_object_set_new(root, "expectations", outcome_to_json(outcome));
	return print(root);
}

int simulate_print_safe_json(const struct experiment *experiment, const struct safe_factor *found)
{
	json_t *root = setup_to_json(experiment), *results = json_array();

	for (size_t p = 0; p < experiment->n_policies; p++) {
		json_t *result = json_pack("{s:s, s:f}", "policy", experiment->policies[p]->name,
					   "safe_overcommit", found[p].factor);

		if (found[p].factor > 0)
			json_object_set_new(result, "harm",
					    json_real(metrics_harm(&found[p].metrics)));
		if (found[p].at_end)
			json_object_set_new(result, "or_more", json_true());
		json_array_append_new(results, result);
	}
	json_object_set_new(root, "safe_overcommit", results);
	return print(root);
}
