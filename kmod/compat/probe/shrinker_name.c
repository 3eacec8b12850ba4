// SPDX-License-Identifier: GPL-2.0
/* register_shrinker() takes a name (6.0 to 6.6). */
#include <linux/mm.h>
#include <linux/shrinker.h>

int probe(struct shrinker *shrinker);
int probe(struct shrinker *shrinker)
{
	return register_shrinker(shrinker, "%s", "probe");
}
