// SPDX-License-Identifier: GPL-2.0
/* The policies by name, and those two that do nothing. */
#include <string.h>

#include "sim/policy.h"

const struct sim_policy sim_static = {
	.name = "static",
	.summary = "no ballooning",
	.interval_s = 60,
};

const struct sim_policy sim_reporting = {
	.name = "reporting",
	.summary = "free page reporting, no ballooning",
	.interval_s = 60,
	.reporting = true,
};

static const struct sim_policy *const policies[] = {
	&sim_static,   &sim_reporting, &sim_mom,     &sim_pve,	&sim_squeezed,
	&sim_aerostat, &sim_oracle,    &sim_present, &sim_late,
};

const struct sim_policy *sim_policy_at(size_t index)
{
	return index < sizeof(policies) / sizeof(policies[0]) ? policies[index] : NULL;
}

const struct sim_policy *sim_policy_find(const char *name)
{
	const struct sim_policy *policy;

	for (size_t i = 0; (policy = sim_policy_at(i)); i++)
		if (!strcmp(policy->name, name))
			break;
	return policy;
}
