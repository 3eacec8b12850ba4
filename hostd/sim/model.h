/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The constants of the simulated world: the same for every policy. One step is one second, so a
 * rate in MiB/s is also what moves in a step.
 *
 * Where the published model leaves something open, the reading that flatters a memory manager
 * least has been taken, and is told where it is used:
 *   guest.c   what is swapped, refaulted, resident, and reported
 *   host.c    what the host swaps, and what it reports
 *   demand.c  what the workloads want, and when
 *   metrics.c what is counted
 */
#ifndef AEROSTAT_SIM_MODEL_H
#define AEROSTAT_SIM_MODEL_H

#define MODEL_KIB_PER_MIB 1024
#define MODEL_MIB_PER_GIB 1024
#define MODEL_PAGE_KIB	  4

/* The input: a sample every five minutes. */
#define MODEL_TRACE_STEP_S 300

/* The guest's kernel: a fixed part, and a part of its provisioned memory (page tables, slabs). */
#define MODEL_KERNEL_MIB      64.0
#define MODEL_KERNEL_FRACTION 0.02

#define MODEL_CACHE_FILL_MIB_S	  20.0
#define MODEL_USEFUL_CACHE	  0.3 /* of the working set */
#define MODEL_INFLATE_MIB_S	  1024.0
#define MODEL_INFLATE_SWAP_MIB_S  200.0 /* once anonymous pages have to go to swap */
#define MODEL_DEFLATE_MIB_S	  4096.0
#define MODEL_GUEST_SWAP_IN_MIB_S 200.0
#define MODEL_REPORTING_DELAY_S	  2
#define MODEL_STATS_PERIOD_S	  5
#define MODEL_BOOT_S		  10 /* until the guest's balloon driver runs */
#define MODEL_FAULT_CLUSTER_KIB	  32 /* swapped in by one fault: Linux' page-cluster of 3 */
#define MODEL_READAHEAD_KIB	  128 /* read by one miss of the page cache: Linux' default */
#define MODEL_DISK_MIB_S	  200.0 /* at which swapped and missed pages are read */

#define MODEL_HOST_OWN_MIB    2048.0
#define MODEL_HOST_SWAP_MIB_S 200.0
#define MODEL_PSI_WINDOW_S    10.0

/* Slowdown is 1 plus these times the part that is missing. */
#define MODEL_COST_GUEST_SWAP  8.0
#define MODEL_COST_GUEST_CACHE 0.5
#define MODEL_COST_HOST_SWAP   80.0

/* A minute with a slowdown above this is a violation. */
#define MODEL_VIOLATION_SLOWDOWN 1.05

/* Bursts laid over a trace. */
#define MODEL_BURST_GAP_S      2.0 * 3600
#define MODEL_BURST_RAMP_S     5
#define MODEL_BURST_LOW	       0.10 /* of the provisioned memory */
#define MODEL_BURST_HIGH       0.40
#define MODEL_BURST_SHORTEST_S 60
#define MODEL_BURST_LONGEST_S  600

#endif
