/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One of the two queues that carry frame numbers. See wire.c.
 */
#ifndef AEROSTAT_WIRE_H
#define AEROSTAT_WIRE_H

#include <linux/mm_types.h>
#include <linux/virtio.h>

#include <aerostat/balloon.h>

#include "ring.h"

/*
 * Buffers in flight on one queue. Where an I/O event wakes QEMU's main loop it works
 * them off there, at 2 to 4 us a frame, so eight of 256 keep its monitor waiting for less than 10 ms.
 */
#define WIRE_BUFFERS 8

/* Frames in one step, 8 MiB: what fits into buffers of 256 without waiting in between. */
#define WIRE_STEP_FRAMES (WIRE_BUFFERS * BALLOON_FRAMES_PER_BUFFER)

/*
 * Frames for which the device is notified together. On QEMU a notification works the queue off in
 * the notifying CPU with the big lock held, at 1 to 4 us a frame that is discarded and half of that
 * for one wanted back; and its monitor, which needs the lock, is to answer within 5 ms. Measured
 * while inflating, on a busy machine: with 512 frames nine of ten answers within 3.4 ms, with 1024
 * within 4.5, and inflation no faster.
 */
#define WIRE_INFLATE_NOTIFY_FRAMES 512
#define WIRE_DEFLATE_NOTIFY_FRAMES 1024

/* The device's frames in one page of the guest. */
#define WIRE_FRAMES_PER_PAGE (1u << (PAGE_SHIFT - BALLOON_FRAME_SHIFT))

struct wire_buffer;

/* A queue and its buffers. The caller serialises all calls but ring_acked(). */
struct wire {
	struct ring ring;
	struct wire_buffer *buffers[WIRE_BUFFERS];
	struct wire_buffer *filling; /* the one being filled, or NULL */
	unsigned int capacity; /* frames in one buffer */
};

int wire_init(struct wire *wire, unsigned int notify_frames);
void wire_uninit(struct wire *wire);
void wire_attach(struct wire *wire, struct virtqueue *vq);

void wire_begin(struct wire *wire);
int wire_put_pages(struct wire *wire, struct page *first, unsigned long pages);
int wire_put(struct wire *wire, struct page *block);
int wire_flush(struct wire *wire);
int wire_finish(struct wire *wire);

u32 wire_pages_to_frames(unsigned long pages);
unsigned long wire_frames_to_pages(u32 frames);

#endif
