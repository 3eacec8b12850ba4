/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random worlds for the simulator's property tests: a host, VMs of every kind there is, random
 * settings, random workloads; all from one number, so that any world can be had again.
 */
#ifndef AEROSTAT_TESTS_SIM_WORLD_H
#define AEROSTAT_TESTS_SIM_WORLD_H

#include "sim/run.h"

#define SIM_WORLD_VMS 24

/* What is special about a world; the rest of it is random. */
enum sim_world_kind {
	WORLD_WILD, /* any VM, any settings; each VM has a twin */
	WORLD_CALM, /* well-behaved VMs whose use never changes */
	WORLD_LIARS, /* alike but for their use, and some claim to need everything */
	WORLD_SHARES, /* pairs that differ in nothing but shares: the second has twice as many */
	WORLD_KINDS,
};

struct sim_world {
	enum sim_world_kind kind;
	uint64_t seed;
	struct conf *conf;
	double ram_mib;
	int64_t duration_s;
	size_t n_vms;
	struct trace_vm traces[SIM_WORLD_VMS];
	struct guest_spec specs[SIM_WORLD_VMS];
	struct vm_settings settings[SIM_WORLD_VMS];
};

/* Fails the test when there is no memory. */
void sim_world_init(struct sim_world *world, enum sim_world_kind kind, uint64_t seed);
void sim_world_free(struct sim_world *world);

/* A setup that runs it; the caller adds observers. */
struct run_setup sim_world_setup(const struct sim_world *world, const struct sim_policy *policy);

#endif
