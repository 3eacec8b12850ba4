// SPDX-License-Identifier: GPL-2.0
/*
 * The host (host.h). What is touched by VMs beyond its memory is swapped, spread over them by
 * their resident memory, so that all are slowed down alike.
 *
 * Readings of what the model leaves open, each the least flattering one:
 *   - what does not fit is swapped in the same second, however much it is: whoever needs the
 *     page waits for it; it comes back at the swap's rate, also when it is no longer needed;
 *   - a host that has swapped exchanges pages all the time: that part of the second in which VMs
 *     wait, at the swap's rate; the share of time they wait, or the swap is busy, is its stall.
 */
#include "sim/host.h"

#include <math.h>

#include "sim/model.h"

void host_init(struct host *host, double ram_mib)
{
	*host = (struct host){ .ram_mib = ram_mib, .slowdown = 1 };
}

void host_step(struct host *host, double resident_mib)
{
	double excess_mib = fmax(resident_mib + MODEL_HOST_OWN_MIB - host->ram_mib, 0);
	double out_mib = fmax(excess_mib - host->swap_mib, 0);
	double back_mib = fmin(fmax(host->swap_mib - excess_mib, 0), MODEL_HOST_SWAP_MIB_S);
	double waiting, exchanged_mib;

	host->resident_mib = resident_mib;
	/* A VM that ends takes its swapped pages with it. */
	host->swap_mib = fmin(host->swap_mib + out_mib - back_mib, resident_mib);
	host->slowdown = 1 + MODEL_COST_HOST_SWAP * host_swap_share(host);
	waiting = 1 - 1 / host->slowdown;
	exchanged_mib = MODEL_HOST_SWAP_MIB_S * waiting;
	host->stalled = fmax(waiting, fmin((out_mib + back_mib) / MODEL_HOST_SWAP_MIB_S, 1));
	host->stalled_average +=
		(host->stalled - host->stalled_average) * (1 - exp(-1 / MODEL_PSI_WINDOW_S));
	host->swapped_in_mib += back_mib + exchanged_mib;
	host->swapped_out_mib += out_mib + exchanged_mib;
}

double host_swap_share(const struct host *host)
{
	return host->resident_mib > 0 ? host->swap_mib / host->resident_mib : 0;
}

static struct opt_u64 pages(double mib)
{
	return opt_some((uint64_t)(mib * MODEL_KIB_PER_MIB / MODEL_PAGE_KIB));
}

struct host_sample host_observe(const struct host *host)
{
	double available_mib =
		host->ram_mib - MODEL_HOST_OWN_MIB - host->resident_mib + host->swap_mib;
	struct opt_u64 stalled = opt_some((uint64_t)(host->stalled_average * 1000));

	return (struct host_sample){
		.total_kib = opt_some((uint64_t)(host->ram_mib * MODEL_KIB_PER_MIB)),
		.available_kib = opt_some((uint64_t)(fmax(available_mib, 0) * MODEL_KIB_PER_MIB)),
		.swap_in_pages = pages(host->swapped_in_mib),
		.swap_out_pages = pages(host->swapped_out_mib),
		.psi_some_permille = stalled,
		.psi_full_permille = opt_some((uint64_t)(host->stalled_average * 500)),
	};
}
