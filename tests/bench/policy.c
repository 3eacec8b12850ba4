// SPDX-License-Identifier: GPL-2.0
/*
 * How long does one decision take? 100 and 10,000 VMs that burst, fall, and are short of memory on
 * a host with half as much as they want: the passes of the policy are at their longest then.
 * Prints the median and the slowest of the decisions, and the target each is held to; exits with
 * 1 when a median misses it. CPU time of this thread, so a busy machine does not count.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "conf/conf.h"
#include "policy/policy.h"
#include "sim/rng.h"

#define TICKS	    400
#define WARM_UP	    50
#define INTERVAL_MS 5000
#define GIB_KIB	    ((uint64_t)1024 * 1024)

struct fleet {
	size_t n;
	struct policy_vm *vms;
	struct vm_sample *samples;
	struct vm_settings *settings;
	struct vm_state *states;
	uint64_t *use_kib;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void free_fleet(struct fleet *fleet)
{
	free(fleet->vms);
	free(fleet->samples);
	free(fleet->settings);
	free(fleet->states);
	free(fleet->use_kib);
}

static int make_fleet(struct fleet *fleet, size_t n, const struct conf *conf, struct rng *rng)
{
	struct conf_error error;
	struct vm_settings standard;

	*fleet = (struct fleet){
		.n = n,
		.vms = calloc(n, sizeof(*fleet->vms)),
		.samples = calloc(n, sizeof(*fleet->samples)),
		.settings = calloc(n, sizeof(*fleet->settings)),
		.states = calloc(n, sizeof(*fleet->states)),
		.use_kib = calloc(n, sizeof(*fleet->use_kib)),
	};
	if (!fleet->vms || !fleet->samples || !fleet->settings || !fleet->states ||
	    !fleet->use_kib || conf_vm_settings(conf, "vm", NULL, &standard, &error))
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct vm_sample *sample = &fleet->samples[i];

		fleet->settings[i] = standard;
		fleet->settings[i].shares = 100 + (uint32_t)rng_below(rng, 10000);
		sample->has_balloon = true;
		sample->up_ms = (uint64_t)24 * 3600 * 1000;
		sample->max_kib = GIB_KIB * (1 + rng_below(rng, 16));
		sample->actual_kib = opt_some(sample->max_kib / 2);
		fleet->use_kib[i] = sample->max_kib / 4;
		fleet->vms[i] = (struct policy_vm){ .sample = sample,
						    .settings = &fleet->settings[i],
						    .state = &fleet->states[i] };
	}
	return 0;
}

/* Each guest uses another part of its memory every now and then, and has obeyed. */
static void step(struct fleet *fleet, struct rng *rng)
{
	for (size_t i = 0; i < fleet->n; i++) {
		struct vm_sample *sample = &fleet->samples[i];
		uint64_t actual_kib =
			opt_or(fleet->states[i].last_target_kib, opt_or(sample->actual_kib, 0));

		if (rng_below(rng, 10) == 0)
			fleet->use_kib[i] = rng_below(rng, sample->max_kib);
		sample->actual_kib = opt_some(actual_kib);
		sample->rss_kib = opt_some(actual_kib);
		sample->stats_age_ms = opt_some(0);
		sample->total_kib = opt_some(actual_kib);
		sample->usable_kib = opt_some(
			actual_kib > fleet->use_kib[i] ? actual_kib - fleet->use_kib[i] : 0);
		sample->unused_kib = sample->usable_kib;
		sample->swap_in_kib = opt_some(0);
		sample->major_faults = opt_some(0);
	}
}

static struct host_sample host_of(const struct fleet *fleet)
{
	uint64_t total_kib = 0, held_kib = 0;

	for (size_t i = 0; i < fleet->n; i++) {
		total_kib += fleet->samples[i].max_kib / 2;
		held_kib += opt_or(fleet->samples[i].actual_kib, 0);
	}
	return (struct host_sample){
		.total_kib = opt_some(total_kib),
		.available_kib = opt_some(total_kib > held_kib ? total_kib - held_kib : 0),
		.psi_some_permille = opt_some(0),
		.psi_full_permille = opt_some(0),
	};
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Returns 1 when the target is missed, -1 when there is no memory. */
static int measure(const struct conf *conf, size_t n, uint64_t target_us)
{
	static uint64_t ns[TICKS];
	struct policy_state state = { 0 };
	struct host_decision decision;
	uint64_t now_ms = 0, moved = 0;
	struct fleet fleet;
	struct rng rng;

	rng_init(&rng, 1, RNG_TEST, n);
	if (make_fleet(&fleet, n, conf, &rng)) {
		free_fleet(&fleet);
		return -1;
	}
	for (int t = -WARM_UP; t < TICKS; t++) {
		struct host_sample host;
		uint64_t start_ns;

		step(&fleet, &rng);
		host = host_of(&fleet);
		start_ns = now_ns();
		policy_tick(now_ms, &conf->policy, &host, &state, fleet.vms, n, &decision);
		if (t >= 0)
			ns[t] = now_ns() - start_ns;
		now_ms += INTERVAL_MS;
		for (size_t i = 0; i < n; i++)
			moved += fleet.vms[i].decision.set;
	}
	qsort(ns, TICKS, sizeof(ns[0]), by_size);
	printf("%6zu VMs: median %8.1f us, slowest %8.1f us, target %6" PRIu64
	       " us: %s  (%.1f targets set a decision)\n",
	       n, (double)ns[TICKS / 2] / 1000, (double)ns[TICKS - 1] / 1000, target_us,
	       ns[TICKS / 2] <= target_us * 1000 ? "met" : "MISSED",
	       (double)moved / (TICKS + WARM_UP));
	free_fleet(&fleet);
	return ns[TICKS / 2] > target_us * 1000;
}

int main(void)
{
	struct conf *conf = conf_new_default();
	int missed = -1;

	if (conf) {
		missed = measure(conf, 100, 100);
		if (missed >= 0) {
			int many = measure(conf, 10000, 10000);

			missed = many < 0 ? many : missed | many;
		}
	}
	conf_free(conf);
	if (missed < 0)
		fprintf(stderr, "out of memory\n");
	return missed != 0;
}
