/* SPDX-License-Identifier: GPL-2.0 */
/* One host with its VMs under one policy, second by second. */
#ifndef AEROSTAT_SIM_RUN_H
#define AEROSTAT_SIM_RUN_H

#include <stdatomic.h>
#include <stdbool.h>

#include "sim/host.h"
#include "sim/metrics.h"
#include "sim/policy.h"

/* After a tick, before its targets are set: for those who check it. */
struct run_view {
	const struct sim_tick *tick;
	const struct guests *guests;
	const struct host *host;
	const void *policy; /* its state */
};

/* What became of a VM. */
struct run_vm_result {
	double slowdown; /* mean; 1 where it never ran */
	double relative; /* mean, against the same VM alone */
	double actual_mean_mib; /* while it ran */
	double actual_end_mib; /* 0: not running then */
};

struct run_setup {
	const struct sim_policy *policy;
	const struct conf *conf;
	const struct guest_spec *specs; /* borrowed until the run's end */
	const struct vm_settings *settings; /* of each */
	size_t n_specs;
	double ram_mib;
	uint64_t seed;
	int64_t duration_s;
	bool timing; /* measure how long decisions take */
	atomic_uint_fast64_t *progress_s; /* NULL, or where simulated seconds are counted */
	/* Called after each tick; a value other than 0 ends the run with it. NULL: nobody is. */
	int (*observe)(void *userdata, const struct run_view *view);
	/* Called after each second. */
	void (*watch)(void *userdata, const struct guests *guests, const struct host *host);
	struct run_vm_result *vm_results; /* NULL, or of each VM */
	void *userdata;
};

/* Returns 0, -ENOMEM, or what the observer returned. */
int run_host(const struct run_setup *setup, struct metrics *ret_metrics);

/* Reservation and limit of a VM with this maximum, as everybody is held to them. */
uint64_t run_reservation_kib(const struct vm_settings *settings, uint64_t max_kib);
uint64_t run_limit_kib(const struct vm_settings *settings, uint64_t max_kib);

#endif
