// SPDX-License-Identifier: GPL-2.0
/* Header, VMs, checksum, each field by itself (state_file.h, bytes.h). */
#include "store/state_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/bytes.h"

#define MAGIC	   "AEROSTAT"
#define MAGIC_LEN  8
#define VERSION	   2
#define HEADER_LEN (MAGIC_LEN + 3 * 4 + 4 + 2 * 8)
#define VM_LEN	   (BYTES_UUID_LEN + 4 + 4 + 6 * 8 + HISTORY_SLICES * HISTORY_BINS * 4)

#define FLAG_STUCK	   1u
#define FLAG_STUCK_GROWING 2u
#define FLAG_PAUSED	   4u /* of a VM, and in the header */
#define VM_FLAGS	   (FLAG_STUCK | FLAG_STUCK_GROWING | FLAG_PAUSED)

static size_t length_for(size_t n_vms)
{
	return HEADER_LEN + n_vms * VM_LEN + BYTES_CHECKSUM_LEN;
}

static void put_vm(unsigned char **at, const struct state_vm *vm)
{
	const struct vm_kept *kept = &vm->kept;

	bytes_put_uuid(at, vm->uuid);
	bytes_put(at,
		  (kept->stuck ? FLAG_STUCK : 0) | (kept->stuck_growing ? FLAG_STUCK_GROWING : 0) |
			  (vm->paused ? FLAG_PAUSED : 0),
		  4);
	bytes_put(at, kept->newest, 4);
	bytes_put(at, kept->max_kib, 8);
	bytes_put(at, kept->slice_age_ms, 8);
	bytes_put(at, kept->retry_ms, 8);
	bytes_put(at, kept->retry_in_ms, 8);
	bytes_put(at, vm->boost_kib, 8);
	bytes_put(at, vm->boost_left_ms, 8);
	for (size_t slice = 0; slice < HISTORY_SLICES; slice++)
		for (size_t bin = 0; bin < HISTORY_BINS; bin++)
			bytes_put(at, kept->ms[slice][bin], 4);
}

int state_file_encode(const struct state_vms *state, void **ret_bytes, size_t *ret_length)
{
	size_t length = length_for(state->n_vms);
	unsigned char *bytes, *at;

	if (state->n_vms > STATE_FILE_VMS_MAX)
		return -E2BIG;
	bytes = malloc(length);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, MAGIC, MAGIC_LEN);
	at = bytes + MAGIC_LEN;
	bytes_put(&at, VERSION, 4);
	bytes_put(&at, HISTORY_SLICES, 4);
	bytes_put(&at, HISTORY_BINS, 4);
	bytes_put(&at, state->paused ? FLAG_PAUSED : 0, 4);
	bytes_put(&at, state->n_vms, 8);
	bytes_put(&at, state->saved_wall_ms, 8);
	for (size_t i = 0; i < state->n_vms; i++)
		put_vm(&at, &state->vms[i]);
	bytes_seal(bytes, length);
	*ret_bytes = bytes;
	*ret_length = length;
	return 0;
}

static bool take_vm(const unsigned char **at, struct state_vm *vm)
{
	struct vm_kept *kept = &vm->kept;
	uint64_t flags;
	bool valid;

	valid = bytes_take_uuid(at, vm->uuid);
	flags = bytes_take(at, 4);
	kept->stuck = flags & FLAG_STUCK;
	kept->stuck_growing = flags & FLAG_STUCK_GROWING;
	vm->paused = flags & FLAG_PAUSED;
	kept->newest = (uint32_t)bytes_take(at, 4);
	kept->max_kib = bytes_take(at, 8);
	kept->slice_age_ms = bytes_take(at, 8);
	kept->retry_ms = bytes_take(at, 8);
	kept->retry_in_ms = bytes_take(at, 8);
	vm->boost_kib = bytes_take(at, 8);
	vm->boost_left_ms = bytes_take(at, 8);
	for (size_t slice = 0; slice < HISTORY_SLICES; slice++)
		for (size_t bin = 0; bin < HISTORY_BINS; bin++)
			kept->ms[slice][bin] = (uint32_t)bytes_take(at, 4);
	return valid && kept->newest < HISTORY_SLICES && !(flags & ~(uint64_t)VM_FLAGS);
}

/* NULL: header and checksum are right, and the length is what they say. */
static const char *what_is_wrong(const unsigned char *bytes, size_t length,
				 struct state_vms *ret_head)
{
	const unsigned char *at = bytes + MAGIC_LEN;
	uint64_t flags;

	if (length < length_for(0))
		return "it is too short";
	if (memcmp(bytes, MAGIC, MAGIC_LEN) != 0)
		return "it is no state file";
	if (bytes_take(&at, 4) != VERSION || bytes_take(&at, 4) != HISTORY_SLICES ||
	    bytes_take(&at, 4) != HISTORY_BINS)
		return "it is of another version";
	flags = bytes_take(&at, 4);
	if (flags & ~(uint64_t)FLAG_PAUSED)
		return "it has something where nothing is to be";
	*ret_head = (struct state_vms){
		.paused = flags & FLAG_PAUSED,
		.n_vms = bytes_take(&at, 8),
	};
	ret_head->saved_wall_ms = bytes_take(&at, 8);
	if (ret_head->n_vms > STATE_FILE_VMS_MAX || length != length_for(ret_head->n_vms))
		return "its length is not what it says";
	if (!bytes_sealed(bytes, length))
		return "its checksum does not fit";
	return NULL;
}

int state_file_decode(const void *bytes, size_t length, struct state_vms *ret_state,
		      const char **ret_why)
{
	const unsigned char *at = bytes;
	struct state_vms state = { 0 };
	const char *why;

	why = what_is_wrong(bytes, length, &state);
	if (why) {
		*ret_why = why;
		return -EINVAL;
	}
	state.vms = calloc(state.n_vms + 1, sizeof(*state.vms));
	if (!state.vms)
		return -ENOMEM;
	at += HEADER_LEN;
	for (size_t i = 0; i < state.n_vms; i++) {
		if (take_vm(&at, &state.vms[i]))
			continue;
		state_vms_clear(&state);
		*ret_why = "a VM in it makes no sense";
		return -EINVAL;
	}
	*ret_state = state;
	return 0;
}

void state_vms_clear(struct state_vms *state)
{
	free(state->vms);
	*state = (struct state_vms){ 0 };
}
