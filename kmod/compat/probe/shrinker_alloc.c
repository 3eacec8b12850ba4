// SPDX-License-Identifier: GPL-2.0
/* Shrinkers are allocated by the kernel (since 6.7); before that they are registered in place. */
#include <linux/mm.h>
#include <linux/shrinker.h>

struct shrinker *probe(void);
struct shrinker *probe(void)
{
	struct shrinker *shrinker = shrinker_alloc(0, "%s", "probe");

	shrinker_register(shrinker);
	return shrinker->private_data;
}
