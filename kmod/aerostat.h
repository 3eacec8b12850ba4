/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One balloon device, and what the files of this module do for each other. main.c has the overview.
 */
#ifndef AEROSTAT_H
#define AEROSTAT_H

#include <linux/debugfs.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/virtio.h>
#include <linux/workqueue.h>

#include <aerostat/balloon.h>

#include "guard.h"
#include "hinting.h"
#include "memory.h"
#include "movable.h"
#include "pages.h"
#include "reporting.h"
#include "wire.h"

/* What may be done with the device. */
enum device_state {
	DEVICE_STOPPED, /* not set up: being probed, suspended, removed */
	DEVICE_RUNNING, /* serving */
	DEVICE_FAILED, /* it broke a rule or went silent; nothing more is asked of it until reset */
};

/* What has happened since probe, for debugfs. Pages of the guest. */
struct counters {
	u64 inflated_pages;
	u64 reported_pages; /* of inflated_pages, those that went as ranges */
	u64 deflated_pages;
	u64 oom_pages; /* of deflated_pages, those the guest took back when it ran out */
	u64 oom_calls; /* times the guest ran out */
	u64 stops; /* times inflation ended short of the target */
	enum guard_stop last_stop; /* why it did the last time, be it over or not */
	u64 last_stop_ms; /* when, on resize_now_ms() */
	u64 inflate_us; /* time spent in steps into the balloon, and out of it */
	u64 deflate_us;
};

struct aerostat {
	struct virtio_device *vdev;
	struct workqueue_struct *wq;
	struct notifier_block memory_notifier;
	bool memory_changed; /* memory was added since the last step */
	atomic_t oom_waiting; /* somebody waits for `lock` who has no memory */
	struct delayed_work resize_work;
	atomic_t config_changed; /* the device said so since the last step */
	enum block_use use; /* BLOCK_CHARGED unless DEFLATE_ON_OOM was negotiated */
	u32 poison; /* what free pages hold, where the device was told (PAGE_POISON); else 0 */

	spinlock_t run_lock; /* protects `run` against callbacks in interrupts */
	bool run; /* work may be queued */

	/*
	 * `lock` protects all that moves pages: the two wires, the sets and what follows. Held for
	 * one step at a time, in which memory is allocated (without the OOM killer) and the device
	 * is waited for (bounded). Taken by the resize work, the OOM notifier, compaction that has
	 * a page of ours to move (if nobody has it), a failed report, suspend, remove and debugfs.
	 */
	struct mutex lock;
	enum device_state state;
	bool disowned; /* the device has been reset since it failed: it has a claim on nothing */
	struct wire inflate;
	struct wire deflate;
	struct blocks held; /* acknowledged by the device, on the inflate queue */
	struct blocks reported; /* acknowledged by the device, on the reporting queue */
	struct blocks untold; /* unknown to the device: reset since, or it took none */
	struct blocks limbo; /* in transit when the device failed: nobody's until it is reset */
	struct guard guard;
	u32 target_frames; /* what the device last asked for */
	u32 actual_frames; /* what the device was last told */
	struct counters counters;

#if IS_ENABLED(CONFIG_AEROSTAT_HINTING)
	struct hinting hinting;
#endif
#if IS_ENABLED(CONFIG_AEROSTAT_REPORTING)
	struct reporting reporting;
#endif
#if IS_ENABLED(CONFIG_AEROSTAT_STATS)
	/* Used by stats_work alone, and while it cannot run. */
	struct delayed_work stats_work;
	struct virtqueue *stats_vq; /* NULL when not negotiated */
	bool stats_in_flight; /* the device has `stats` */
	struct balloon_stat stats[BALLOON_S_TAGS];
	u64 stats_sent; /* answers given to the device */
	u64 stats_lost; /* answers the queue did not take; each was tried again */
#endif
#if IS_ENABLED(CONFIG_AEROSTAT_DEFLATE_ON_OOM)
	struct notifier_block oom_notifier;
#endif
#if IS_ENABLED(CONFIG_AEROSTAT_DEBUGFS)
	struct dentry *debug_dir;
#endif
};

/* main.c */
void aerostat_queue(struct aerostat *balloon, struct delayed_work *work, unsigned int delay_ms);
void aerostat_reset_device(struct aerostat *balloon);
void aerostat_reset_failed(struct aerostat *balloon, int err);

/* resize.c: moves towards the target, a step at a time. */
void resize_work(struct work_struct *work);
void resize_update_actual(struct aerostat *balloon);
unsigned long resize_pages(const struct aerostat *balloon);
u64 resize_now_ms(void);
void resize_fail(struct aerostat *balloon, int err);
int resize_settle(struct aerostat *balloon, struct ring *ring, struct blocks *step,
		  struct blocks *back, int err);

/* inflate.c, deflate.c: one step. Pages moved, or why none could be; `lock` held. */
int inflate_step(struct aerostat *balloon, unsigned long pages, enum guard_stop *ret_stop);
int deflate_step(struct aerostat *balloon, unsigned long pages, unsigned long *ret_pages);
int deflate_settle(struct aerostat *balloon);
unsigned long deflate_release(struct aerostat *balloon, struct blocks *set, unsigned long pages);
unsigned long deflate_unclaimed(struct aerostat *balloon, unsigned long pages);

/* migrate.c */
int migrate_init(struct aerostat *balloon);
void migrate_uninit(struct aerostat *balloon);

/* handover.c */
void handover_report(struct virtio_driver *driver);

/* stats.c */
#if IS_ENABLED(CONFIG_AEROSTAT_STATS)
/* A statistic in the CPU's byte order. */
struct stats_value {
	u16 tag;
	u64 value;
};

void stats_init(struct aerostat *balloon);
void stats_asked(struct virtqueue *vq);
void stats_start(struct aerostat *balloon, struct virtqueue *vq);
void stats_stop(struct aerostat *balloon);
unsigned int stats_read(struct stats_value *ret_values);
#else
static inline void stats_init(struct aerostat *balloon)
{
}
static inline void stats_asked(struct virtqueue *vq)
{
}
static inline void stats_start(struct aerostat *balloon, struct virtqueue *vq)
{
}
static inline void stats_stop(struct aerostat *balloon)
{
}
#endif

/* oom.c */
#if IS_ENABLED(CONFIG_AEROSTAT_DEFLATE_ON_OOM)
int oom_init(struct aerostat *balloon);
void oom_uninit(struct aerostat *balloon);
#else
static inline int oom_init(struct aerostat *balloon)
{
	return 0;
}
static inline void oom_uninit(struct aerostat *balloon)
{
}
#endif

/* debug.c */
#if IS_ENABLED(CONFIG_AEROSTAT_DEBUGFS)
void debug_module_init(void);
void debug_module_uninit(void);
void debug_init(struct aerostat *balloon);
void debug_uninit(struct aerostat *balloon);
#else
static inline void debug_module_init(void)
{
}
static inline void debug_module_uninit(void)
{
}
static inline void debug_init(struct aerostat *balloon)
{
}
static inline void debug_uninit(struct aerostat *balloon)
{
}
#endif

#endif
