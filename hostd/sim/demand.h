/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the workloads of one host's VMs want, second by second: the samples of a trace, linear in
 * between, with bursts laid over them.
 *
 * Each VM's bursts come from a random stream of its own, so they are the same under every policy,
 * at every overcommit factor, and for a copy of the demand that runs ahead of time.
 */
#ifndef AEROSTAT_SIM_DEMAND_H
#define AEROSTAT_SIM_DEMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/rng.h"
#include "sim/trace.h"

/* One VM to be run, and its number in its trace, which names its random streams. */
struct demand_source {
	const struct trace_vm *vm;
	uint64_t number;
	bool bursts; /* lay bursts over the samples */
};

struct demand {
	size_t n;
	int64_t now_s; /* the second that working_set_mib is of */

	/* Out: of each VM, now. */
	double *working_set_mib; /* 0 while not running */
	bool *running;
	bool *changed; /* it was started or stopped in this second */

	/* How it goes on until the next event. */
	double *base_mib;
	double *base_slope; /* a second */
	double *burst_mib;
	double *burst_slope;
	double *cap_mib; /* provisioned memory without the kernel */
	struct demand_vm *vms;
	int64_t next_event_s; /* of all VMs */
};

/* MiB of a guest with so much provisioned memory that its kernel takes. */
double demand_kernel_mib(double provisioned_mib);

/* `sources` is borrowed. Returns 0 or -ENOMEM; the first demand_step() is second 0. */
int demand_init(struct demand *demand, const struct demand_source *sources, size_t n,
		uint64_t seed);

void demand_step(struct demand *demand);

void demand_free(struct demand *demand);

#endif
