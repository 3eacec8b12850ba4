// SPDX-License-Identifier: GPL-2.0
/*
 * The table of domains: the roster says who is there, numbers say how they are, and neither may
 * leave anything of one domain, or of one run, with another.
 */
#include "cmocka_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/domains.h"

#define MAX_KIB 1048576

static unsigned int found, lost;

static void on_found(void *userdata, struct vm *vm)
{
	(void)userdata;
	(void)vm;
	found++;
}

static void on_lost(void *userdata, struct vm *vm)
{
	(void)userdata;
	(void)vm;
	lost++;
}

static const struct fleet_observer observer = { .found = on_found, .lost = on_lost };

static void uuid_of(unsigned int number, char *ret_uuid)
{
	snprintf(ret_uuid, VM_UUID_LEN, "00000000-0000-4000-8000-%012x", number);
}

/* One domain of a roster; numbers are added by the test. */
static struct domain_stats domain(unsigned int number, const char *name, int id)
{
	struct domain_stats stats = { .name = (char *)name, .id = id, .run_state = VM_RUNNING };

	uuid_of(number, stats.uuid);
	return stats;
}

static struct domain_stats numbers(unsigned int number, int id)
{
	struct domain_stats stats = domain(number, "", id);

	stats.max_kib = opt_some(MAX_KIB);
	stats.actual_kib = opt_some(MAX_KIB / 2);
	stats.rss_kib = opt_some(1000);
	stats.last_update_s = opt_some(1700000000);
	stats.usable_kib = opt_some(2000);
	return stats;
}

static void merge(struct fleet *fleet, struct domain_stats *domains, size_t n, uint64_t now_ms)
{
	const struct stats_batch batch = { .domains = domains, .n_domains = n };

	assert_int_equal(fleet_merge(fleet, &batch, now_ms, &observer), 0);
}

static struct vm *vm_of(const struct fleet *fleet, unsigned int number)
{
	char uuid[VM_UUID_LEN];

	uuid_of(number, uuid);
	return fleet_find(fleet, uuid);
}

static void test_roster(void **state)
{
	struct domain_stats first[] = { domain(3, "c", 1), domain(1, "a", 2), domain(2, "b", 3) };
	struct domain_stats second[] = { domain(4, "d", 4), domain(2, "b-renamed", 3) };
	struct fleet fleet = { 0 };

	(void)state;
	found = lost = 0;
	merge(&fleet, first, ARRAY_SIZE(first), 1000);
	assert_int_equal(fleet.n_vms, 3);
	assert_int_equal(found, 3);
	for (size_t i = 1; i < fleet.n_vms; i++)
		assert_true(strcmp(fleet.vms[i - 1]->sample.uuid, fleet.vms[i]->sample.uuid) < 0);
	merge(&fleet, second, ARRAY_SIZE(second), 2000);
	assert_int_equal(fleet.n_vms, 2);
	assert_int_equal(found, 4);
	assert_int_equal(lost, 2);
	assert_null(vm_of(&fleet, 1));
	assert_string_equal(vm_of(&fleet, 2)->name, "b-renamed");
	assert_string_equal(vm_of(&fleet, 2)->sample.name, "b-renamed");
	assert_eq(vm_of(&fleet, 2)->run_since_ms, 1000);
	merge(&fleet, NULL, 0, 3000);
	assert_int_equal(fleet.n_vms, 0);
	fleet_clear(&fleet);
}

/* A tenant's name that would act on whoever shows it. */
static void test_hostile_name(void **state)
{
	struct domain_stats roster[] = { domain(1, "a\033[2J", 1) };
	struct fleet fleet = { 0 };
	const char *name;

	(void)state;
	merge(&fleet, roster, 1, 1000);
	name = vm_of(&fleet, 1)->name;
	assert_string_equal(name, "a?[2J");
	merge(&fleet, roster, 1, 2000);
	assert_ptr_equal(vm_of(&fleet, 1)->name, name); /* it is no new one */
	assert_ptr_equal(vm_of(&fleet, 1)->sample.name, name);
	roster[0].name = (char *)"b\nc";
	merge(&fleet, roster, 1, 3000);
	assert_string_equal(vm_of(&fleet, 1)->sample.name, "b?c");
	fleet_clear(&fleet);
}

static void test_numbers(void **state)
{
	struct domain_stats roster[] = { domain(1, "a", 1) };
	struct domain_stats stats = numbers(1, 1), other = numbers(1, 2), stranger = numbers(9, 1);
	struct fleet fleet = { 0 };
	struct vm *vm;

	(void)state;
	merge(&fleet, roster, 1, 1000);
	vm = vm_of(&fleet, 1);
	assert_false(vm->sample.actual_kib.known);
	fleet_take_numbers(&fleet, &stranger, 1000);
	assert_int_equal(fleet.n_vms, 1);
	fleet_take_numbers(&fleet, &other, 1000); /* of a run that the roster does not know */
	assert_false(vm->sample.actual_kib.known);
	fleet_take_numbers(&fleet, &stats, 1000);
	assert_eq(vm->sample.max_kib, MAX_KIB);
	assert_eq(opt_or(vm->sample.actual_kib, 0), MAX_KIB / 2);
	assert_eq(opt_or(vm->sample.usable_kib, 0), 2000);
	fleet_clear(&fleet);
}

