// SPDX-License-Identifier: GPL-2.0
/*
 * Scenarios (scenario.h): from what is written to VMs that can be run. A VM's workload becomes
 * samples a second apart, as if it came from a trace, so that everything after is the same.
 */
#include "sim/scenario_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DURATION_MAX_S (7 * 86400.0)
#define VMS_MAX	       10000

static double of_memory_mib(struct amount amount, double memory_mib)
{
	switch (amount.unit) {
	case AMOUNT_UNSET:
		return 0;
	case AMOUNT_KIB:
		return (double)amount.value / MODEL_KIB_PER_MIB;
	case AMOUNT_PERMILLE:
		return memory_mib * (double)amount.value / 1000;
	}
	return 0;
}

/* How far the VM is on its way from use to peak: 0 to 1. */
static double peak_at(const struct scenario_group *group, size_t i, double s)
{
	double into_s = s - group->peak_at_s - (double)i * group->peak_gap_s;
	double ramp_s = group->peak_ramp_s;

	if (group->peak.unit == AMOUNT_UNSET || into_s < 0)
		return 0;
	if (group->peak_every_s > 0)
		into_s = fmod(into_s, group->peak_every_s);
	if (into_s < ramp_s)
		return into_s / ramp_s;
	into_s -= ramp_s;
	if (into_s < group->peak_for_s)
		return 1;
	into_s -= group->peak_for_s;
	return into_s < ramp_s ? 1 - into_s / ramp_s : 0;
}

/* What VM number `i` of the group uses at `s`; not a number: it does not run. */
static double use_at(const struct scenario_group *group, size_t i, double s)
{
	double up_s = s - group->start_s - (double)i * group->start_gap_s;
	double use_mib = of_memory_mib(group->use, group->memory_mib);
	double peak_mib = of_memory_mib(group->peak, group->memory_mib);
	double leak_mib = of_memory_mib(group->leak, group->memory_mib);

	if (up_s < 0)
		return NAN;
	if (group->up_for_s > 0) {
		up_s = fmod(up_s, group->up_for_s + group->down_for_s);
		if (up_s >= group->up_for_s)
			return NAN;
	}
	use_mib += (peak_mib - use_mib) * peak_at(group, i, s);
	return use_mib + leak_mib * up_s / 3600;
}

static int make_workload(const struct scenario *scenario, const struct scenario_group *group,
			 size_t i, struct trace_vm *vm)
{
	size_t n = (size_t)scenario->duration_s + 1;

	snprintf(vm->id, sizeof(vm->id), "%s-%zu", group->name, i + 1);
	vm->provisioned_mib = group->memory_mib;
	vm->step_s = 1;
	vm->used_mib = malloc(n * sizeof(*vm->used_mib));
	if (!vm->used_mib)
		return -ENOMEM;
	vm->n_samples = n;
	for (size_t s = 0; s < n; s++)
		vm->used_mib[s] = (float)use_at(group, i, (double)s);
	return 0;
}

static int make_vm(struct scenario *scenario, const struct scenario_group *group, size_t i,
		   struct conf_error *ret_error)
{
	size_t index = group->first + i;
	struct trace_vm *vm = &scenario->trace.vms[index];
	struct guest_spec *spec = &scenario->specs[index];
	int ret = make_workload(scenario, group, i, vm);

	if (ret) {
		snprintf(ret_error->text, sizeof(ret_error->text), "out of memory");
		return ret;
	}
	*spec = guest_spec_init(vm, index);
	spec->demand.bursts = group->bursts;
	spec->inflate_mib_s = of_memory_mib(group->inflate, group->memory_mib);
	spec->deflate_mib_s = of_memory_mib(group->deflate, group->memory_mib);
	spec->lowest_fraction = of_memory_mib(group->lowest, group->memory_mib) / group->memory_mib;
	spec->pause_s = (uint32_t)group->pause_s;
	spec->migrates_every_s = (uint32_t)group->migrate_every_s;
	spec->migrates_for_s = (uint32_t)group->migrate_for_s;
	spec->boots = group->boots;
	spec->reporting = group->reporting;
	spec->silent = group->silent;
	spec->pinned = group->pinned;
	spec->lie = group->lie;
	return conf_vm_settings(scenario->conf, vm->id, &group->tune, &scenario->settings[index],
				ret_error);
}

