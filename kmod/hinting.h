/* SPDX-License-Identifier: GPL-2.0 */
/*
 * FREE_PAGE_HINT: free memory that a migration need not copy. See hinting.c.
 */
#ifndef AEROSTAT_HINTING_H
#define AEROSTAT_HINTING_H

#include <linux/mutex.h>
#include <linux/workqueue.h>

#include "compat/shrinker.h"
#include "pages.h"
#include "ring.h"

struct aerostat;
struct virtqueue;

/* Blocks in flight: what a device that stops answering can keep from the guest, 16 MiB. */
#define HINTS_IN_FLIGHT 8

/* One buffer on the queue: a block, or (with block NULL) a command. */
struct hint {
	struct ring_slot slot;
	struct page *block;
	__virtio32 command;
};

#if IS_ENABLED(CONFIG_AEROSTAT_HINTING)
struct hinting {
	struct delayed_work work;
	struct compat_shrinker shrinker;
	atomic_t config_changed; /* since the work last looked */
	struct mutex lock; /* protects what follows */
	struct ring ring;
	struct hint hints[HINTS_IN_FLIGHT];
	struct blocks hinted; /* acknowledged; kept from the guest until the device is done */
	u32 wanted_id; /* what the device has asked for last */
	u32 last_id; /* the request last answered; never answered twice */
	bool active; /* the device is being told of blocks */
	u64 hinted_pages; /* since probe */
	u64 shrunk_pages; /* of those, given back early because the guest needed them */
};

int hinting_init(struct aerostat *balloon);
void hinting_uninit(struct aerostat *balloon);
void hinting_attach(struct aerostat *balloon, struct virtqueue *vq);
void hinting_disown(struct aerostat *balloon);
void hinting_asked(struct virtqueue *vq);
void hinting_look(struct aerostat *balloon);
void hinting_stop(struct aerostat *balloon);
#else
static inline int hinting_init(struct aerostat *balloon)
{
	return 0;
}
static inline void hinting_uninit(struct aerostat *balloon)
{
}
static inline void hinting_attach(struct aerostat *balloon, struct virtqueue *vq)
{
}
static inline void hinting_disown(struct aerostat *balloon)
{
}
static inline void hinting_asked(struct virtqueue *vq)
{
}
static inline void hinting_look(struct aerostat *balloon)
{
}
static inline void hinting_stop(struct aerostat *balloon)
{
}
#endif

#endif
