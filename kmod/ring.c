// SPDX-License-Identifier: GPL-2.0
/*
 * A virtqueue with a bounded number of buffers in flight, and bounded waits.
 *
 * What is sent on a ring begins with a slot. The owner makes a few, gives them to the ring, takes an
 * idle one, fills it and sends it; it becomes idle again when the device has used it. So the number
 * of slots bounds what is in flight.
 *
 * No wait is without bound: a device that has used nothing in so many short sleeps that they make up
 * `ack_timeout_ms` has failed (sleeps are counted rather than time looked at, as time jumps when the
 * host has stopped the guest, and the device with it), and so
 * has one whose queue is marked broken (removed by surprise). After a failure what was sent may be
 * the device's still, until it has been reset.
 *
 * A queue that takes nothing although nothing is in flight has not failed: where `sent` is 0 the
 * caller may keep its memory and try again later.
 *
 * The device is notified once for a few buffers, and its interrupts are off but while we sleep: on
 * QEMU a notification works the queue off in the notifying CPU, and all has been used when it
 * returns. Measured there, an interrupt for each buffer cost as much as the rest of a step.
 *
 * Nothing here allocates in a way that could wait: the caller may be what the kernel's memory
 * reclaim waits for.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/scatterlist.h>

#include "ring.h"
#include "trace.h"

/*
 * A host under pressure may leave its emulator without CPU or swapped out for seconds; libvirt
 * allows QEMU's monitor 30 s. On the other side the guest's freezer allows a suspend 20 s, and a
 * dead device must not make it fail.
 */
#define ACK_TIMEOUT_DEFAULT_MS 15000
#define ACK_TIMEOUT_LEAST_MS   100
#define ACK_TIMEOUT_MOST_MS    600000

/* How often a waiter looks whether the queue has been broken: nobody is woken by that. */
#define BROKEN_POLL_MS 100

static unsigned int ack_timeout_ms = ACK_TIMEOUT_DEFAULT_MS;

static int ack_timeout_set(const char *text, const struct kernel_param *param)
{
	unsigned int ms;
	int err = kstrtouint(text, 0, &ms);

	if (err)
		return err;
	if (ms < ACK_TIMEOUT_LEAST_MS || ms > ACK_TIMEOUT_MOST_MS)
		return -EINVAL;
	WRITE_ONCE(*(unsigned int *)param->arg, ms);
	return 0;
}

static const struct kernel_param_ops ack_timeout_ops = { .set = ack_timeout_set,
							 .get = param_get_uint };
module_param_cb(ack_timeout_ms, &ack_timeout_ops, &ack_timeout_ms, 0644);
MODULE_PARM_DESC(ack_timeout_ms,
		 "Time the device may take to acknowledge a buffer (ms, 100 to 600000)");

/* @batch (at least 1) slots sent are worth a notification; their owner knows how long they take. */
void ring_init(struct ring *ring, unsigned int batch)
{
	init_waitqueue_head(&ring->acked);
	INIT_LIST_HEAD(&ring->idle);
	ring->batch = batch;
}

/*
 * Begin with a fresh queue: after probe and after each reset, when the device has no buffer. The
 * owner then gives its slots anew.
 */
void ring_attach(struct ring *ring, struct virtqueue *vq)
{
	ring->vq = vq;
	ring->in_flight = 0;
	ring->unkicked = 0;
	ring->sent = 0;
	INIT_LIST_HEAD(&ring->idle);
}

/* The device has used a buffer. From the queue's callback, in any context. */
void ring_acked(struct ring *ring)
{
	wake_up(&ring->acked);
}

/* From here on `sent` counts anew. */
void ring_begin(struct ring *ring)
{
	ring->sent = 0;
}

/* A slot that is not in flight becomes idle. */
void ring_give(struct ring *ring, struct ring_slot *slot)
{
	list_add_tail(&slot->link, &ring->idle);
}

/*
 * Take back what the device has used. Its length is no use: legacy devices do not fill it in, and
 * nothing was to be written.
 */
void ring_poll(struct ring *ring)
{
	struct ring_slot *slot;
	unsigned int len;

	while ((slot = virtqueue_get_buf(ring->vq, &len))) {
		ring_give(ring, slot);
		ring->in_flight--;
	}
}

/* Notify the device of what it has not been told yet. Return: 0 or -EIO for a broken queue. */
int ring_kick(struct ring *ring)
{
	if (!ring->unkicked)
		return 0;
	ring->unkicked = 0;
	return virtqueue_kick(ring->vq) ? 0 : -EIO;
}

