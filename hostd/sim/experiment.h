/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An experiment: the same VMs packed onto hosts by several overcommit factors, each packing run
 * under several policies.
 */
#ifndef AEROSTAT_SIM_EXPERIMENT_H
#define AEROSTAT_SIM_EXPERIMENT_H

#include <stdio.h>

#include "sim/metrics.h"
#include "sim/policy.h"

#define EXPERIMENT_POLICIES_MAX 16
#define EXPERIMENT_FACTORS_MAX	64

struct experiment {
	const struct conf *conf;
	const struct guest_spec *specs; /* to be packed */
	const struct vm_settings *settings; /* of each */
	size_t n_specs;
	const struct guest_spec *extra; /* on each host, and not counted in the packing */
	const struct vm_settings *extra_settings;
	size_t n_extra;

	const struct sim_policy *policies[EXPERIMENT_POLICIES_MAX];
	size_t n_policies;
	double factors[EXPERIMENT_FACTORS_MAX]; /* 0: all VMs on one host */
	size_t n_factors;

	double ram_mib;
	uint64_t seed;
	int64_t duration_s;
	bool timing; /* measure how long decisions take */
	unsigned int jobs; /* hosts simulated at the same time */
	FILE *progress; /* NULL: silent */
};

/*
 * Run all of it. ret_metrics[f * n_policies + p] gets what policy p did at factor f, over all full
 * hosts; `hosts` 0 where no host could be filled. Returns 0 or -ENOMEM.
 */
int experiment_run(const struct experiment *experiment, struct metrics *ret_metrics);

#endif
