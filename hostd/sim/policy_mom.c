// SPDX-License-Identifier: GPL-2.0
/*
 * oVirt's Memory Overcommit Manager 0.6.5 with its default balloon rules, as a peer.
 *
 * Samples every 5 s, averaged over 10; rules every 10 s. The host's free share hf counts buffers
 * and cache as free. A guest's use counts its page cache.
 *   hf < 20 %  shrink to max(minimum, use + gf · size), by at most 5 %; gf is the guest's free
 *              share to be left: hf, but hf - 5 % once the host has 5 % or less
 *   otherwise  grow to use + 20 % of its size, by at least 5 %, up to the maximum
 * Moves below 0.25 % are not made. A guest without statistics is left alone; old ones are used
 * as they are.
 */
#include <errno.h>
#include <stdlib.h>

#include "sim/policy.h"

#define SAMPLES		10
#define SAMPLE_PERIOD_S 5
#define RULES_PERIOD_S	10
#define PRESSURE	0.20
#define CRITICAL	0.05
#define GUEST_FREE	0.20
#define MAX_CHANGE	0.05
#define MIN_CHANGE	0.0025

struct average {
	double ring[SAMPLES];
	size_t n;
	size_t next;
};

struct mom_guest {
	struct average actual;
	struct average unused;
};

struct mom {
	struct average host_free;
	struct mom_guest guests[];
};

static void add(struct average *average, double value)
{
	average->ring[average->next] = value;
	average->next = (average->next + 1) % SAMPLES;
	if (average->n < SAMPLES)
		average->n++;
}

static double mean(const struct average *average)
{
	double sum = 0;

	for (size_t i = 0; i < average->n; i++)
		sum += average->ring[i];
	return average->n ? sum / (double)average->n : 0;
}

static int mom_init(const struct sim_policy_setup *setup, void **ret_self)
{
	struct mom *mom = calloc(1, sizeof(*mom) + setup->n_specs * sizeof(mom->guests[0]));

	if (!mom)
		return -ENOMEM;
	*ret_self = mom;
	return 0;
}

static void apply_rules(struct sim_vm *vm, const struct mom_guest *guest, double host_free)
{
	double size = mean(&guest->actual);
	double use = size - mean(&guest->unused);
	double now = (double)opt_or(vm->sample->actual_kib, 0);
	double target;

	if (host_free < PRESSURE) {
		double guest_free = GUEST_FREE * (host_free / PRESSURE);

		if (host_free <= CRITICAL)
			guest_free = host_free - CRITICAL;
		target = use + guest_free * size;
		if (target < (1 - MAX_CHANGE) * now)
			target = (1 - MAX_CHANGE) * now;
		if (target < (double)vm->reservation_kib)
			target = (double)vm->reservation_kib;
		if (target > now - MIN_CHANGE * now)
			return;
	} else {
		target = use + GUEST_FREE * size;
		if (target < (1 + MAX_CHANGE) * now)
			target = (1 + MAX_CHANGE) * now;
		if (target > (double)vm->limit_kib)
			target = (double)vm->limit_kib;
		if (target < now + MIN_CHANGE * now)
			return;
	}
	sim_set(vm, (uint64_t)target);
}

static void mom_tick(void *self, struct sim_tick *tick)
{
	struct mom *mom = self;
	double host_free;

	add(&mom->host_free,
	    (double)opt_or(tick->host.available_kib, 0) / (double)opt_or(tick->host.total_kib, 1));
	for (size_t i = 0; i < tick->n_vms; i++) {
		struct sim_vm *vm = &tick->vms[i];
		struct mom_guest *guest = &mom->guests[vm->index];
		uint64_t unused_kib;

		if (vm->started)
			*guest = (struct mom_guest){ 0 };
		if (!opt_get(vm->sample->unused_kib, &unused_kib))
			continue;
		add(&guest->actual, (double)opt_or(vm->sample->actual_kib, 0));
		add(&guest->unused, (double)unused_kib);
	}
	if (tick->now_s % RULES_PERIOD_S)
		return;
	host_free = mean(&mom->host_free);
	for (size_t i = 0; i < tick->n_vms; i++)
		if (mom->guests[tick->vms[i].index].actual.n)
			apply_rules(&tick->vms[i], &mom->guests[tick->vms[i].index], host_free);
}

const struct sim_policy sim_mom = {
	.name = "mom",
	.summary = "oVirt MOM 0.6.5, default balloon rules",
	.interval_s = SAMPLE_PERIOD_S,
	.init = mom_init,
	.tick = mom_tick,
	.free = free,
};
