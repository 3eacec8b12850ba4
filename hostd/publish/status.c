// SPDX-License-Identifier: GPL-2.0
/* Names of what publishers show and nobody else has to name. */
#include "publish/status.h"

const char *run_state_to_string(enum vm_run_state state)
{
	switch (state) {
	case VM_RUNNING:
		return "running";
	case VM_PAUSED:
		return "paused";
	case VM_MIGRATING:
		return "migrating";
	}
	return "unknown";
}

struct opt_u64 status_reserve_kib(const struct status *status)
{
	const struct policy_settings *policy = &status->conf->policy;
	uint64_t total;

	if (policy->reserve_kib.known)
		return policy->reserve_kib;
	if (!opt_get(status->host.total_kib, &total))
		return opt_none();
	return opt_some(total / 1000 * policy->reserve_permille);
}
