// SPDX-License-Identifier: GPL-2.0
/*
 * STATS_VQ: the guest's memory statistics.
 *
 * The device holds one buffer. When it wants fresh numbers it hands the buffer back, we fill it
 * again and return it. A device asks again only after it has received an answer, so an answer lost
 * on our side would end the statistics for good: a refill that the queue did not take is tried again
 * every second, and after each reset the first buffer is offered anew.
 *
 * The tags sent are those for which this kernel has numbers, less those that `stats_tags` leaves out
 * for devices that break on them: fixed when the module is loaded, so each answer has the same ones.
 */
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/virtio_config.h>

#include "aerostat.h"
#include "compat/vmstat.h"

/* How long to wait before a refill that failed is tried again. */
#define REFILL_RETRY_MS 1000

static unsigned int stats_tags = (1u << BALLOON_S_TAGS) - 1;
module_param(stats_tags, uint, 0444);
MODULE_PARM_DESC(
	stats_tags,
	"Statistics sent, one bit a tag (default all; 0x3ff for devices that know no more than 10)");

static u64 pages_to_bytes(u64 pages)
{
	return pages << PAGE_SHIFT;
}

#ifdef CONFIG_VM_EVENT_COUNTERS
/* Allocations that had to wait, over all zones: one event a zone, in the order of the zones. */
static u64 allocation_stalls(const unsigned long *events)
{
	unsigned int zone;
	u64 sum = 0;

	for (zone = 0; zone < MAX_NR_ZONES; zone++)
		sum += events[ALLOCSTALL_NORMAL - ZONE_NORMAL + zone];
	return sum;
}

/* The tags that come from the kernel's event counters. Return: how many. */
static unsigned int read_events(struct stats_value *ret_values)
{
	unsigned long events[NR_VM_EVENT_ITEMS];
	struct stats_value *next = ret_values;

	all_vm_events(events);
	*next++ = (struct stats_value){ BALLOON_S_SWAP_IN, pages_to_bytes(events[PSWPIN]) };
	*next++ = (struct stats_value){ BALLOON_S_SWAP_OUT, pages_to_bytes(events[PSWPOUT]) };
	*next++ = (struct stats_value){ BALLOON_S_MAJOR_FAULTS, events[PGMAJFAULT] };
	/* The kernel's PGFAULT has all faults, the device's tag only the minor ones. */
	*next++ =
		(struct stats_value){ BALLOON_S_MINOR_FAULTS,
				      events[PGFAULT] - min(events[PGFAULT], events[PGMAJFAULT]) };
#ifdef CONFIG_HUGETLB_PAGE
	*next++ = (struct stats_value){ BALLOON_S_HUGETLB_ALLOCS, events[HTLB_BUDDY_PGALLOC] };
	*next++ =
		(struct stats_value){ BALLOON_S_HUGETLB_FAILURES, events[HTLB_BUDDY_PGALLOC_FAIL] };
#endif
	*next++ = (struct stats_value){ BALLOON_S_OOM_KILLS, events[OOM_KILL] };
	*next++ = (struct stats_value){ BALLOON_S_ALLOC_STALLS, allocation_stalls(events) };
#if COMPAT_HAS_RECLAIM_COUNTERS
	*next++ = (struct stats_value){ BALLOON_S_ASYNC_SCANNED,
					pages_to_bytes(compat_async_scanned(events)) };
	*next++ = (struct stats_value){ BALLOON_S_DIRECT_SCANNED,
					pages_to_bytes(events[PGSCAN_DIRECT]) };
	*next++ = (struct stats_value){ BALLOON_S_ASYNC_RECLAIMED,
					pages_to_bytes(compat_async_reclaimed(events)) };
	*next++ = (struct stats_value){ BALLOON_S_DIRECT_RECLAIMED,
					pages_to_bytes(events[PGSTEAL_DIRECT]) };
#endif
	return next - ret_values;
}
#else
static unsigned int read_events(struct stats_value *ret_values)
{
	return 0;
}
#endif

