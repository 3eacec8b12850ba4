// SPDX-License-Identifier: GPL-2.0
/*
 * Frame numbers on the inflate and deflate queues.
 *
 * A step is wire_begin(), wire_put() for each block, wire_finish(). Frames are collected, ascending
 * within a block, into buffers of `pfns_per_buffer`; a full buffer goes to the device at once while
 * the caller fetches the next block, and wire_finish() sends the rest and waits until every buffer
 * has come back. Only then is the device done with the step's pages. wire_flush() sends without
 * waiting, for pages in which nobody waits for the device.
 *
 * Each buffer is one descriptor, because Firecracker looks at no other. A block that fits into one
 * buffer is not spread over two: QEMU frees a huge page of hugetlbfs only when all its frames come
 * together.
 *
 * A guest's pages may be larger than the device's 4-KiB frames; only this file knows.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>

#include "pages.h"
#include "wire.h"

/* Frames in the largest buffer: a huge page of 2 MiB. No known device takes more to its advantage. */
#define FRAMES_PER_BUFFER_MOST 512

static unsigned int pfns_per_buffer = BALLOON_FRAMES_PER_BUFFER;
module_param(pfns_per_buffer, uint, 0444);
MODULE_PARM_DESC(
	pfns_per_buffer,
	"Frame numbers in one buffer, up to 512 (default 256; 512 for hugetlb-backed guests on QEMU)");

/* Frame numbers for the device, in its byte order. The device may read it while it is in flight. */
struct wire_buffer {
	struct ring_slot slot;
	unsigned int count;
	__virtio32 frames[];
};

/* Return: the device's frames in so many pages; its counts end at 2^32 - 1. */
u32 wire_pages_to_frames(unsigned long pages)
{
	return min_t(u64, (u64)pages * WIRE_FRAMES_PER_PAGE, U32_MAX);
}

/* Return: the whole pages in so many frames. */
unsigned long wire_frames_to_pages(u32 frames)
{
	return frames / WIRE_FRAMES_PER_PAGE;
}

/* The device is notified of about @notify_frames together. Return: 0 or -ENOMEM. */
int wire_init(struct wire *wire, unsigned int notify_frames)
{
	unsigned int i;

	wire->capacity = clamp_t(unsigned int, pfns_per_buffer, 1, FRAMES_PER_BUFFER_MOST);
	ring_init(&wire->ring, max(notify_frames / wire->capacity, 1u));
	for (i = 0; i < WIRE_BUFFERS; i++) {
		wire->buffers[i] =
			kzalloc(struct_size(wire->buffers[i], frames, wire->capacity), GFP_KERNEL);
		if (!wire->buffers[i]) {
			wire_uninit(wire);
			return -ENOMEM;
		}
	}
	return 0;
}

/* The device must have been reset. */
void wire_uninit(struct wire *wire)
{
	unsigned int i;

	for (i = 0; i < WIRE_BUFFERS; i++) {
		kfree(wire->buffers[i]);
		wire->buffers[i] = NULL;
	}
}

/* Begin with a fresh queue: after probe and after each reset, when the device has no buffer. */
void wire_attach(struct wire *wire, struct virtqueue *vq)
{
	unsigned int i;

	ring_attach(&wire->ring, vq);
	ring_quiet(&wire->ring);
	wire->filling = NULL;
	for (i = 0; i < WIRE_BUFFERS; i++)
		ring_give(&wire->ring, &wire->buffers[i]->slot);
}

/* Give the buffer being filled, if there is one, to the device. Return: 0 or as ring_send(). */
static int send_filling(struct wire *wire)
{
	struct wire_buffer *buffer = wire->filling;
	struct scatterlist sg;
	unsigned int sent_before = wire->ring.sent;
	int err;

	if (!buffer)
		return 0;
	sg_init_one(&sg, buffer->frames, buffer->count * sizeof(buffer->frames[0]));
	err = ring_send(&wire->ring, &buffer->slot, &sg, 1, RING_DEVICE_READS);
	if (wire->ring.sent != sent_before)
		wire->filling = NULL;
	return err;
}

/* Have the device read all it was given so far, without waiting. Return: 0 or as ring_send(). */
int wire_flush(struct wire *wire)
{
	int err = send_filling(wire);

	return err ? err : ring_kick(&wire->ring);
}

/* Begin a step: nothing is half filled. */
void wire_begin(struct wire *wire)
{
	if (wire->filling) {
		ring_give(&wire->ring, &wire->filling->slot);
		wire->filling = NULL;
	}
	ring_begin(&wire->ring);
}

/* Have a buffer with room to fill. Return: 0 or as ring_take(). */
static int fetch_buffer(struct wire *wire)
{
	struct ring_slot *slot;
	int err;

	if (wire->filling)
		return 0;
	err = ring_take(&wire->ring, &slot);
	if (err)
		return err;
	wire->filling = container_of(slot, struct wire_buffer, slot);
	wire->filling->count = 0;
	return 0;
}

/*
 * Tell the device of every frame of so many contiguous pages.
 * Return: 0, -ERANGE for pages beyond what 32-bit frame numbers reach (nothing of it was sent),
 * or another error that ends the step; the ring then knows whether any of it went out.
 */
int wire_put_pages(struct wire *wire, struct page *first, unsigned long pages)
{
	u64 frame = (u64)page_to_pfn(first) * WIRE_FRAMES_PER_PAGE;
	u64 frames = (u64)pages * WIRE_FRAMES_PER_PAGE;
	u64 end = frame + frames;
	struct wire_buffer *buffer;
	int err;

	if (end - 1 > U32_MAX)
		return -ERANGE;
	if (wire->filling && frames > wire->capacity - wire->filling->count) {
		err = send_filling(wire);
		if (err)
			return err;
	}
	for (; frame < end; frame++) {
		err = fetch_buffer(wire);
		if (err)
			return err;
		buffer = wire->filling;
		buffer->frames[buffer->count++] = cpu_to_virtio32(wire->ring.vq->vdev, frame);
		if (buffer->count == wire->capacity) {
			err = send_filling(wire);
			if (err)
				return err;
		}
	}
	return 0;
}

/* As above, for a block. */
int wire_put(struct wire *wire, struct page *block)
{
	return wire_put_pages(wire, block, block_pages(block));
}

/* End a step: send what is left and wait until the device is done with all of it. As wire_put(). */
int wire_finish(struct wire *wire)
{
	int err = send_filling(wire);

	if (err)
		return err;
	return wire->ring.in_flight ? ring_wait(&wire->ring, 0) : 0;
}
