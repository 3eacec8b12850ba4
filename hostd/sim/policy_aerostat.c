// SPDX-License-Identifier: GPL-2.0
/* Aerostat: the daemon's policy, unchanged, on what the daemon would see. */
#include <errno.h>
#include <stdlib.h>

#include "sim/policy.h"

struct aerostat {
	const struct conf *conf;
	struct policy_vm *vms; /* of the latest tick, in its order */
	struct vm_state *states; /* by index among all VMs */
	struct policy_state state;
	struct host_decision host;
};

static void aerostat_free(void *self)
{
	struct aerostat *aerostat = self;

	if (!aerostat)
		return;
	free(aerostat->vms);
	free(aerostat->states);
	free(aerostat);
}

static int aerostat_init(const struct sim_policy_setup *setup, void **ret_self)
{
	struct aerostat *aerostat = calloc(1, sizeof(*aerostat));

	if (!aerostat)
		return -ENOMEM;
	aerostat->conf = setup->conf;
	aerostat->vms = calloc(setup->n_specs + 1, sizeof(*aerostat->vms));
	aerostat->states = calloc(setup->n_specs + 1, sizeof(*aerostat->states));
	if (!aerostat->vms || !aerostat->states) {
		aerostat_free(aerostat);
		return -ENOMEM;
	}
	*ret_self = aerostat;
	return 0;
}

static void aerostat_tick(void *self, struct sim_tick *tick)
{
	struct aerostat *aerostat = self;

	for (size_t i = 0; i < tick->n_vms; i++) {
		const struct sim_vm *vm = &tick->vms[i];

		if (vm->started)
			aerostat->states[vm->index] = (struct vm_state){ 0 };
		aerostat->vms[i].sample = vm->sample;
		aerostat->vms[i].settings = vm->settings;
		aerostat->vms[i].state = &aerostat->states[vm->index];
	}
	policy_tick((uint64_t)tick->now_s * 1000, &aerostat->conf->policy, &tick->host,
		    &aerostat->state, aerostat->vms, tick->n_vms, &aerostat->host);
	for (size_t i = 0; i < tick->n_vms; i++)
		if (aerostat->vms[i].decision.set)
			sim_set(&tick->vms[i], aerostat->vms[i].decision.target_kib);
}

static const struct policy_vm *aerostat_judged(const void *self,
					       const struct host_decision **ret_host)
{
	const struct aerostat *aerostat = self;

	*ret_host = &aerostat->host;
	return aerostat->vms;
}

const struct sim_policy sim_aerostat = {
	.name = "aerostat",
	.summary = "this project's policy, as the daemon runs it",
	.init = aerostat_init,
	.tick = aerostat_tick,
	.free = aerostat_free,
	.judged = aerostat_judged,
};
