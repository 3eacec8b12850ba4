/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The metrics' two halves: metrics_values.c knows which families there are and what their values
 * are, metrics.c how they are written.
 */
#ifndef AEROSTAT_PUBLISH_METRICS_INTERNAL_H
#define AEROSTAT_PUBLISH_METRICS_INTERNAL_H

#include "publish/status.h"

enum unit {
	UNIT_NONE,
	UNIT_KIB, /* shown as bytes */
	UNIT_MS, /* shown as seconds */
	UNIT_US, /* likewise */
	UNIT_PERMILLE, /* shown as a ratio */
};

struct family {
	const char *name; /* after the prefix */
	const char *type;
	enum unit unit;
	const char *help;
};

enum host_metric {
	HOST_CONNECTED,
	HOST_DRY_RUN,
	HOST_INTERVAL,
	HOST_SAMPLE_AGE,
	HOST_HUNG_CALLS,
	HOST_VMS,
	HOST_MEMORY,
	HOST_AVAILABLE,
	HOST_RESERVE,
	HOST_MARGIN,
	HOST_BUDGET,
	HOST_CAPACITY,
	HOST_CHARGED,
	HOST_FREE,
	HOST_LIMITS,
	HOST_SHORTAGE,
	HOST_PSI_SOME,
	HOST_PSI_FULL,
	HOST_SWAPPED_IN,
	HOST_SWAPPED_OUT,
	HOST_KSM_SAVED,
	HOST_ZSWAP_STORED,
	HOST_ZSWAP_POOL,
	HOST_STORAGE_LATENCY,
	HOST_PAUSED,
	HOST_TICKS,
	HOST_TICKS_LATE,
	HOST_SAMPLING,
	HOST_TARGETS_RAISED,
	HOST_TARGETS_LOWERED,
	HOST_TARGETS_FAILED,
	HOST_SAMPLES_FAILED,
	HOST_SAMPLES_LATE,
	HOST_METRICS_
};

enum vm_metric {
	VM_RUNNING_FLAG,
	VM_PRESSED,
	VM_STUCK,
	VM_STALE,
	VM_MIGRATION_ADVICE,
	VM_MAXIMUM,
	VM_ACTUAL,
	VM_TARGET,
	VM_BALLOONED,
	VM_RESIDENT,
	VM_DEMAND,
	VM_USUAL,
	VM_USED,
	VM_ENTITLEMENT,
	VM_RESERVATION,
	VM_LIMIT,
	VM_SHARES,
	VM_GUEST_MEMORY,
	VM_GUEST_USABLE,
	VM_GUEST_UNUSED,
	VM_GUEST_CACHE,
	VM_SWAPPED_IN,
	VM_SWAPPED_OUT,
	VM_SWAP_ESTIMATE,
	VM_MAJOR_FAULTS,
	VM_STATS_AGE,
	VM_HOST_SWAP,
	VM_CGROUP,
	VM_CPU_WAIT,
	VM_IO_WAIT,
	VM_SWAP_WAIT,
	VM_THRASH_WAIT,
	VM_RECLAIM_WAIT,
	VM_STALL_SOME,
	VM_STALL_FULL,
	VM_HARM,
	VM_METRICS_
};

extern const struct family host_families[HOST_METRICS_];
extern const struct family vm_families[VM_METRICS_];

/* What is rendered: the status, and what is found once for all families. */
struct scene {
	const struct status *status;
	const struct vm *advice; /* the VM that had best leave; NULL: none */
};

/* In the family's unit; unknown: there is no sample. */
struct opt_u64 host_value(const struct status *status, enum host_metric metric);
struct opt_u64 vm_value(const struct scene *scene, const struct vm *vm, enum vm_metric metric);

/* Counters of guests may be anything. */
uint64_t saturating_mul(uint64_t a, uint64_t b);

#endif