static int make_vms(struct scenario *scenario, struct conf_error *ret_error)
{
	size_t n = 0;

	for (size_t g = 0; g < scenario->n_groups; g++) {
		scenario->groups[g].first = n;
		n += scenario->groups[g].count;
	}
	scenario->trace.vms = calloc(n + 1, sizeof(*scenario->trace.vms));
	scenario->specs = calloc(n + 1, sizeof(*scenario->specs));
	scenario->settings = calloc(n + 1, sizeof(*scenario->settings));
	if (!scenario->trace.vms || !scenario->specs || !scenario->settings) {
		snprintf(ret_error->text, sizeof(ret_error->text), "out of memory");
		return -ENOMEM;
	}
	scenario->trace.n_vms = n;
	for (size_t g = 0; g < scenario->n_groups; g++) {
		for (size_t i = 0; i < scenario->groups[g].count; i++) {
			int ret = make_vm(scenario, &scenario->groups[g], i, ret_error);

			if (ret)
				return ret;
		}
	}
	return 0;
}

/* What no single key can show. */
static const char *what_is_wrong(const struct scenario *scenario)
{
	double vms = 0;

	if (!(scenario->duration_s >= 1 && scenario->duration_s <= DURATION_MAX_S))
		return "[scenario] needs a duration of 1s to 7 days";
	if (!(scenario->ram_mib > MODEL_HOST_OWN_MIB))
		return "[scenario] needs a host_ram above 2G";
	if (!scenario->n_groups)
		return "there is no [vm NAME]";
	for (size_t i = 0; i < scenario->n_groups; i++) {
		const struct scenario_group *group = &scenario->groups[i];

		if (!(group->memory_mib >= 1 && group->memory_mib <= TRACE_SIZE_MAX_MIB))
			return "a [vm NAME] has no memory, or more than 64T";
		if (!group->count || group->count > VMS_MAX)
			return "a [vm NAME] has a count outside 1 to 10000";
		vms += (double)group->count;
	}
	if (vms > VMS_MAX || vms * scenario->duration_s > (double)TRACE_SAMPLES_MAX)
		return "too many VMs for too long a time";
	return NULL;
}

void scenario_free(struct scenario *scenario)
{
	if (!scenario)
		return;
	for (size_t i = 0; i < scenario->trace.n_vms; i++)
		free(scenario->trace.vms[i].used_mib);
	free(scenario->trace.vms);
	free(scenario->specs);
	free(scenario->settings);
	free(scenario);
}

int scenario_load(const char *path, struct conf *conf, struct scenario **ret_scenario,
		  struct sim_error *ret_error)
{
	struct scenario *scenario = calloc(1, sizeof(*scenario));
	struct conf_error error = { .text = "out of memory" };
	const char *wrong;
	int ret;

	if (!scenario) {
		snprintf(ret_error->text, sizeof(ret_error->text), "out of memory");
		return -ENOMEM;
	}
	scenario->conf = conf;
	ret = scenario_read(path, scenario, ret_error);
	if (!ret) {
		wrong = what_is_wrong(scenario);
		if (wrong) {
			snprintf(error.text, sizeof(error.text), "%s", wrong);
			ret = -EINVAL;
		} else {
			ret = make_vms(scenario, &error);
		}
		if (ret)
			snprintf(ret_error->text, sizeof(ret_error->text), "%.100s: %.200s", path,
				 error.text);
		/* A class that does not exist, bounds that contradict each other. */
		if (ret && ret != -ENOMEM)
			ret = -EINVAL;
	}
	if (ret) {
		scenario_free(scenario);
		return ret;
	}
	*ret_scenario = scenario;
	return 0;
}

const char *scenario_about(const struct scenario *scenario)
{
	return scenario->about;
}

double scenario_ram_mib(const struct scenario *scenario)
{
	return scenario->ram_mib;
}

int64_t scenario_duration_s(const struct scenario *scenario)
{
	return (int64_t)scenario->duration_s;
}

size_t scenario_vms(const struct scenario *scenario, const struct guest_spec **ret_specs,
		    const struct vm_settings **ret_settings)
{
	*ret_specs = scenario->specs;
	*ret_settings = scenario->settings;
	return scenario->trace.n_vms;
}

int scenario_run(const struct scenario *scenario, const struct sim_policy *policy, uint64_t seed,
		 struct metrics *ret_metrics, struct run_vm_result *ret_vms)
{
	size_t n = scenario->trace.n_vms;
	struct guest_spec *specs = calloc(n + 1, sizeof(*specs));
	struct run_setup setup = {
		.policy = policy,
		.conf = scenario->conf,
		.specs = specs,
		.settings = scenario->settings,
		.n_specs = n,
		.ram_mib = scenario->ram_mib,
		.seed = seed,
		.duration_s = (int64_t)scenario->duration_s,
		.vm_results = ret_vms,
	};
	int ret;

