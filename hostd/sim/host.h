/* SPDX-License-Identifier: GPL-2.0 */
/* The host under the guests: what it has to swap, and what it tells of itself. */
#ifndef AEROSTAT_SIM_HOST_H
#define AEROSTAT_SIM_HOST_H

#include "policy/snapshot.h"

struct host {
	double ram_mib;
	double resident_mib; /* of all VMs, with what of it is swapped */
	double swap_mib; /* of that, in the host's swap */
	double slowdown; /* of every VM, by the host's swapping */
	double stalled; /* share of this second in which some VM waited for memory */
	double stalled_average; /* as /proc/pressure/memory has it */
	double swapped_in_mib;
	double swapped_out_mib;
};

void host_init(struct host *host, double ram_mib);

/* One second later, with so much memory touched by all VMs. */
void host_step(struct host *host, double resident_mib);

/* The part of each VM's resident memory that is swapped. */
double host_swap_share(const struct host *host);

/* What the daemon would read. */
struct host_sample host_observe(const struct host *host);

#endif