/* Read the guest's numbers of now, all there are; room for BALLOON_S_TAGS. Return: how many. */
static unsigned int read_all(struct stats_value *ret_values)
{
	struct stats_value *next = ret_values + read_events(ret_values);
	struct sysinfo info;

	si_meminfo(&info);
	*next++ = (struct stats_value){ BALLOON_S_FREE, pages_to_bytes(info.freeram) };
	*next++ = (struct stats_value){ BALLOON_S_TOTAL, pages_to_bytes(info.totalram) };
	*next++ = (struct stats_value){ BALLOON_S_AVAILABLE,
					pages_to_bytes(max(si_mem_available(), 0l)) };
	*next++ = (struct stats_value){ BALLOON_S_CACHES,
					pages_to_bytes(global_node_page_state(NR_FILE_PAGES)) };
	return next - ret_values;
}

/*
 * Read what the device is to be told now; room for BALLOON_S_TAGS. Return: how many numbers, at least
 * one, as a buffer needs some length.
 */
unsigned int stats_read(struct stats_value *ret_values)
{
	unsigned int i, count = 0, all = read_all(ret_values);

	for (i = 0; i < all; i++) {
		if (stats_tags & 1u << ret_values[i].tag)
			ret_values[count++] = ret_values[i];
	}
	return count ?: 1;
}

/* Fill the buffer and give it to the device. Return: 0, or why the queue did not take it. */
static int refill(struct aerostat *balloon)
{
	struct stats_value values[BALLOON_S_TAGS];
	struct scatterlist sg;
	unsigned int i, read;
	int err;

	read = stats_read(values);
	for (i = 0; i < read; i++) {
		balloon->stats[i].tag = cpu_to_virtio16(balloon->vdev, values[i].tag);
		balloon->stats[i].value = cpu_to_virtio64(balloon->vdev, values[i].value);
	}
	sg_init_one(&sg, balloon->stats, read * sizeof(balloon->stats[0]));
	err = virtqueue_add_outbuf(balloon->stats_vq, &sg, 1, balloon, GFP_NOWAIT);
	if (err)
		return err;
	balloon->stats_in_flight = true;
	virtqueue_kick(balloon->stats_vq);
	return 0;
}

static void stats_work(struct work_struct *work)
{
	struct aerostat *balloon = container_of(work, struct aerostat, stats_work.work);
	unsigned int len;

	if (virtqueue_get_buf(balloon->stats_vq, &len))
		balloon->stats_in_flight = false;
	if (balloon->stats_in_flight || READ_ONCE(balloon->state) != DEVICE_RUNNING ||
	    virtqueue_is_broken(balloon->stats_vq))
		return;
	if (!refill(balloon)) {
		balloon->stats_sent++;
		return;
	}
	if (!balloon->stats_lost++)
		dev_warn(&balloon->vdev->dev, "a statistics refill failed; trying again\n");
	aerostat_queue(balloon, &balloon->stats_work, REFILL_RETRY_MS);
}

void stats_init(struct aerostat *balloon)
{
	INIT_DELAYED_WORK(&balloon->stats_work, stats_work);
}

/* The device hands the buffer back. Callback of the queue. */
void stats_asked(struct virtqueue *vq)
{
	struct aerostat *balloon = vq->vdev->priv;

	aerostat_queue(balloon, &balloon->stats_work, 0);
}

/* The device is ready and @vq fresh: offer the first buffer. NULL when not negotiated. */
void stats_start(struct aerostat *balloon, struct virtqueue *vq)
{
	balloon->stats_vq = vq;
	balloon->stats_in_flight = false;
	if (vq)
		aerostat_queue(balloon, &balloon->stats_work, 0);
}

/* No work may be queued any more: wait for what runs. */
void stats_stop(struct aerostat *balloon)
{
	cancel_delayed_work_sync(&balloon->stats_work);
}
