// SPDX-License-Identifier: GPL-2.0
/* What outlives the daemon: whose it is, and that it is given back once. */
#include "cmocka_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager_internal.h"
#include "scratch_dir.h"
#include "store/state_file.h"

static const char uuid[] = "6f1d4ea2-0f0b-4d5c-9a52-000000000001";

/* A VM that was stuck, paused and boosted when the daemon ended ten seconds ago. */
static void write_state(const struct scratch *scratch)
{
	struct state_vm vm = {
		.kept = { .max_kib = 1048576,
			  .stuck = true,
			  .retry_ms = 60000,
			  .retry_in_ms = 60000 },
		.paused = true,
		.boost_kib = 1024,
		.boost_left_ms = 60000,
	};
	const struct state_vms vms = { .saved_wall_ms = 1000 * 1000, .vms = &vm, .n_vms = 1 };
	size_t length;
	void *bytes;

	memcpy(vm.uuid, uuid, sizeof(uuid));
	assert_int_equal(state_file_encode(&vms, &bytes, &length), 0);
	scratch_write_bytes(scratch, "state", bytes, length);
	free(bytes);
}

static void test_given_back_once(void **state)
{
	const struct scratch *scratch = *state;
	const struct manager_options options = {
		.state_directory = scratch->path,
		.clock = { .fixed_wall_s = opt_some(1010) },
	};
	struct manager manager = { .options = &options, .conf = conf_new_default() };
	struct vm vm = { .name = (char *)"vm" };

	write_state(scratch);
	memcpy(vm.sample.uuid, uuid, sizeof(uuid));
	assert_int_equal(manager_state_load(&manager), 0);
	manager_state_restore(&manager, &vm);
	assert_true(vm.orders.paused);
	assert_eq(vm.orders.boost_kib, 1024);
	assert_true(vm.state.movement.stuck);
	assert_eq(vm.state.history.max_kib, 1048576);

	/* It runs anew: of that run nothing is known, and what it usually needs is known better. */
	vm.orders = (struct vm_orders){ 0 };
	vm.state = (struct vm_state){ .history.max_kib = 2097152 };
	manager_state_restore(&manager, &vm);
	assert_false(vm.orders.paused);
	assert_eq(vm.orders.boost_until_ms, 0);
	assert_false(vm.state.movement.stuck);
	assert_eq(vm.state.history.max_kib, 2097152);
	manager_state_end(&manager);
	conf_free(manager.conf);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_given_back_once, scratch_setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
