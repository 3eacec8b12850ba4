/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A memory manager as the simulator sees it. Each gets the same view of the same world, which is
 * what the daemon would see, and may do one thing: ask a VM's balloon to go to a size.
 *
 * The peers are written anew from published formulas, each told in its file. Where a system has
 * a minimum and a maximum of a VM, those are the reservation and the limit that Aerostat is given.
 */
#ifndef AEROSTAT_SIM_POLICY_H
#define AEROSTAT_SIM_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "policy/policy.h"
#include "sim/guest.h"

/* A running VM. */
struct sim_vm {
	size_t index; /* among all VMs of the host, also those not running */
	bool started; /* since the last tick: nothing known of it holds any more */
	const struct vm_sample *sample;
	const struct vm_settings *settings;
	uint64_t reservation_kib; /* of the settings, by the VM's maximum */
	uint64_t limit_kib;
	uint64_t target_kib; /* where its balloon was told to go; its maximum at first */
	/* Out. */
	bool set;
	uint64_t set_kib;
};

struct sim_tick {
	int64_t now_s;
	struct host_sample host;
	struct sim_vm *vms;
	size_t n_vms;
};

/* What a policy is told before a run; borrowed until its end. */
struct sim_policy_setup {
	const struct conf *conf;
	const struct guest_spec *specs; /* of all VMs of the host; only the oracles look */
	size_t n_specs;
	double ram_mib;
	uint64_t seed;
};

struct sim_policy {
	const char *name;
	const char *summary;
	/* Between ticks; 0: as the daemon, which looks sooner when a balloon moved, or VMs came. */
	uint32_t interval_s;
	bool reporting; /* guests report free pages */
	/* Returns 0 or a negative errno. NULL: it has no state. */
	int (*init)(const struct sim_policy_setup *setup, void **ret_self);
	void (*tick)(void *self, struct sim_tick *tick); /* NULL: it does nothing */
	void (*free)(void *self);
	/* Of a policy that decides as the daemon does: its view after the tick, for the tests. */
	const struct policy_vm *(*judged)(const void *self, const struct host_decision **ret_host);
};

extern const struct sim_policy sim_static;
extern const struct sim_policy sim_reporting;
extern const struct sim_policy sim_mom;
extern const struct sim_policy sim_pve;
extern const struct sim_policy sim_squeezed;
extern const struct sim_policy sim_aerostat;
extern const struct sim_policy sim_oracle;
extern const struct sim_policy sim_present;
extern const struct sim_policy sim_late;

/* In the order of tables; NULL after the last. */
const struct sim_policy *sim_policy_at(size_t index);
const struct sim_policy *sim_policy_find(const char *name);

static inline void sim_set(struct sim_vm *vm, uint64_t target_kib)
{
	vm->set = true;
	vm->set_kib = target_kib;
}

static inline uint64_t sim_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t sim_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* a - b, but never below zero. */
static inline uint64_t sim_sub(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

#endif
