// SPDX-License-Identifier: GPL-2.0
/*
 * The state file: as it is, and with a checksum that fits, so that what lies behind that is reached.
 * What is accepted is what would be written, and does no harm in a VM's state.
 */
#include "fuzz.h"

#include <errno.h>

#include "policy/internal.h"
#include "store/state_file.h"

#define HOUR_MS ((uint64_t)3600 * 1000)

static void use(const struct state_vms *state)
{
	for (size_t i = 0; i < state->n_vms; i++) {
		struct vm_state vm = { 0 };
		struct vm_history *history = &vm.history;

		must(strlen(state->vms[i].uuid) == VM_UUID_LEN - 1);
		vm_take_back(&state->vms[i].kept, HOUR_MS, state->saved_wall_ms, &vm);
		must(vm.movement.retry_at_ms <= 401 * HOUR_MS);
		history_note(history, HOUR_MS + 1, 1000, 24 * HOUR_MS, 1 << 20, 1 << 21);
		must(opt_or(history_usual(history, HOUR_MS + 1), 0) <= KIB_CEILING);
	}
}

static void read_bytes(const uint8_t *bytes, size_t length)
{
	struct state_vms state = { .n_vms = 4711 };
	const char *why = NULL;
	size_t again_length;
	void *again;
	int ret;

	ret = state_file_decode(bytes, length, &state, &why);
	must(!ret || ret == -EINVAL || ret == -ENOMEM);
	if (ret) {
		must(state.n_vms == 4711);
		must(ret != -EINVAL || why);
		return;
	}
	use(&state);
	must(!state_file_encode(&state, &again, &again_length));
	must(again_length == length && !memcmp(again, bytes, length));
	free(again);
	state_vms_clear(&state);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *sealed = fuzz_sealed(data, size);

	read_bytes(data, size);
	read_bytes(sealed, size + FUZZ_CHECKSUM_LEN);
	free(sealed);
	return 0;
}
