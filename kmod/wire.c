// SPDX-License-Identifier: GPL-2.0
/*
 * Frame numbers on the inflate and deflate queues.
 *
 * A step is wire_begin(), wire_put() for each block, wire_finish(). Frames are collected, ascending
 * within a block, into buffers of 256; a full buffer goes to the device at once while the caller
 * fetches the next block, and wire_finish() sends the rest and waits until every buffer has come
 * back. Only then is the device done with the step's pages.
 *
 * Each buffer is one descriptor, because Firecracker looks at no other.
 *
 * No wait is without bound: a device that has not used a buffer for `ack_timeout_ms` has failed,
 * and so has one whose queue is marked broken (removed by surprise). After a failure the pages of
 * the step may be the device's still; the caller must keep them until the device has been reset.
 *
 * A queue that takes nothing although nothing is in flight has not failed: nothing of the step was
 * sent (sent_frames is 0), the caller may keep its pages and try again later.
 *
 * A guest's pages may be larger than the device's 4-KiB frames; only this file knows.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/virtio_config.h>

#include "pages.h"
#include "wire.h"

/*
 * A host under pressure may leave its emulator without CPU or swapped out for seconds; libvirt
 * allows QEMU's monitor 30 s. On the other side the guest's freezer allows a suspend 20 s, and a
 * dead device must not make it fail.
 */
#define ACK_TIMEOUT_DEFAULT_MS 15000
#define ACK_TIMEOUT_LEAST_MS   100

/* How often a waiter looks whether the queue has been broken: nobody is woken by that. */
#define BROKEN_POLL_MS 100

static unsigned int ack_timeout_ms = ACK_TIMEOUT_DEFAULT_MS;
module_param(ack_timeout_ms, uint, 0644);
MODULE_PARM_DESC(ack_timeout_ms, "Time the device may take to acknowledge a buffer (ms, from 100)");

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

/* Return: 0 or -ENOMEM. */
int wire_init(struct wire *wire)
{
	unsigned int i;

	wire->buffers = kcalloc(WIRE_BUFFERS, sizeof(*wire->buffers), GFP_KERNEL);
	if (!wire->buffers)
		return -ENOMEM;
	init_waitqueue_head(&wire->acked);
	INIT_LIST_HEAD(&wire->idle);
	for (i = 0; i < WIRE_BUFFERS; i++)
		INIT_LIST_HEAD(&wire->buffers[i].link);
	return 0;
}

/* The device must have been reset. */
void wire_uninit(struct wire *wire)
{
	kfree(wire->buffers);
	wire->buffers = NULL;
}

/* Begin with a fresh queue: after probe and after each reset, when the device has no buffer. */
void wire_attach(struct wire *wire, struct virtqueue *vq)
{
	unsigned int i;

	wire->vq = vq;
	wire->filling = NULL;
	wire->in_flight = 0;
	INIT_LIST_HEAD(&wire->idle);
	for (i = 0; i < WIRE_BUFFERS; i++)
		list_add_tail(&wire->buffers[i].link, &wire->idle);
}

/* The device has used a buffer. From the queue's callback, in any context. */
void wire_acked(struct wire *wire)
{
	wake_up(&wire->acked);
}

/*
 * Take back what the device has used. Its length is no use: legacy devices do not fill it in, and
 * nothing was to be written.
 */
static void reap(struct wire *wire)
{
	struct wire_buffer *buffer;
	unsigned int len;

	while ((buffer = virtqueue_get_buf(wire->vq, &len))) {
		list_add_tail(&buffer->link, &wire->idle);
		wire->in_flight--;
	}
}

/*
 * Wait until at most @most buffers are in flight. The time-out starts again with each buffer used.
 * Return: 0, -EIO for a broken queue, -ETIMEDOUT for a silent device.
 */
static int wait_in_flight(struct wire *wire, unsigned int most)
{
	unsigned long timeout = msecs_to_jiffies(
		max_t(unsigned int, READ_ONCE(ack_timeout_ms), ACK_TIMEOUT_LEAST_MS));
	unsigned long deadline = jiffies + timeout;
	unsigned int before = wire->in_flight;

	for (;;) {
		/* The condition reaps: the wait ends as soon as enough has come back. */
		wait_event_idle_timeout(wire->acked, (reap(wire), wire->in_flight <= most),
					msecs_to_jiffies(BROKEN_POLL_MS));
		if (wire->in_flight <= most)
			return 0;
		if (virtqueue_is_broken(wire->vq))
			return -EIO;
		if (wire->in_flight < before) {
			before = wire->in_flight;
			deadline = jiffies + timeout;
		}
		if (time_after(jiffies, deadline))
			return -ETIMEDOUT;
	}
}

/* Give the buffer being filled to the device. Return: 0, or why the queue did not take it. */
static int send_filling(struct wire *wire)
{
	struct wire_buffer *buffer = wire->filling;
	struct scatterlist sg;
	int err;

	sg_init_one(&sg, buffer->frames, buffer->count * sizeof(buffer->frames[0]));
	err = virtqueue_add_outbuf(wire->vq, &sg, 1, buffer, GFP_KERNEL);
	if (err && wire->in_flight) {
		/* A short queue, or too little room to map: what is in flight stands in the way. */
		err = wait_in_flight(wire, 0);
		if (!err)
			err = virtqueue_add_outbuf(wire->vq, &sg, 1, buffer, GFP_KERNEL);
	}
	if (err)
		return err;
	wire->filling = NULL;
	wire->in_flight++;
	wire->sent_frames += buffer->count;
	wire->sent_buffers++;
	return virtqueue_kick(wire->vq) ? 0 : -EIO;
}

/* Begin a step: nothing is in flight, nothing half filled. */
void wire_begin(struct wire *wire)
{
	if (wire->filling) {
		list_add(&wire->filling->link, &wire->idle);
		wire->filling = NULL;
	}
	wire->sent_frames = 0;
}

/*
 * Tell the device of every frame of a block.
 * Return: 0, -ERANGE for a block beyond what 32-bit frame numbers reach (nothing of it was sent),
 * or another error that ends the step; sent_frames then tells whether any of it went out.
 */
int wire_put(struct wire *wire, struct page *block)
{
	u64 frame = (u64)page_to_pfn(block) * WIRE_FRAMES_PER_PAGE;
	u64 end = frame + (u64)block_pages(block) * WIRE_FRAMES_PER_PAGE;
	struct wire_buffer *buffer;
	int err;

	if (end - 1 > U32_MAX)
		return -ERANGE;
	for (; frame < end; frame++) {
		if (!wire->filling) {
			if (list_empty(&wire->idle)) {
				err = wait_in_flight(wire, WIRE_BUFFERS - 1);
				if (err)
					return err;
			}
			wire->filling = list_first_entry(&wire->idle, struct wire_buffer, link);
			list_del(&wire->filling->link);
			wire->filling->count = 0;
		}
		buffer = wire->filling;
		buffer->frames[buffer->count++] = cpu_to_virtio32(wire->vq->vdev, frame);
		if (buffer->count == BALLOON_FRAMES_PER_BUFFER) {
			err = send_filling(wire);
			if (err)
				return err;
		}
	}
	return 0;
}

/* End a step: send what is left and wait until the device is done with all of it. As wire_put(). */
int wire_finish(struct wire *wire)
{
	if (wire->filling) {
		int err = send_filling(wire);

		if (err)
			return err;
	}
	return wire->in_flight ? wait_in_flight(wire, 0) : 0;
}
