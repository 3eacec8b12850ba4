// SPDX-License-Identifier: GPL-2.0
/* Random numbers that are the same everywhere (rng.h). */
#include "sim/rng.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void rng_init(struct rng *rng, uint64_t seed, enum rng_use use, uint64_t number)
{
	uint64_t state = seed;

	state = splitmix64(&state) ^ (uint64_t)use;
	state = splitmix64(&state) ^ number;
	for (int i = 0; i < 4; i++)
		rng->s[i] = splitmix64(&state);
}

static uint64_t rotate(uint64_t x, int bits)
{
	return (x << bits) | (x >> (64 - bits));
}

uint64_t rng_u64(struct rng *rng)
{
	uint64_t *s = rng->s;
	uint64_t result = rotate(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t rng_below(struct rng *rng, uint64_t bound)
{
	/* The high half of a product: even to within 2^-64 of each value. */
	return (uint64_t)(((unsigned __int128)rng_u64(rng) * bound) >> 64);
}

double rng_unit(struct rng *rng)
{
	return (double)(rng_u64(rng) >> 11) * 0x1p-53;
}

double rng_between(struct rng *rng, double low, double high)
{
	return low + (high - low) * rng_unit(rng);
}

double rng_exponential(struct rng *rng, double mean)
{
	return -mean * log(1 - rng_unit(rng));
}
