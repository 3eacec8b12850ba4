/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A virtqueue with a bounded number of buffers in flight. See ring.c.
 */
#ifndef AEROSTAT_RING_H
#define AEROSTAT_RING_H

#include <linux/list.h>
#include <linux/virtio.h>
#include <linux/wait.h>

struct scatterlist;

/* Begins whatever is sent on a ring. In flight it is the device's, else it is idle or being filled. */
struct ring_slot {
	struct list_head link;
};

enum ring_direction {
	RING_DEVICE_READS,
	RING_DEVICE_WRITES, /* as the specification has it for memory the device may discard */
};

/* The caller serialises all calls but ring_acked(). */
struct ring {
	struct virtqueue *vq; /* NULL while there is none */
	wait_queue_head_t acked; /* woken when the device has used a buffer */
	struct list_head idle; /* slots the device does not have */
	unsigned int in_flight; /* slots it has */
	unsigned int unkicked; /* of those, slots it has not been notified of */
	unsigned int batch; /* slots for which it is notified together */
	unsigned int sent; /* slots sent since ring_begin() */
	u64 sent_total; /* slots sent since probe */
};

void ring_init(struct ring *ring, unsigned int batch);
void ring_attach(struct ring *ring, struct virtqueue *vq);
void ring_quiet(struct ring *ring);
void ring_acked(struct ring *ring);

void ring_begin(struct ring *ring);
void ring_give(struct ring *ring, struct ring_slot *slot);
int ring_take(struct ring *ring, struct ring_slot **ret_slot);
void ring_poll(struct ring *ring);
int ring_post(struct ring *ring, struct ring_slot *slot, struct scatterlist *sg,
	      unsigned int entries, enum ring_direction direction);
int ring_send(struct ring *ring, struct ring_slot *slot, struct scatterlist *sg,
	      unsigned int entries, enum ring_direction direction);
int ring_kick(struct ring *ring);
int ring_wait(struct ring *ring, unsigned int most);

#endif
