/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The virtio balloon device as both halves of Aerostat see it: feature bits, queue and
 * configuration layout, statistics tags.
 *
 * Written from the OASIS virtio specification (5.5, memory balloon device). The numbers are our
 * own definitions, because the headers of older kernels lack the newer ones. Only
 * fixed-width types of the uapi headers, so that kernel and host code can include it alike.
 */
#ifndef AEROSTAT_BALLOON_H
#define AEROSTAT_BALLOON_H

#include <linux/types.h>
#include <linux/virtio_types.h>

/* Virtio device id of the (traditional) memory balloon. */
#define BALLOON_DEVICE_ID 5

/* Feature bits. Nothing above 5: bit 6 has been claimed by several incompatible proposals. */
#define BALLOON_F_MUST_TELL_HOST 0 /* pages may be reused only after the deflate is acknowledged */
#define BALLOON_F_STATS_VQ	 1 /* the device asks for memory statistics */
#define BALLOON_F_DEFLATE_ON_OOM 2 /* the guest may take pages back rather than kill */
#define BALLOON_F_FREE_PAGE_HINT 3 /* free pages are hinted during migration */
#define BALLOON_F_PAGE_POISON	 4 /* the guest tells what its free pages are filled with */
#define BALLOON_F_REPORTING	 5 /* free pages are reported in ranges */

/*
 * The unit of the device: frames of 4 KiB, whatever the guest's page size. Both the frame numbers
 * on the queues and the counts in the configuration space are in this unit.
 */
#define BALLOON_FRAME_SHIFT 12

/*
 * Frame numbers in one buffer. More than 256 are never acknowledged by Firecracker and are
 * acknowledged without effect by cloud-hypervisor, so this is the portable ceiling.
 */
#define BALLOON_FRAMES_PER_BUFFER 256

/*
 * The configuration space. Little-endian even on legacy devices; counts in frames. Without the
 * features that they belong to, the last two members may be missing: it is 8, 12 or 16 bytes long.
 */
struct balloon_config {
	__le32 num_pages; /* what the device wants in the balloon */
	__le32 actual; /* what the driver has put there */
	__le32 free_page_hint_cmd_id; /* FREE_PAGE_HINT: what to do, a BALLOON_HINT value or a request */
	__le32 poison_val; /* PAGE_POISON: what four bytes of a free page hold; written by the driver */
};

/* Values of free_page_hint_cmd_id; from 2 on each is a request of its own. */
#define BALLOON_HINT_STOP 0 /* hint no more, keep what was hinted */
#define BALLOON_HINT_DONE 1 /* hinted pages may be used again */

/* Statistics tags. Amounts are bytes, the others are counts since the guest has booted. */
#define BALLOON_S_SWAP_IN	   0 /* bytes swapped in */
#define BALLOON_S_SWAP_OUT	   1 /* bytes swapped out */
#define BALLOON_S_MAJOR_FAULTS	   2 /* faults that needed I/O */
#define BALLOON_S_MINOR_FAULTS	   3 /* faults that did not */
#define BALLOON_S_FREE		   4 /* bytes unused for any purpose (MemFree) */
#define BALLOON_S_TOTAL		   5 /* bytes the guest has (MemTotal) */
#define BALLOON_S_AVAILABLE	   6 /* bytes to be had without swapping (MemAvailable) */
#define BALLOON_S_CACHES	   7 /* bytes of file cache */
#define BALLOON_S_HUGETLB_ALLOCS   8 /* huge pages allocated */
#define BALLOON_S_HUGETLB_FAILURES 9 /* huge page allocations that failed */
#define BALLOON_S_OOM_KILLS	   10 /* invocations of the OOM killer */
#define BALLOON_S_ALLOC_STALLS	   11 /* allocations that had to wait for reclaim */
#define BALLOON_S_ASYNC_SCANNED	   12 /* bytes scanned in the background */
#define BALLOON_S_DIRECT_SCANNED   13 /* bytes scanned by allocating tasks */
#define BALLOON_S_ASYNC_RECLAIMED  14 /* bytes reclaimed in the background */
#define BALLOON_S_DIRECT_RECLAIMED 15 /* bytes reclaimed by allocating tasks */
#define BALLOON_S_TAGS		   16 /* number of tags known here */

/*
 * One statistic on the queue: 10 bytes, unaligned by specification. The byte order is that of the
 * device (little-endian, or the guest's own on legacy devices).
 */
struct balloon_stat {
	__virtio16 tag;
	__virtio64 value;
} __attribute__((packed));

#endif