/* Sleep until at most @most slots are in flight, but not for long. */
static void doze(struct ring *ring, unsigned int most)
{
	/* False when something has been used meanwhile: the condition then finds it. */
	virtqueue_enable_cb(ring->vq);
	wait_event_idle_timeout(ring->acked, (ring_poll(ring), ring->in_flight <= most),
				msecs_to_jiffies(BROKEN_POLL_MS));
	virtqueue_disable_cb(ring->vq);
}

/*
 * Wait until at most @most slots are in flight. The time-out starts again with each one used.
 * Return: 0, -EIO for a broken queue, -ETIMEDOUT for a silent device.
 */
int ring_wait(struct ring *ring, unsigned int most)
{
	unsigned int limit = DIV_ROUND_UP(READ_ONCE(ack_timeout_ms), BROKEN_POLL_MS), dozes = 0;
	unsigned int before = ring->in_flight, last = before;
	int err = ring_kick(ring);

	ring_poll(ring);
	while (!err && ring->in_flight > most) {
		doze(ring, most);
		if (ring->in_flight < last) {
			last = ring->in_flight;
			dozes = 0;
		}
		if (ring->in_flight <= most)
			break;
		if (virtqueue_is_broken(ring->vq))
			err = -EIO;
		else if (++dozes > limit)
			err = -ETIMEDOUT;
	}
	trace_ack(ring->vq, before, ring->in_flight, err);
	return err;
}

/*
 * Interrupts of the queue are off from here on but in ring_wait(). For a ring whose owner waits
 * there, and does not live by the callback.
 */
void ring_quiet(struct ring *ring)
{
	virtqueue_disable_cb(ring->vq);
}

/* Take a slot that is idle, waiting for one if need be. Return: 0 or as ring_wait(). */
int ring_take(struct ring *ring, struct ring_slot **ret_slot)
{
	if (list_empty(&ring->idle)) {
		int err = ring_wait(ring, ring->in_flight - 1);

		if (err)
			return err;
	}
	*ret_slot = list_first_entry(&ring->idle, struct ring_slot, link);
	list_del_init(&(*ret_slot)->link);
	return 0;
}

static int add(struct ring *ring, struct ring_slot *slot, struct scatterlist *sg,
	       unsigned int entries, enum ring_direction direction)
{
	/* A chain of several entries needs a table; without memory for it the queue's own serve. */
	gfp_t gfp = GFP_NOWAIT | __GFP_NOWARN;

	switch (direction) {
	case RING_DEVICE_READS:
		return virtqueue_add_outbuf(ring->vq, sg, entries, slot, gfp);
	case RING_DEVICE_WRITES:
		return virtqueue_add_inbuf(ring->vq, sg, entries, slot, gfp);
	}
	return -EINVAL;
}

static void posted(struct ring *ring)
{
	ring->in_flight++;
	ring->unkicked++;
	ring->sent++;
	ring->sent_total++;
}

/*
 * Give a slot that was taken, with the memory in @sg, to the device, which is notified at once;
 * without waiting.
 * Return: 0, or why it did not go; the slot is then still the caller's. A queue that fails to notify
 * the device is found broken later.
 */
int ring_post(struct ring *ring, struct ring_slot *slot, struct scatterlist *sg,
	      unsigned int entries, enum ring_direction direction)
{
	int err = add(ring, slot, sg, entries, direction);

	if (err)
		return err;
	posted(ring);
	ring_kick(ring);
	return 0;
}

/*
 * As ring_post(), but where the queue has no room, wait until what is in flight has come back; and
 * notify the device only for a few together. ring_kick() or ring_wait() sees to the last ones.
 * Return: 0, or why it did not go; or -EIO when it did, but the device could not be notified: the
 * slot is then in flight.
 */
int ring_send(struct ring *ring, struct ring_slot *slot, struct scatterlist *sg,
	      unsigned int entries, enum ring_direction direction)
{
	int err = add(ring, slot, sg, entries, direction);

	if (err && ring->in_flight) {
		/* A short queue, or too little room to map: what is in flight stands in the way. */
		err = ring_wait(ring, 0);
		if (!err)
			err = add(ring, slot, sg, entries, direction);
	}
	if (err)
		return err;
	posted(ring);
	return ring->unkicked < ring->batch ? 0 : ring_kick(ring);
}
