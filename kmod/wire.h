/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One of the two queues that carry frame numbers. See wire.c.
 */
#ifndef AEROSTAT_WIRE_H
#define AEROSTAT_WIRE_H

#include <linux/mm_types.h>
#include <linux/virtio.h>
#include <linux/wait.h>

#include <aerostat/balloon.h>

/*
 * Buffers in flight on one queue. QEMU works a queue off on its main loop, at 2 to 4 us a frame, so
 * eight buffers keep its monitor waiting for less than 10 ms.
 */
#define WIRE_BUFFERS 8

/* Frames in one step: what fits into the buffers without waiting in between. 8 MiB. */
#define WIRE_STEP_FRAMES (WIRE_BUFFERS * BALLOON_FRAMES_PER_BUFFER)

/* The device's frames in one page of the guest. */
#define WIRE_FRAMES_PER_PAGE (1u << (PAGE_SHIFT - BALLOON_FRAME_SHIFT))

/* Frame numbers for the device, in its byte order. The device may read it while it is in flight. */
struct wire_buffer {
	struct list_head link;
	unsigned int count;
	__virtio32 frames[BALLOON_FRAMES_PER_BUFFER];
};

/* A queue and its buffers. The caller serialises all calls but wire_acked(). */
struct wire {
	struct virtqueue *vq;
	wait_queue_head_t acked; /* woken when the device has used a buffer */
	struct wire_buffer *buffers; /* WIRE_BUFFERS of them */
	struct list_head idle; /* buffers that are not in flight */
	struct wire_buffer *filling; /* the one being filled, or NULL */
	unsigned int in_flight; /* buffers the device has */
	u64 sent_frames; /* since wire_begin() */
	u64 sent_buffers; /* since probe */
};

int wire_init(struct wire *wire);
void wire_uninit(struct wire *wire);
void wire_attach(struct wire *wire, struct virtqueue *vq);
void wire_acked(struct wire *wire);

void wire_begin(struct wire *wire);
int wire_put(struct wire *wire, struct page *block);
int wire_finish(struct wire *wire);

u32 wire_pages_to_frames(unsigned long pages);
unsigned long wire_frames_to_pages(u32 frames);

#endif
