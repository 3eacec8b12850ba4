/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints, as aerostat:NAME. Pages are the guest's; each names the device it is about.
 *
 *   inflate  a step into the balloon, acknowledged
 *   deflate  a step back to the guest
 *   stop     inflation ended short, and why
 *   oom      the guest ran out of memory and got pages back
 *   ack      a wait for the device is over: how many buffers it had before and after
 *
 * Without AEROSTAT_TRACEPOINTS the calls are there and do nothing.
 */
#if IS_ENABLED(CONFIG_AEROSTAT_TRACEPOINTS)

#undef TRACE_SYSTEM
#define TRACE_SYSTEM aerostat

#if !defined(AEROSTAT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define AEROSTAT_TRACE_H

#include <linux/tracepoint.h>
#include <linux/virtio.h>

#include "compat/trace.h"

/* clang-format off */
TRACE_EVENT(inflate,
	TP_PROTO(const struct virtio_device *vdev, unsigned long pages, bool range, u32 actual,
		 u32 target),
	TP_ARGS(vdev, pages, range, actual, target),
	TP_STRUCT__entry(
		__field(int, device)
		__field(unsigned long, pages)
		__field(bool, range)
		__field(u32, actual)
		__field(u32, target)
	),
	TP_fast_assign(
		__entry->device = vdev->index;
		__entry->pages = pages;
		__entry->range = range;
		__entry->actual = actual;
		__entry->target = target;
	),
	TP_printk("virtio%d pages=%lu path=%s actual_frames=%u target_frames=%u", __entry->device,
		  __entry->pages, __entry->range ? "range" : "pfn", __entry->actual,
		  __entry->target)
);

TRACE_EVENT(deflate,
	TP_PROTO(const struct virtio_device *vdev, unsigned long pages, unsigned long told,
		 u32 actual, u32 target),
	TP_ARGS(vdev, pages, told, actual, target),
	TP_STRUCT__entry(
		__field(int, device)
		__field(unsigned long, pages)
		__field(unsigned long, told)
		__field(u32, actual)
		__field(u32, target)
	),
	TP_fast_assign(
		__entry->device = vdev->index;
		__entry->pages = pages;
		__entry->told = told;
		__entry->actual = actual;
		__entry->target = target;
	),
	TP_printk("virtio%d pages=%lu told_pages=%lu actual_frames=%u target_frames=%u",
		  __entry->device, __entry->pages, __entry->told, __entry->actual,
		  __entry->target)
);

TRACE_EVENT(stop,
	TP_PROTO(const struct virtio_device *vdev, const char *reason, u32 retry_ms, u32 actual,
		 u32 target),
	TP_ARGS(vdev, reason, retry_ms, actual, target),
	TP_STRUCT__entry(
		__field(int, device)
		__string(reason, reason)
		__field(u32, retry_ms)
		__field(u32, actual)
		__field(u32, target)
	),
	TP_fast_assign(
		__entry->device = vdev->index;
		compat_assign_str(reason, reason);
		__entry->retry_ms = retry_ms;
		__entry->actual = actual;
		__entry->target = target;
	),
	TP_printk("virtio%d reason='%s' retry_ms=%u actual_frames=%u target_frames=%u",
		  __entry->device, __get_str(reason), __entry->retry_ms, __entry->actual,
		  __entry->target)
);

TRACE_EVENT(oom,
	TP_PROTO(const struct virtio_device *vdev, u64 wanted_bytes, unsigned long pages),
	TP_ARGS(vdev, wanted_bytes, pages),
	TP_STRUCT__entry(
		__field(int, device)
		__field(u64, wanted_bytes)
		__field(unsigned long, pages)
	),
	TP_fast_assign(
		__entry->device = vdev->index;
		__entry->wanted_bytes = wanted_bytes;
		__entry->pages = pages;
	),
	TP_printk("virtio%d wanted_bytes=%llu pages=%lu", __entry->device, __entry->wanted_bytes,
		  __entry->pages)
);

TRACE_EVENT(ack,
	TP_PROTO(const struct virtqueue *vq, unsigned int before, unsigned int in_flight, int err),
	TP_ARGS(vq, before, in_flight, err),
	TP_STRUCT__entry(
		__field(int, device)
		__field(unsigned int, queue)
		__field(unsigned int, before)
		__field(unsigned int, in_flight)
		__field(int, err)
	),
	TP_fast_assign(
		__entry->device = vq->vdev->index;
		__entry->queue = vq->index;
		__entry->before = before;
		__entry->in_flight = in_flight;
		__entry->err = err;
	),
	TP_printk("virtio%d queue=%u in_flight_before=%u in_flight=%u err=%d", __entry->device,
		  __entry->queue, __entry->before, __entry->in_flight, __entry->err)
);
/* clang-format on */

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

#else

#ifndef AEROSTAT_TRACE_H
#define AEROSTAT_TRACE_H

#include <linux/virtio.h>

static inline void trace_inflate(const struct virtio_device *vdev, unsigned long pages, bool range,
				 u32 actual, u32 target)
{
}
static inline void trace_deflate(const struct virtio_device *vdev, unsigned long pages,
				 unsigned long told, u32 actual, u32 target)
{
}
static inline void trace_stop(const struct virtio_device *vdev, const char *reason, u32 retry_ms,
			      u32 actual, u32 target)
{
}
static inline void trace_oom(const struct virtio_device *vdev, u64 wanted_bytes,
			     unsigned long pages)
{
}
static inline void trace_ack(const struct virtqueue *vq, unsigned int before,
			     unsigned int in_flight, int err)
{
}

#endif
#endif
