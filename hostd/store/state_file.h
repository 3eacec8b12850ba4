/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The form of the state file: what of all VMs outlives the daemon (policy/keep.h).
 *
 *   header     magic, version, bins and slices of a history, whether all VMs are paused, number of
 *              VMs, wall time of writing
 *   a VM each  UUID, its numbers, what an operator has ordered, its history
 *   checksum   of all before it
 *
 * All numbers are little-endian, all sizes follow from the header. It says nothing that a VM's
 * safety depends on: without it, what it holds is learnt, or ordered, anew.
 */
#ifndef AEROSTAT_STORE_STATE_FILE_H
#define AEROSTAT_STORE_STATE_FILE_H

#include "policy/keep.h"

#define STATE_FILE_VMS_MAX 100000

struct state_vm {
	char uuid[VM_UUID_LEN];
	struct vm_kept kept;
	bool paused; /* by order */
	uint64_t boost_kib; /* reserved by order ... */
	uint64_t boost_left_ms; /* ... for so long from the time of writing; 0: it is not */
	bool restored; /* not in the file: its VM has had this, and of its next run it says nothing */
};

struct state_vms {
	uint64_t saved_wall_ms;
	bool paused; /* all, by order */
	struct state_vm *vms;
	size_t n_vms;
};

/* The bytes of a file, to be freed. Returns 0, -E2BIG (too many VMs) or -ENOMEM. */
int state_file_encode(const struct state_vms *state, void **ret_bytes, size_t *ret_length);

/*
 * Read the bytes of a file. Returns 0, and *ret_state is to be cleared; -EINVAL, and *ret_why (static)
 * says what is wrong with it; or -ENOMEM.
 */
int state_file_decode(const void *bytes, size_t length, struct state_vms *ret_state,
		      const char **ret_why);

void state_vms_clear(struct state_vms *state);

#endif
