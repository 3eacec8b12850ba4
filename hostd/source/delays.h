/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long a process has had to wait for the host, from the kernel's taskstats: harm done to a VM
 * that its guest's statistics cannot show. Times are nanoseconds since the process began, all its
 * threads added up, so that they grow faster than the clock where several wait.
 *
 * The kernel always accounts for waiting for a CPU; for the rest only with the sysctl
 * kernel.task_delayacct, which is off by default and then leaves zeros: those are unknown here.
 */
#ifndef AEROSTAT_SOURCE_DELAYS_H
#define AEROSTAT_SOURCE_DELAYS_H

#include <stddef.h>
#include <sys/types.h>

#include "policy/snapshot.h"

struct delays {
	struct opt_u64 cpu_ns; /* ready to run, but no CPU was free */
	struct opt_u64 block_io_ns; /* for disks */
	struct opt_u64 swap_in_ns; /* for memory that the host had swapped out */
	struct opt_u64 thrashing_ns; /* for memory that the host had taken a moment before */
	struct opt_u64 reclaim_ns; /* for the kernel to free memory */
};

/*
 * Read a struct taskstats as the kernel sent it. `accounted`: kernel.task_delayacct is on.
 * Returns 0; -EBADMSG: shorter than its fields; -EPROTONOSUPPORT: of a version whose layout is
 * not known. On failure *ret_delays is untouched. Pure.
 */
int delays_parse(const void *payload, size_t length, bool accounted, struct delays *ret_delays);

/*
 * Which part of the `elapsed_ms` between two readings was spent waiting: the permille in *host, of all
 * threads together. A counter that went back, or no time in between, makes it unknown. Pure.
 */
void delays_rates(const struct delays *before, const struct delays *now, uint64_t elapsed_ms,
		  struct vm_host *host);

/* Whether the kernel below `root` accounts for more than waiting for a CPU. */
bool delays_accounted(const char *root);

struct delays_source;

/*
 * Connect to the kernel. Returns 0; -ENOENT: it has no taskstats; -EPERM: that takes
 * CAP_NET_ADMIN; or another negative errno.
 */
int delays_open(struct delays_source **ret_source);

/*
 * All threads of the process `pid` together. Returns 0; -ESRCH: no such process; -EPERM;
 * -ETIMEDOUT; what delays_parse() returns; or another negative errno. Waits for the kernel's
 * answer, for at most DELAYS_TIMEOUT_MS: not for the loop's thread.
 */
int delays_read(struct delays_source *source, pid_t pid, bool accounted, struct delays *ret_delays);

#define DELAYS_TIMEOUT_MS 500

void delays_close(struct delays_source *source); /* takes NULL */

#endif
