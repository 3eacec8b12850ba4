/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was measured, as plain data: the policy's whole view of the world in one tick. Sources
 * fill it, the policy reads it, nobody else changes it. All sizes are KiB, as libvirt has them.
 */
#ifndef AEROSTAT_POLICY_SNAPSHOT_H
#define AEROSTAT_POLICY_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/opt.h"

#define VM_UUID_LEN 37 /* text form with its terminating NUL */

struct host_sample {
	struct opt_u64 total_kib; /* without what is set aside for huge pages */
	struct opt_u64 available_kib; /* MemAvailable, not MemFree */
	struct opt_u64 swap_in_pages; /* pswpin, pswpout of /proc/vmstat: since boot */
	struct opt_u64 swap_out_pages;
	struct opt_u64 psi_some_permille; /* /proc/pressure/memory, some avg10 */
	struct opt_u64 psi_full_permille;
};

enum vm_run_state {
	VM_RUNNING,
	VM_PAUSED, /* by whomever, for whatever reason */
	VM_MIGRATING, /* in or out, also being saved or snapshotted */
};

/*
 * What the host does to a VM, which its guest cannot know. Each number can be unavailable. Waiting
 * is the share of the time since the last look that the threads of its process waited, added up:
 * four that wait half of the time are 2000.
 */
struct vm_host {
	struct opt_u64 cpu_wait_permille; /* ready to run, but no CPU was free */
	struct opt_u64 io_wait_permille; /* for disks */
	struct opt_u64 swap_wait_permille; /* for memory that the host had swapped out */
	struct opt_u64
		thrash_wait_permille; /* for memory that the host had taken a moment before */
	struct opt_u64 reclaim_wait_permille; /* for the host to free memory */
	struct opt_u64 resident_kib; /* of its process */
	struct opt_u64 swapped_kib; /* likewise, in the host's swap */
	struct opt_u64 cgroup_kib; /* of its control group, with page cache on the host */
	struct opt_u64 cgroup_swap_kib;
	struct opt_u64 stall_some_permille; /* its memory.pressure, avg10: of wall time */
	struct opt_u64 stall_full_permille;
};

struct vm_sample {
	char uuid[VM_UUID_LEN];
	const char *name; /* borrowed for the tick */

	enum vm_run_state run_state;
	uint64_t up_ms; /* since it was started or reset, or since we first saw it */
	bool hung; /* its QEMU does not answer: all below is old, and nothing can be asked of it */
	uint64_t
		refused_ms; /* libvirt set no target of it: it is not asked for so long; 0: it may be */
	bool has_balloon; /* false: no device, so its memory cannot move */
	bool apart; /* in huge pages: none of what the host's available memory is about */

	uint64_t max_kib; /* balloon.maximum */
	struct opt_u64 actual_kib; /* balloon.current: where it is, not where it shall be */
	struct opt_u64 rss_kib; /* of its QEMU process on the host */
	struct vm_host host;

	/* Age of the guest's numbers by the host's clock; unknown: it never reported. */
	struct opt_u64 stats_age_ms;
	struct opt_u64 total_kib; /* the guest's MemTotal */
	struct opt_u64 usable_kib; /* MemAvailable */
	struct opt_u64 unused_kib; /* MemFree */
	struct opt_u64 cache_kib;
	struct opt_u64 swap_in_kib; /* counters since the guest's boot */
	struct opt_u64 swap_out_kib;
	struct opt_u64 major_faults;
};

#endif
