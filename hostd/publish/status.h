/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What publishers may look at: the state after the last tick. They change nothing, and hold no
 * pointer of it beyond the call they were given it for.
 */
#ifndef AEROSTAT_PUBLISH_STATUS_H
#define AEROSTAT_PUBLISH_STATUS_H

#include <stdbool.h>

#include "conf/conf.h"
#include "policy/policy.h"
#include "source/domains.h"
#include "source/host_detail.h"

struct alarms;
struct history;
struct telemetry;

struct status {
	const struct fleet *fleet;
	const struct conf *conf;
	struct host_sample host;
	const struct host_detail *host_detail;
	struct host_decision decision;
	uint64_t ticks; /* how often all VMs were judged; 0: `decision` holds nothing yet */
	uint64_t late_ticks; /* of them, those that came more than an interval late */
	const char *uri;
	bool connected;
	bool dry_run;
	bool paused; /* by order: nothing is carried out */
	uint64_t sampled_ms; /* monotonic; when the last statistics came; 0: never */
	struct opt_u64 sampling_us; /* how long the last sampling took */
	unsigned int lost_workers; /* calls into libvirt that hang */
	const struct telemetry *telemetry;
	const struct history *history; /* NULL: nobody keeps it */
	const struct alarms *alarms; /* NULL: nobody judges them */
};

/* How a publisher asks for it; the answer is borrowed for the call. */
typedef void (*status_fn)(void *userdata, struct status *ret_status);

/* Host memory that is to stay available, as the configuration has it: a size or a share. */
struct opt_u64 status_reserve_kib(const struct status *status);

/* The host's slowest disk; unknown where nobody looks at disks. */
struct storage_sample status_storage(const struct status *status);

/* Share of its maximum that a VM's balloon holds. */
struct opt_u64 vm_ballooned_permille(const struct vm *vm);

/*
 * What a VM's guest has swapped out since it booted less what it has swapped in again: an upper
 * bound of what is in its swap, because memory freed there still counts.
 */
struct opt_u64 vm_swap_estimate_kib(const struct vm *vm);

/* What a run state is called wherever it is shown: "running", "paused", "migrating". */
const char *run_state_to_string(enum vm_run_state state);

#endif
