// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers are put and taken one by one, so that the form depends on no compiler. The checksum is
 * 64-bit FNV-1a (Fowler, Noll, Vo): it finds what disks and crashes do, and is no protection from
 * whoever may write the file.
 */
#include "store/state_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC	     "AEROSTAT"
#define MAGIC_LEN    8
#define VERSION	     1
#define HEADER_LEN   (MAGIC_LEN + 3 * 4 + 4 + 2 * 8)
#define UUID_LEN     (VM_UUID_LEN - 1)
#define VM_LEN	     (UUID_LEN + 4 + 4 + 4 * 8 + HISTORY_SLICES * HISTORY_BINS * 4)
#define CHECKSUM_LEN 8

#define FLAG_STUCK	   1u
#define FLAG_STUCK_GROWING 2u

static void put(unsigned char **at, uint64_t value, size_t bytes)
{
	for (; bytes; bytes--, value >>= 8)
		*(*at)++ = (unsigned char)(value & 0xff);
}

static uint64_t take(const unsigned char **at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t) * (*at)++ << (8 * i);
	return value;
}

static uint64_t checksum(const unsigned char *bytes, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash;
}

static size_t length_for(size_t n_vms)
{
	return HEADER_LEN + n_vms * VM_LEN + CHECKSUM_LEN;
}

static void put_vm(unsigned char **at, const struct state_vm *vm)
{
	const struct vm_kept *kept = &vm->kept;

	memcpy(*at, vm->uuid, UUID_LEN);
	*at += UUID_LEN;
	put(at, (kept->stuck ? FLAG_STUCK : 0) | (kept->stuck_growing ? FLAG_STUCK_GROWING : 0), 4);
	put(at, kept->newest, 4);
	put(at, kept->max_kib, 8);
	put(at, kept->slice_age_ms, 8);
	put(at, kept->retry_ms, 8);
	put(at, kept->retry_in_ms, 8);
	for (size_t slice = 0; slice < HISTORY_SLICES; slice++)
		for (size_t bin = 0; bin < HISTORY_BINS; bin++)
			put(at, kept->ms[slice][bin], 4);
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
	put(&at, VERSION, 4);
	put(&at, HISTORY_SLICES, 4);
	put(&at, HISTORY_BINS, 4);
	put(&at, 0, 4); /* so that what follows is aligned */
	put(&at, state->n_vms, 8);
	put(&at, state->saved_wall_ms, 8);
	for (size_t i = 0; i < state->n_vms; i++)
		put_vm(&at, &state->vms[i]);
	put(&at, checksum(bytes, length - CHECKSUM_LEN), CHECKSUM_LEN);
	*ret_bytes = bytes;
	*ret_length = length;
	return 0;
}

static bool uuid_valid(const char *uuid)
{
	for (size_t i = 0; i < UUID_LEN; i++) {
		bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;

		if (hyphen ? uuid[i] != '-' : !isxdigit((unsigned char)uuid[i]))
			return false;
	}
	return true;
}

static bool take_vm(const unsigned char **at, struct state_vm *vm)
{
	struct vm_kept *kept = &vm->kept;
	uint64_t flags;

	memcpy(vm->uuid, *at, UUID_LEN);
	vm->uuid[UUID_LEN] = '\0';
	*at += UUID_LEN;
	flags = take(at, 4);
	kept->stuck = flags & FLAG_STUCK;
	kept->stuck_growing = flags & FLAG_STUCK_GROWING;
	kept->newest = (uint32_t)take(at, 4);
	kept->max_kib = take(at, 8);
	kept->slice_age_ms = take(at, 8);
	kept->retry_ms = take(at, 8);
	kept->retry_in_ms = take(at, 8);
	for (size_t slice = 0; slice < HISTORY_SLICES; slice++)
		for (size_t bin = 0; bin < HISTORY_BINS; bin++)
			kept->ms[slice][bin] = (uint32_t)take(at, 4);
	return uuid_valid(vm->uuid) && kept->newest < HISTORY_SLICES &&
	       !(flags & ~(uint64_t)(FLAG_STUCK | FLAG_STUCK_GROWING));
}

/* NULL: header and checksum are right, and the length is what they say. */
static const char *what_is_wrong(const unsigned char *bytes, size_t length, uint64_t *ret_n_vms,
				 uint64_t *ret_saved_wall_ms)
{
	const unsigned char *at = bytes + MAGIC_LEN, *end;

	if (length < length_for(0))
		return "it is too short";
	if (memcmp(bytes, MAGIC, MAGIC_LEN) != 0)
		return "it is no state file";
	if (take(&at, 4) != VERSION || take(&at, 4) != HISTORY_SLICES ||
	    take(&at, 4) != HISTORY_BINS)
		return "it is of another version";
	if (take(&at, 4))
		return "it has something where nothing is to be";
	*ret_n_vms = take(&at, 8);
	*ret_saved_wall_ms = take(&at, 8);
	if (*ret_n_vms > STATE_FILE_VMS_MAX || length != length_for(*ret_n_vms))
		return "its length is not what it says";
	end = bytes + length - CHECKSUM_LEN;
	if (take(&end, CHECKSUM_LEN) != checksum(bytes, length - CHECKSUM_LEN))
		return "its checksum does not fit";
	return NULL;
}

int state_file_decode(const void *bytes, size_t length, struct state_vms *ret_state,
		      const char **ret_why)
{
	uint64_t n_vms = 0, saved_wall_ms = 0;
	const unsigned char *at = bytes;
	struct state_vms state;
	const char *why;

	why = what_is_wrong(bytes, length, &n_vms, &saved_wall_ms);
	if (why) {
		*ret_why = why;
		return -EINVAL;
	}
	state = (struct state_vms){ .saved_wall_ms = saved_wall_ms, .n_vms = n_vms };
	state.vms = calloc(n_vms + 1, sizeof(*state.vms));
	if (!state.vms)
		return -ENOMEM;
	at += HEADER_LEN;
	for (size_t i = 0; i < n_vms; i++) {
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
