/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the operator wants. Filled by hostd/conf; the defaults are the ones of the configuration
 * file (aerostatd.conf(5)), each with its reason there.
 */
#ifndef AEROSTAT_POLICY_SETTINGS_H
#define AEROSTAT_POLICY_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/opt.h"

enum vm_mode {
	VM_MODE_AUTO, /* the policy sets the target */
	VM_MODE_OBSERVE, /* decisions are made and logged, nothing is set */
	VM_MODE_OFF, /* left alone; its memory counts as used */
};

/* One VM's settings. Classes and metadata override these field by field. */
struct vm_settings {
	struct opt_u64 reservation_kib; /* never below this; unknown: reservation_permille */
	uint32_t reservation_permille; /* of the maximum, when no absolute one is given */
	struct opt_u64 limit_kib; /* never above; unknown: limit_permille */
	uint32_t limit_permille; /* of the maximum, when no absolute one is given */
	uint32_t shares; /* weight of each GiB of its maximum; >= 1 */
	uint32_t buffer_permille; /* kept free above what the guest uses, of what it uses */
	enum vm_mode mode;
};

struct policy_settings {
	/* Host memory kept available: a size, else a share of it, else sliding (reserve.c). */
	struct opt_u64 reserve_kib;
	struct opt_u64 reserve_permille;
	struct opt_u64 budget_kib; /* cap on the sum of all VMs' memory; unknown: none */
	uint64_t hold_kib; /* of what all VMs may have, held free for VMs about to start */
	uint32_t float_permille; /* of what may be shared out, kept free for immediate relief */
	uint32_t hard_permille; /* of the reserve: with less available, the host is in hard */
	uint32_t low_permille; /* of the reserve: with less available, the host is in low */
	uint32_t psi_limit_permille; /* host stall share (avg10) that counts as pressure */
	uint64_t host_swap_limit_kib; /* KiB/s the host swaps out that count as pressure */

	/* What of a guest's numbers is believed, and for how long. */
	uint32_t stale_ms; /* guest numbers older than this are not used */
	uint32_t
		boot_grace_ms; /* nothing is taken from a VM younger than this, unless the host is hard */
	uint32_t foreign_hold_ms; /* a VM that somebody else resized is left alone for this long */

	/* Demand. */
	uint64_t buffer_min_kib; /* a VM's buffer is never smaller, whatever its permille gives */
	uint32_t headroom_permille; /* of the maximum, beyond the demand: to grow into at once */
	uint32_t decay_permille; /* of the way down that a demand estimate goes each second */
	uint32_t window_ms; /* over which the 95th percentile of the demand is kept */
	uint64_t swap_rate_limit_kib; /* guest swap-in KiB/s above which demand is raised */
	uint32_t fault_rate_limit; /* guest major faults a second above which demand is raised */
	uint32_t relief_permille; /* by how much, of actual, pressure raises the demand */
	uint32_t earned_half_ms; /* in which half of what pressure has earned is forgotten */

	/* Sharing. */
	uint32_t idle_tax_permille; /* of memory beyond the demand, taken before shares count */

	/* Pace. */
	uint64_t dead_band_kib; /* smaller moves are not made, ... */
	uint32_t dead_band_permille; /* ... nor smaller ones than this of the VM's actual size */
	uint32_t reclaim_permille; /* of the VM's maximum, taken at most each second */
	uint32_t step_permille; /* of the maximum, taken at most in one step, when it is urgent */
	uint32_t turn_hold_ms; /* after a move no other way but need for this long, ... */
	uint32_t turn_hold_urgent_ms; /* ... or this, while somebody waits for memory */

	/* Guests that do not move. */
	uint32_t stuck_after_ms; /* progress is judged over this time */
	uint64_t stuck_rate_kib; /* KiB/s; a guest slower than this counts as stuck */
	uint32_t retry_ms; /* a stuck guest is asked again after this, doubling ... */
	uint32_t retry_max_ms; /* ... up to this */

	/* Proactive mode: look for unused memory while nobody needs it. */
	bool proactive;
	uint32_t probe_permille; /* of the maximum, tried each minute while there is no pressure */
};

#endif
