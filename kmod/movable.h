/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Single pages that compaction can move. See movable.c.
 */
#ifndef AEROSTAT_MOVABLE_H
#define AEROSTAT_MOVABLE_H

#include <linux/gfp.h>
#include <linux/migrate_mode.h>
#include <linux/types.h>

struct page;

/*
 * Put @fresh in the place of @old, as far as the device is concerned. Called by the one who compacts,
 * with both pages locked; must not wait for a lock under which memory is reclaimed or pages are
 * locked by somebody who may be waiting for these.
 * Return: 0; or an error, and the device has no claim on @fresh.
 */
typedef int movable_replace(void *context, struct page *fresh, struct page *old);

struct movable;

struct movable *movable_new(movable_replace *replace, void *context);
void movable_free(struct movable *movable);
void movable_add(struct movable *movable, struct page *page);
struct page *movable_take(struct movable *movable);
bool movable_supported(void);
gfp_t movable_gfp(void);

#endif
