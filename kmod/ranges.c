// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges of memory on the reporting queue.
 *
 * A step is ranges_begin(), ranges_put() for each block, ranges_finish(), as on the queues of frame
 * numbers. A range is an address and a length, so a block of 2 MiB is one descriptor, and the device
 * discards it with one operation. Blocks that lie side by side become one range.
 *
 * Several ranges make a chain, which the device uses as a whole. A chain is sent when it is full or
 * has RANGE_CHAIN_BYTES.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "ranges.h"

struct range_chain {
	struct ring_slot slot;
	unsigned int count; /* ranges */
	unsigned long bytes; /* in all of them */
	struct scatterlist sg[RANGE_CHAIN_MOST];
};

/* Return: 0 or -ENOMEM. */
int ranges_init(struct ranges *ranges)
{
	unsigned int i;

	ring_init(&ranges->ring, RANGE_NOTIFY_CHAINS);
	for (i = 0; i < RANGE_CHAINS; i++) {
		ranges->chains[i] = kzalloc(sizeof(*ranges->chains[i]), GFP_KERNEL);
		if (!ranges->chains[i]) {
			ranges_uninit(ranges);
			return -ENOMEM;
		}
	}
	return 0;
}

/* The device must have been reset. */
void ranges_uninit(struct ranges *ranges)
{
	unsigned int i;

	for (i = 0; i < RANGE_CHAINS; i++) {
		kfree(ranges->chains[i]);
		ranges->chains[i] = NULL;
	}
}

/* Begin with a fresh queue, or none (NULL), when the device has no buffer. */
void ranges_attach(struct ranges *ranges, struct virtqueue *vq)
{
	unsigned int i;

	ring_attach(&ranges->ring, vq);
	if (vq)
		ring_quiet(&ranges->ring);
	ranges->filling = NULL;
	/* No chain may be longer than the queue, even where it lies in a table of its own. */
	ranges->most = vq ? min_t(unsigned int, virtqueue_get_vring_size(vq), RANGE_CHAIN_MOST) : 0;
	for (i = 0; i < RANGE_CHAINS; i++)
		ring_give(&ranges->ring, &ranges->chains[i]->slot);
}

static int flush(struct ranges *ranges)
{
	struct range_chain *chain = ranges->filling;
	unsigned int sent_before = ranges->ring.sent;
	int err;

	if (!chain)
		return 0;
	sg_mark_end(&chain->sg[chain->count - 1]);
	err = ring_send(&ranges->ring, &chain->slot, chain->sg, chain->count, RING_DEVICE_WRITES);
	if (ranges->ring.sent != sent_before) {
		ranges->sent_ranges += chain->count;
		ranges->sent_bytes += chain->bytes;
		ranges->filling = NULL;
	}
	return err;
}

/* Begin a step: nothing is half filled. */
void ranges_begin(struct ranges *ranges)
{
	if (ranges->filling) {
		ring_give(&ranges->ring, &ranges->filling->slot);
		ranges->filling = NULL;
	}
	ring_begin(&ranges->ring);
}

/* Make the last range of the chain longer by a block at one of its ends. Return: whether it was. */
static bool extend(struct range_chain *chain, struct page *block, unsigned long bytes)
{
	struct scatterlist *last;

	if (!chain->count)
		return false;
	last = &chain->sg[chain->count - 1];
	if (sg_phys(last) + last->length == page_to_phys(block))
		last->length += bytes;
	else if (page_to_phys(block) + bytes == sg_phys(last))
		sg_set_page(last, block, last->length + bytes, 0);
	else
		return false;
	chain->bytes += bytes;
	return true;
}

static int put(struct ranges *ranges, struct page *block, unsigned long bytes)
{
	struct range_chain *chain = ranges->filling;

	if (!chain) {
		struct ring_slot *slot;
		int err = ring_take(&ranges->ring, &slot);

		if (err)
			return err;
		chain = container_of(slot, struct range_chain, slot);
		chain->count = 0;
		chain->bytes = 0;
		sg_init_table(chain->sg, RANGE_CHAIN_MOST);
		ranges->filling = chain;
	}
	if (!extend(chain, block, bytes)) {
		sg_set_page(&chain->sg[chain->count++], block, bytes, 0);
		chain->bytes += bytes;
	}
	return chain->count == ranges->most || chain->bytes >= RANGE_CHAIN_BYTES ? flush(ranges)
										 : 0;
}

/* Report contiguous pages. Return: 0, or an error that ends the step, as wire_put(). */
int ranges_put(struct ranges *ranges, struct page *first, unsigned long pages)
{
	return put(ranges, first, pages << PAGE_SHIFT);
}

/* Report the kernel's list of free pages. As ranges_put(). */
int ranges_put_all(struct ranges *ranges, struct scatterlist *sg, unsigned int entries)
{
	struct scatterlist *entry;
	unsigned int i;
	int err = 0;

	for_each_sg(sg, entry, entries, i)
	{
		err = put(ranges, sg_page(entry), entry->length);
		if (err)
			break;
	}
	return err;
}

/* End a step: send what is left and wait until the device is done with all of it. As ranges_put(). */
int ranges_finish(struct ranges *ranges)
{
	int err = flush(ranges);

	if (err)
		return err;
	return ranges->ring.in_flight ? ring_wait(&ranges->ring, 0) : 0;
}
