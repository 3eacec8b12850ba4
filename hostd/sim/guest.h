/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guests of one host: what their memory does second by second, and what they report.
 *
 * Sizes are MiB in arrays by VM, because a run is 500 million steps of this: each array is one
 * quantity, and the step goes over them without a branch. A VM that is not running has zeros.
 */
#ifndef AEROSTAT_SIM_GUEST_H
#define AEROSTAT_SIM_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/snapshot.h"
#include "sim/demand.h"
#include "sim/model.h"

enum guest_lie {
	GUEST_HONEST,
	GUEST_LIES_HIGH, /* claims to use all it has, and to swap */
	GUEST_LIES_LOW, /* claims to use nothing */
};

/* One VM: its workload, and how it behaves. guest_spec_init() makes one that behaves well. */
struct guest_spec {
	struct demand_source demand;

	double inflate_mib_s; /* 0: it never gives memory up */
	double deflate_mib_s; /* 0: it takes no memory back */
	double lowest_fraction; /* of the provisioned memory: its balloon stops there */
	double start_fraction; /* of the provisioned memory: where its balloon is when it starts */
	uint32_t pause_s; /* its balloon moves and rests for so long in turn; 0: never rests */
	uint32_t migrates_every_s; /* 0: never */
	uint32_t migrates_for_s;
	bool reporting; /* free page reporting */
	bool boots; /* where it runs from the first second on: it is started in that */
	bool silent; /* no statistics */
	uint32_t silent_from_s; /* none from this second of the run on; 0: always some */
	double oom_mib_s; /* leaves its balloon by itself at this rate while it swaps; 0: never */
	bool pinned; /* its resident memory does not fall: an assigned device */
	enum guest_lie lie;
};

struct guests {
	size_t n;
	const struct guest_spec *specs;
	struct demand demand;

	double *provisioned_mib;
	double *kernel_mib;
	double *actual_mib; /* where the balloon is */
	double *target_mib; /* where it was told to go */
	double *swap_mib; /* of the working set, in the guest's swap */
	double *cache_mib;
	double *resident_mib; /* touched: in the host's memory, or its swap */
	double *slowdown; /* by what the guest itself lacks; the host's comes on top */
	double *alone_slowdown; /* of the same VM with all its memory, on a host with plenty */
	double *alone_cache_mib;
	double *moved_mib; /* by the balloon, since the start of the run */

	/* Counters since the guest's boot. */
	double *swapped_in_mib;
	double *swapped_out_mib;
	double *faults;

	/* How it moves now. */
	double *inflate_mib_s;
	double *inflate_s; /* for one MiB; 0 where it does not move */
	double *deflate_mib_s;
	double *lowest_mib;
	double *reports; /* 1: free pages are reported to the host */
	double *pinned; /* 1: nothing leaves the host's memory */
	double *used_before_mib[MODEL_REPORTING_DELAY_S]; /* for what is reported late */

	struct vm_sample *samples; /* as the daemon would see them; see guests_observe() */
	int64_t *started_s;
	int64_t *reported_s; /* when the latest statistics were published; -1: never */
	uint32_t *phase; /* of its statistics within the period */
	uint32_t stats_period_s;
	int64_t next_event_s;

	double swap_total_mib; /* sums over the guests, after a step */
	double resident_total_mib;
	double moved_now_mib; /* by all balloons in this step */
};

struct guest_spec guest_spec_init(const struct trace_vm *vm, uint64_t number);

/* `specs` is borrowed. Returns 0 or -ENOMEM. */
int guests_init(struct guests *guests, const struct guest_spec *specs, size_t n,
		uint32_t stats_period_s, uint64_t seed);

/* The next second begins: demand changes, VMs start and stop, statistics are published. */
void guests_begin(struct guests *guests);

/* Complete the sample of a running VM with what is known on the host at once. */
void guests_observe(struct guests *guests, size_t i, double host_swap_share);

/* Ask a running VM's balloon to go to a size, in KiB; above the maximum is the maximum. */
void guests_set_target(struct guests *guests, size_t i, uint64_t target_kib);

/* The rest of the second: memory moves. */
void guests_step(struct guests *guests);

void guests_free(struct guests *guests);

static inline bool guest_running(const struct guests *guests, size_t i)
{
	return guests->demand.running[i];
}

#endif
