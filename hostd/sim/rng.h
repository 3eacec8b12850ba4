/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers for the simulator: xoshiro256** (Blackman, Vigna 2018), seeded through
 * splitmix64 (Steele, Lea, Flood 2014). Our own, because the same seed has to give the same run
 * on every machine and with every C library. Each use has a stream of its own, named by numbers,
 * so that drawing more in one place changes nothing in another.
 */
#ifndef AEROSTAT_SIM_RNG_H
#define AEROSTAT_SIM_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4];
};

/* Which stream of a seed: what it is for, and for which VM or run. */
enum rng_use {
	RNG_PACKING,
	RNG_BURSTS,
	RNG_PHASES,
	RNG_SCENARIO,
	RNG_TEST,
};

void rng_init(struct rng *rng, uint64_t seed, enum rng_use use, uint64_t number);

uint64_t rng_u64(struct rng *rng);

/* From 0 to bound - 1, all alike; 0 when bound is 0. */
uint64_t rng_below(struct rng *rng, uint64_t bound);

/* From 0 to 1, without 1. */
double rng_unit(struct rng *rng);

double rng_between(struct rng *rng, double low, double high);

/* The time to the next of events that come `mean` apart on average, at any moment alike. */
double rng_exponential(struct rng *rng, double mean);

#endif