	if (!specs)
		return -ENOMEM;
	memcpy(specs, scenario->specs, n * sizeof(*specs));
	for (size_t i = 0; i < n; i++)
		specs[i].reporting = specs[i].reporting || policy->reporting;
	ret = run_host(&setup, ret_metrics);
	free(specs);
	return ret;
}

static double host_swap(const struct metrics *metrics)
{
	return metrics->host_swap_mib_s / MODEL_MIB_PER_GIB / 60;
}

static double guest_swap(const struct metrics *metrics)
{
	return metrics->guest_swap_mib_s / MODEL_MIB_PER_GIB / 60;
}

static double a_vm_hour(const struct metrics *metrics, uint64_t n)
{
	return metrics->vm_seconds > 0 ? (double)n * 3600 / metrics->vm_seconds : 0;
}

static double calls(const struct metrics *metrics)
{
	return a_vm_hour(metrics, metrics->calls);
}

static double turns(const struct metrics *metrics)
{
	return a_vm_hour(metrics, metrics->turns);
}

static double breaches(const struct metrics *metrics)
{
	return (double)metrics->breaches;
}

static const struct {
	const char *key;
	double (*value)(const struct metrics *metrics);
} of_host[] = {
	{ "host_swap", host_swap }, { "guest_swap", guest_swap },
	{ "harm", metrics_harm },   { "relative", metrics_mean_relative },
	{ "calls", calls },	    { "turns", turns },
	{ "breaches", breaches },
};

static double vm_relative(const struct run_vm_result *vm)
{
	return vm->relative;
}

static double vm_actual_end(const struct run_vm_result *vm)
{
	return vm->actual_end_mib;
}

static double vm_actual_mean(const struct run_vm_result *vm)
{
	return vm->actual_mean_mib;
}

static const struct {
	const char *key;
	double (*value)(const struct run_vm_result *vm);
	bool at_most;
	bool of_memory; /* a percentage is one of the VM's memory */
} of_group[] = {
	{ "relative", vm_relative, true, false },
	{ "at_least", vm_actual_end, false, true },
	{ "at_most", vm_actual_end, true, true },
	{ "mean_at_least", vm_actual_mean, false, true },
	{ "mean_at_most", vm_actual_mean, true, true },
};

int scenario_find_expectation(bool group, const char *key)
{
	size_t n = group ? sizeof(of_group) / sizeof(of_group[0])
			 : sizeof(of_host) / sizeof(of_host[0]);

	for (size_t i = 0; i < n; i++)
		if (!strcmp(group ? of_group[i].key : of_host[i].key, key))
			return (int)i;
	return -1;
}

static void judge_host(const struct scenario_bound *bound, const struct metrics *metrics,
		       struct scenario_expectation *ret)
{
	*ret = (struct scenario_expectation){
		.what = of_host[bound->which].key,
		.at_most = true,
		.bound = bound->permille ? bound->value / 1000 : bound->value,
		.found = of_host[bound->which].value(metrics),
	};
	ret->met = ret->found <= ret->bound;
}

static void judge_group(const struct scenario_group *group, const struct scenario_bound *bound,
			const struct run_vm_result *vms, struct scenario_expectation *ret)
{
	bool at_most = of_group[bound->which].at_most;

	*ret = (struct scenario_expectation){
		.of = group->name,
		.what = of_group[bound->which].key,
		.at_most = at_most,
		.bound = bound->value,
	};
	if (bound->permille)
		ret->bound *= (of_group[bound->which].of_memory ? group->memory_mib : 1) / 1000;
	for (size_t i = 0; i < group->count; i++) {
		double found = of_group[bound->which].value(&vms[group->first + i]);

		if (!i || (at_most ? found > ret->found : found < ret->found))
			ret->found = found;
	}
	ret->met = at_most ? ret->found <= ret->bound : ret->found >= ret->bound;
}

bool scenario_expect(const struct scenario *scenario, size_t index, const struct metrics *metrics,
		     const struct run_vm_result *vms, struct scenario_expectation *ret_expectation)
{
	if (index < scenario->expects.n) {
		judge_host(&scenario->expects.bounds[index], metrics, ret_expectation);
		return true;
	}
	index -= scenario->expects.n;
	for (size_t g = 0; g < scenario->n_groups; g++) {
		const struct scenario_group *group = &scenario->groups[g];

		if (index < group->expects.n) {
			judge_group(group, &group->expects.bounds[index], vms, ret_expectation);
			return true;
		}
		index -= group->expects.n;
	}
	return false;
}
