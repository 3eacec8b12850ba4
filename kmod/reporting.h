/* SPDX-License-Identifier: GPL-2.0 */
/*
 * REPORTING: the reporting queue, and who uses it. See reporting.c.
 */
#ifndef AEROSTAT_REPORTING_H
#define AEROSTAT_REPORTING_H

#include <linux/mutex.h>
#include <linux/page_reporting.h>

#include "ranges.h"

struct aerostat;

/* The parameter of this name. */
enum inflate_path {
	INFLATE_PATH_AUTO, /* ranges where the device offers them and nothing is in the way */
	INFLATE_PATH_PFN, /* frame numbers on the inflate queue */
	INFLATE_PATH_RANGE, /* ranges on the reporting queue, where there is one */
};

#if IS_ENABLED(CONFIG_AEROSTAT_REPORTING)
struct reporting {
	struct mutex lock; /* protects the queue; taken for a step, or one report of the kernel */
	struct ranges ranges;
#if IS_ENABLED(CONFIG_PAGE_REPORTING)
	struct page_reporting_dev_info info;
#endif
	bool registered; /* the kernel reports to us; used by start and stop alone */
	u64 free_bytes; /* of the range's sent_bytes, those the kernel reported */
};

int reporting_init(struct aerostat *balloon);
void reporting_uninit(struct aerostat *balloon);
void reporting_attach(struct aerostat *balloon, struct virtqueue *vq);
void reporting_acked(struct virtqueue *vq);
void reporting_start(struct aerostat *balloon);
void reporting_stop(struct aerostat *balloon);
bool reporting_takes_blocks(const struct aerostat *balloon);
struct ring *reporting_begin(struct aerostat *balloon);
int reporting_put_pages(struct aerostat *balloon, struct page *first, unsigned long pages);
int reporting_finish(struct aerostat *balloon, int err);
void reporting_end(struct aerostat *balloon);
#else
static inline int reporting_init(struct aerostat *balloon)
{
	return 0;
}
static inline void reporting_uninit(struct aerostat *balloon)
{
}
static inline void reporting_attach(struct aerostat *balloon, struct virtqueue *vq)
{
}
static inline void reporting_acked(struct virtqueue *vq)
{
}
static inline void reporting_start(struct aerostat *balloon)
{
}
static inline void reporting_stop(struct aerostat *balloon)
{
}
static inline bool reporting_takes_blocks(const struct aerostat *balloon)
{
	return false;
}
static inline struct ring *reporting_begin(struct aerostat *balloon)
{
	return NULL;
}
static inline int reporting_put_pages(struct aerostat *balloon, struct page *first,
				      unsigned long pages)
{
	return -EOPNOTSUPP;
}
static inline int reporting_finish(struct aerostat *balloon, int err)
{
	return err;
}
static inline void reporting_end(struct aerostat *balloon)
{
}
#endif

#endif
