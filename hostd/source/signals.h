/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What only the host can see of each VM, and more of the host than the policy needs: gathered once
 * a tick on a worker's thread, because looking at a process that hangs in the kernel can block.
 * One round at a time; while one hangs nothing new comes, and what is known grows old.
 *
 * The processes are looked for on this host, so this is for a libvirt on this host.
 */
#ifndef AEROSTAT_SOURCE_SIGNALS_H
#define AEROSTAT_SOURCE_SIGNALS_H

#include "policy/snapshot.h"
#include "source/host_detail.h"
#include "source/worker.h"

struct signals_vm {
	char uuid[VM_UUID_LEN];
	struct vm_host host;
};

struct signals_round {
	const struct signals_vm *vms; /* in the order they were asked for */
	size_t n_vms;
	const struct host_detail *detail;
	const char
		*unavailable; /* why some delays are unknown, and the remedy; NULL: they are not */
};

struct signals;

/*
 * `root`: below which /proc and /sys are; with another than "" or NULL the kernel's taskstats are
 * left out, which no fixture can replace. `done` is called on the owner's thread after each round
 * that came to its end.
 */
int signals_new(const char *root, void (*done)(void *userdata, const struct signals_round *round),
		void *userdata, struct signals **ret_signals);

/*
 * Begin a round for the VMs of these UUIDs (copied). Returns 0; -EBUSY: the last one is still under
 * way; or -ENOMEM.
 */
int signals_gather(struct signals *signals, struct workers *workers, const char *const *uuids,
		   size_t n_uuids);

/* Since when the present round has been under way, monotonic ms; unknown: none is. */
struct opt_u64 signals_since_ms(const struct signals *signals);

/* No round may be under way. Takes NULL. */
void signals_free(struct signals *signals);

#endif