/* A target from before memory was plugged in says nothing about what is held now. */
static void test_plugged_memory(void **state)
{
	struct domain_stats roster[] = { domain(1, "a", 1) };
	struct domain_stats stats = numbers(1, 1);
	struct fleet fleet = { 0 };
	struct vm *vm;

	(void)state;
	merge(&fleet, roster, 1, 1000);
	vm = vm_of(&fleet, 1);
	vm->asked_kib = opt_some(5); /* of an earlier daemon, say: the first maximum is no change */
	fleet_take_numbers(&fleet, &stats, 1000);
	assert_true(vm->asked_kib.known);
	stats.max_kib = opt_none(); /* nor is one that is not told */
	fleet_take_numbers(&fleet, &stats, 2000);
	assert_true(vm->asked_kib.known);
	stats.max_kib = opt_some(2 * MAX_KIB);
	fleet_take_numbers(&fleet, &stats, 3000);
	assert_false(vm->asked_kib.known);
	assert_eq(vm->sample.max_kib, 2 * MAX_KIB);
	fleet_clear(&fleet);
}

/* The same domain, started anew: only what it usually needs counts of the run before. */
static void test_new_run(void **state)
{
	struct domain_stats roster[] = { domain(1, "a", 1) };
	struct domain_stats stats = numbers(1, 1);
	struct fleet fleet = { 0 };
	struct vm *vm;

	(void)state;
	found = lost = 0;
	merge(&fleet, roster, 1, 1000);
	vm = vm_of(&fleet, 1);
	fleet_take_numbers(&fleet, &stats, 1000);
	vm->asked_kib = opt_some(5);
	vm->described = true;
	vm->silent_ms = 500;
	vm->state.movement.stuck = true;
	vm->state.history.max_kib = MAX_KIB;
	vm->state.history.ms[1][2] = 3;
	roster[0].id = 2;
	merge(&fleet, roster, 1, 2000);
	assert_int_equal(found, 2);
	assert_int_equal(lost, 0);
	assert_ptr_equal(vm_of(&fleet, 1), vm);
	assert_false(vm->sample.actual_kib.known);
	assert_false(vm->sample.usable_kib.known);
	assert_false(vm->last_update_s.known);
	assert_false(vm->asked_kib.known);
	assert_false(vm->described);
	assert_eq(vm->silent_ms, 0);
	assert_eq(vm->run_since_ms, 2000);
	assert_false(vm->state.movement.stuck);
	assert_eq(vm->state.history.max_kib, MAX_KIB);
	assert_eq(vm->state.history.ms[1][2], 3);
	fleet_clear(&fleet);
}

/* Skipped by libvirt because some call is at it: for a moment the numbers before still count. */
static void test_skipped(void **state)
{
	struct domain_stats roster[] = { domain(1, "a", 1) };
	struct domain_stats stats = numbers(1, 1), skipped = domain(1, "a", 1);
	struct fleet fleet = { 0 };
	struct vm *vm;

	(void)state;
	skipped.max_kib = skipped.actual_kib = opt_some(MAX_KIB);
	merge(&fleet, roster, 1, 1000);
	vm = vm_of(&fleet, 1);
	fleet_take_numbers(&fleet, &stats, 10000);
	vm->silent_ms = 10000;
	fleet_take_numbers(&fleet, &skipped, 12000);
	assert_eq(opt_or(vm->sample.actual_kib, 0), MAX_KIB);
	assert_eq(opt_or(vm->sample.usable_kib, 0), 2000);
	assert_true(vm->last_update_s.known);
	assert_eq(vm->silent_ms, 10000); /* it has not answered */
	fleet_take_numbers(&fleet, &skipped, 20000);
	assert_false(vm->sample.usable_kib.known);
	assert_true(vm->last_update_s.known); /* that it once reported stays true */
	fleet_take_numbers(&fleet, &stats, 21000);
	assert_eq(vm->silent_ms, 0);
	assert_eq(opt_or(vm->sample.usable_kib, 0), 2000);
	fleet_clear(&fleet);
}

static void test_hung(void **state)
{
	struct vm vm = { 0 };

	(void)state;
	assert_false(vm_is_hung(&vm, 100000, 5000));
	vm.silent_ms = 100000;
	assert_false(vm_is_hung(&vm, 104999, 5000));
	assert_true(vm_is_hung(&vm, 105000, 5000));
}

/* An order is for a run of a machine: also where it ended and began anew between two looks. */
static void test_orders_end_with_the_run(void **state)
{
	struct domain_stats first = domain(1, "a", 1), second = domain(1, "a", 2);
	struct fleet fleet = { 0 };

	(void)state;
	merge(&fleet, &first, 1, 1000);
	vm_of(&fleet, 1)->orders = (struct vm_orders){ .paused = true, .boost_until_ms = 9000 };
	merge(&fleet, &first, 1, 2000);
	assert_true(vm_of(&fleet, 1)->orders.paused);
	fleet_vm_restarted(vm_of(&fleet, 1), 2500); /* its guest, not the machine */
	assert_true(vm_of(&fleet, 1)->orders.paused);
	merge(&fleet, &second, 1, 3000);
	assert_false(vm_of(&fleet, 1)->orders.paused);
	assert_true(vm_of(&fleet, 1)->orders.boost_until_ms == 0);
	fleet_clear(&fleet);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_orders_end_with_the_run),
		cmocka_unit_test(test_roster),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_new_run),
		cmocka_unit_test(test_skipped),
		cmocka_unit_test(test_hung),
		cmocka_unit_test(test_plugged_memory),
		cmocka_unit_test(test_hostile_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
