/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A number that may be unknown. Unknown is not zero: there is no way to read the value without
 * saying what to do when it is missing.
 */
#ifndef AEROSTAT_UTIL_OPT_H
#define AEROSTAT_UTIL_OPT_H

#include <stdbool.h>
#include <stdint.h>

struct opt_u64 {
	bool known;
	uint64_t value_; /* read through opt_get() or opt_or() */
};

static inline struct opt_u64 opt_none(void)
{
	return (struct opt_u64){ .known = false };
}

static inline struct opt_u64 opt_some(uint64_t value)
{
	return (struct opt_u64){ .known = true, .value_ = value };
}

/* True, and *ret_value set, when the number is known; *ret_value is untouched otherwise. */
static inline bool opt_get(struct opt_u64 opt, uint64_t *ret_value)
{
	if (opt.known)
		*ret_value = opt.value_;
	return opt.known;
}

static inline uint64_t opt_or(struct opt_u64 opt, uint64_t otherwise)
{
	return opt.known ? opt.value_ : otherwise;
}

#endif
