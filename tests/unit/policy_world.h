/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small world for the policy's tests: VMs whose guests use what the test says, whose devices
 * reach each target before the next tick, and a clock that the test moves. Everything is plain
 * data that a test may change between ticks. Settings start from the configuration's defaults.
 */
#ifndef AEROSTAT_TESTS_POLICY_WORLD_H
#define AEROSTAT_TESTS_POLICY_WORLD_H

#include "conf/conf.h"
#include "policy/policy.h"

#define WORLD_VMS 64
#define MIB(n)	  ((uint64_t)(n)*1024)
#define GIB(n)	  (MIB(n) * 1024)

struct world_vm {
	struct vm_sample sample;
	struct vm_settings settings;
	struct vm_state state;
	uint64_t use_kib; /* what its guest cannot give away */
	bool stuck; /* its device ignores targets */
	bool refused; /* libvirt sets none of its targets, and is asked again after five minutes */
	bool silent; /* world_tick() leaves its statistics alone */
};

struct world {
	uint64_t now_ms;
	struct policy_settings settings;
	struct host_sample host;
	struct policy_state state;
	struct host_decision totals;
	struct world_vm vms[WORLD_VMS];
	struct policy_vm order[WORLD_VMS]; /* as handed to the policy, by index unless changed */
	size_t n_vms;
};

/* An empty world: nothing is known of the host, no budget, 0 s of boot grace. */
void world_init(struct world *world);

/* A running, reporting VM that booted long ago; the returned one may be changed further. */
struct world_vm *world_add(struct world *world, uint64_t max_kib, uint64_t actual_kib,
			   uint64_t use_kib);

/* Measure the guests, decide, and let the devices obey. */
void world_tick(struct world *world, uint64_t elapsed_ms);

/* Ticks of 5 s until nothing moves any more. Returns how many it took; fails after `most`. */
unsigned int world_settle(struct world *world, unsigned int most);

const struct vm_decision *world_decision(const struct world *world, size_t index);
uint64_t world_actual(const struct world *world, size_t index);
uint64_t world_sum_actual(const struct world *world);

#endif
