/* SPDX-License-Identifier: GPL-2.0 */
/* What a run is judged by. The metrics of several hosts add up to those of all of them. */
#ifndef AEROSTAT_SIM_METRICS_H
#define AEROSTAT_SIM_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "sim/trace.h"

/* Slowdowns from 1 to 2 in thousandths, and above in 64ths of each doubling, up to 2^10. */
#define METRICS_FINE_BINS   1000
#define METRICS_COARSE_BINS (64 * 9)
#define METRICS_BINS	    (METRICS_FINE_BINS + METRICS_COARSE_BINS)

struct metrics {
	size_t hosts;
	size_t vms;
	double seconds; /* of all hosts */
	double vm_seconds; /* of running VMs */
	double slowdown_seconds; /* sum of their slowdowns */
	uint64_t minutes[METRICS_BINS]; /* VM-minutes by their mean slowdown */
	uint64_t vm_minutes;
	uint64_t violated_minutes;
	/*
	 * Some VMs are too small for their own work, and slow on any host. What a host does to its
	 * VMs shows in their slowdown relative to the same VM with all its memory to itself.
	 */
	double relative_seconds; /* sum of those */
	uint64_t harmed_minutes; /* VM-minutes in which it is a violation */
	double worst_slowdown; /* the highest mean slowdown of a VM */
	char worst_vm[TRACE_ID_LEN];
	double host_swap_mib_s; /* sum over seconds */
	double guest_swap_mib_s;
	double resident_mib_s; /* in the host's memory, without what is swapped */
	double moved_mib; /* by balloons */
	uint64_t calls; /* to set a VM's memory */
	uint64_t turns; /* calls against the direction of the VM's last one */
	uint64_t breaches; /* calls below a reservation */
	uint64_t ticks;
	uint64_t tick_vms; /* VMs judged in them */
	uint64_t tick_ns; /* the only figure here that depends on the machine */
};

/* Count a VM-minute by the mean slowdown in it, and what it would have been alone. */
void metrics_minute(struct metrics *metrics, double slowdown, double alone);

/* A VM's mean slowdown over the run. */
void metrics_vm(struct metrics *metrics, const char *id, double slowdown);

void metrics_add(struct metrics *sum, const struct metrics *metrics);

/* The slowdown that `permille` of the VM-minutes do not exceed; 1 when there are none. */
double metrics_slowdown_at(const struct metrics *metrics, uint32_t permille);

double metrics_mean_slowdown(const struct metrics *metrics);
double metrics_violation(const struct metrics *metrics); /* share of VM-minutes, 0 to 1 */
double metrics_mean_relative(const struct metrics *metrics);
double metrics_harm(const struct metrics *metrics); /* likewise, of harmed VM-minutes */

#endif
