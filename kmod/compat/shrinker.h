/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A shrinker: how reclaim asks for memory that can be had back. Later kernels allocate it themselves.
 */
#ifndef AEROSTAT_COMPAT_SHRINKER_H
#define AEROSTAT_COMPAT_SHRINKER_H

#include <linux/shrinker.h>

#include "compat/probed.h"

typedef unsigned long compat_shrink(struct shrinker *shrinker, struct shrink_control *control);

/* Embedded by its owner. */
struct compat_shrinker {
#if COMPAT_HAS_SHRINKER_ALLOC
	struct shrinker *shrinker;
#else
	struct shrinker shrinker;
#endif
};

/* Return: whose shrinker a callback has been called with. */
static inline struct compat_shrinker *compat_shrinker_of(struct shrinker *shrinker)
{
#if COMPAT_HAS_SHRINKER_ALLOC
	return shrinker->private_data;
#else
	return container_of(shrinker, struct compat_shrinker, shrinker);
#endif
}

/* Set one to work; @name is for debugfs. Return: 0 or -ENOMEM. */
static inline int compat_shrinker_init(struct compat_shrinker *owner, compat_shrink *count,
				       compat_shrink *scan, const char *name)
{
#if COMPAT_HAS_SHRINKER_ALLOC
	owner->shrinker = shrinker_alloc(0, "%s", name);
	if (!owner->shrinker)
		return -ENOMEM;
	owner->shrinker->count_objects = count;
	owner->shrinker->scan_objects = scan;
	owner->shrinker->private_data = owner;
	shrinker_register(owner->shrinker);
	return 0;
#else
	owner->shrinker = (struct shrinker){
		.count_objects = count,
		.scan_objects = scan,
		.seeks = DEFAULT_SEEKS,
	};
#if COMPAT_HAS_SHRINKER_NAME
	return register_shrinker(&owner->shrinker, "%s", name);
#else
	return register_shrinker(&owner->shrinker);
#endif
#endif
}

/* When this returns no callback is under way, and none comes. */
static inline void compat_shrinker_uninit(struct compat_shrinker *owner)
{
#if COMPAT_HAS_SHRINKER_ALLOC
	shrinker_free(owner->shrinker);
#else
	unregister_shrinker(&owner->shrinker);
#endif
}

#endif
