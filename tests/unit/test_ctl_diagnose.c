// SPDX-License-Identifier: GPL-2.0
/*
 * Each sentence of diagnose: what the status must show for it to be said, and that it is not said of
 * a healthy host. Cases are a healthy status with some keys changed, as JSON.
 */
#include "cmocka_test.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl/diagnose.h"
#include "publish/alarms.h"

#define GIB "1048576"

static const char host_healthy[] =
	"{'connected': true, 'state': 'soft', 'total_kib': 16777216, 'available_kib': 8388608,"
	" 'reserve_kib': 2097152, 'margin_kib': 4194304, 'free_kib': 1048576, 'shortage_kib': 0,"
	" 'charged_kib': 8388608, 'psi_some_permille': 10, 'hung_calls': 0, 'swap_out_kib_s': 0,"
	" 'storage_latency_us': 900, 'storage_device': 'sda', 'storage_latency_limit_us': 20000,"
	" 'psi_limit_permille': 100, 'host_used_limit_permille': 900, 'ballooned_limit_permille': 300,"
	" 'guest_swap_limit_permille': 100, 'cpu_wait_limit_permille': 50,"
	" 'io_wait_limit_permille': 200}";

static const char vm_healthy[] =
	"{'name': 'web1', 'reason': 'steady', 'sentence': 'it has its part', 'reason_age_ms': 1000,"
	" 'actual_kib': 2097152, 'max_kib': 4194304, 'demand_kib': 2097152,"
	" 'entitlement_kib': 2097152, 'total_kib': 2097152, 'usable_kib': 1048576,"
	" 'swap_in_kib_s': 0, 'major_faults_s': 0, 'pressed': false, 'swap_estimate_kib': 1024,"
	" 'cpu_wait_permille': 10, 'io_wait_permille': 100, 'harmed': false}";

/* Single quotes are read as double ones: they need no backslashes here. */
static json_t *parse(const char *text)
{
	char *json = strdup(text);
	json_error_t error;
	json_t *value;

	assert_non_null(json);
	for (char *c = json; *c; c++)
		if (*c == '\'')
			*c = '"';
	value = json_loads(json, 0, &error);
	if (!value)
		fail_msg("%s: %s", error.text, json);
	free(json);
	return value;
}

static json_t *with(const char *healthy, const char *changes)
{
	json_t *object = parse(healthy), *changed = parse(changes);

	json_object_update(object, changed);
	json_decref(changed);
	return object;
}

/* The findings about a host with these VMs, each healthy but for its changes; NULL: no further. */
static json_t *findings(const char *host, const char *vm, const char *other)
{
	json_t *vms = json_array(), *status, *result;

	json_array_append_new(vms, with(vm_healthy, vm));
	if (other)
		json_array_append_new(vms, with(vm_healthy, other));
	status = json_pack("{s:o, s:o}", "host", with(host_healthy, host), "vms", vms);
	assert_non_null(status);
	result = diagnose(status);
	json_decref(status);
	return result;
}

static bool has(const json_t *sentences, const char *expected)
{
	for (size_t i = 0; i < json_array_size(sentences); i++)
		if (!strcmp(json_string_value(json_array_get(sentences, i)), expected))
			return true;
	return false;
}

static void assert_said(const json_t *result, const char *list, const char *expected)
{
	char *all;

	if (has(json_object_get(result, list), expected))
		return;
	all = json_dumps(result, JSON_INDENT(1));
	fail_msg("not in %s: \"%s\": %s", list, expected, all);
	free(all);
}

struct saying {
	const char *host; /* changes */
	const char *vm;
	const char *list;
	const char *sentence;
};

static void assert_all_said(const struct saying *sayings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		json_t *result = findings(sayings[i].host, sayings[i].vm, NULL);

		assert_said(result, sayings[i].list, sayings[i].sentence);
		json_decref(result);
	}
}

static void test_nothing_is_wrong(void **state)
{
	static const char *const lists[] = { "symptoms", "victims", "neighbours", "remedies" };
	/* At a threshold is not above it; unknown is nothing to go by. */
	static const char *const vms[] = { "{}",
					   "{'cpu_wait_permille': 50, 'io_wait_permille': 200}",
					   "{'swap_estimate_kib': 423000}",
					   "{'demand_kib': null, 'swap_in_kib_s': null}",
					   "{'actual_kib': 4194304, 'demand_kib': 5242880}" };

	(void)state;
	for (size_t v = 0; v < ARRAY_SIZE(vms); v++) {
		json_t *result = findings("{'psi_some_permille': 100, 'storage_latency_us': 20000,"
					  " 'reservations_kib': 1048576, 'capacity_kib': 1048576,"
					  " 'available_kib': 1677722}",
					  vms[v], "{'name': 'db1'}");

		for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
			if (json_array_size(json_object_get(result, lists[i])))
				fail_msg("%s: %s: %s", vms[v], lists[i], json_dumps(result, 0));
		json_decref(result);
	}
}

static void test_host(void **state)
{
	static const struct saying sayings[] = {
		{ "{'state': null, 'interval_ms': 5000}", "{}", "symptoms",
		  "Nothing has been judged yet: the daemon has only just started." },
		{ "{'state': null, 'interval_ms': 5000}", "{}", "remedies",
		  "Now: ask again in 6 s." },
		{ "{'state': 'unknown'}", "{}", "symptoms",
		  "What the host has available is not known: no memory is moved." },
		{ "{'state': 'unknown'}", "{}", "remedies",
		  "For good: let the daemon read /proc/meminfo, or set [host] budget." },
		{ "{'dry_run': true}", "{}", "symptoms",
		  "The daemon runs dry (--dry-run): no memory is moved." },
		{ "{'paused': true}", "{}", "symptoms",
		  "All VMs are paused by order: no memory is moved." },
		{ "{'connected': false}", "{}", "symptoms",
		  "libvirt cannot be reached: nothing is measured or moved." },
		{ "{'connected': false}", "{}", "remedies",
		  "Now: look at libvirtd's log, and start it again." },
		{ "{'hung_calls': 2}", "{}", "symptoms",
		  "2 calls into libvirt hang: a QEMU does not answer." },
		{ "{'hung_calls': 1}", "{}", "symptoms",
		  "1 call into libvirt hangs: a QEMU does not answer." },
		{ "{'hung_calls': 2}", "{}", "remedies",
		  "Now: find the QEMU process that is stopped or waits for storage." },
		{ "{'state': 'hard', 'available_kib': " GIB ", 'margin_kib': 524288}", "{}",
		  "symptoms",
		  "The host is hard: 1.00 GiB is available, where 2.00 GiB is to be; 512 MiB would be "
		  "if VMs touched all they hold." },
		{ "{'state': 'low'}", "{}", "remedies",
		  "For good: aerostatctl capacity shows who is oversized; lower their maxima, or move "
		  "a VM away." },
		{ "{'psi_some_permille': 125}", "{}", "symptoms",
		  "Tasks of the host wait for memory for 12.5 % of the time, although the host has "
		  "some: by a limit of their own control group, or for slow disks." },
		{ "{'psi_some_permille': 125, 'state': 'hard'}", "{}", "symptoms",
		  "Tasks of the host wait for memory for 12.5 % of the time." },
		{ "{'swap_out_kib_s': 3072}", "{}", "symptoms",
		  "The host swaps out 3 MiB a second." },
		{ "{'shortage_kib': 2097152}", "{}", "symptoms",
		  "VMs in need lack 2.00 GiB; 1.00 GiB is free for them." },
		{ "{'reservations_kib': 8388609, 'capacity_kib': 8388608}", "{}", "symptoms",
		  "Reservations, and VMs that cannot be moved, come to 8.00 GiB; all VMs may have "
		  "8.00 GiB." },
		{ "{'available_kib': 1600000}", "{}", "symptoms",
		  "90.5 % of the host's memory is in use." },
		{ "{'available_kib': 1600000}", "{}", "remedies",
		  "For good: aerostatctl capacity shows how far this host is overcommitted." },
		{ "{'storage_latency_us': 35250}", "{}", "symptoms",
		  "Storage is slow: an I/O on sda takes 35.2 ms, and 20.0 are the threshold." },
		{ "{'storage_latency_us': 35250}", "{}", "remedies",
		  "Now: find who reads and writes most (virsh domblkstat), and throttle or move it "
		  "(virsh blkdeviotune, virsh migrate): that is not memory." },
		{ "{'storage_latency_us': 35250}", "{'pressed': true}", "symptoms",
		  "Storage is slow: an I/O on sda takes 35.2 ms, and 20.0 are the threshold; swapping "
		  "is part of its load." },
		{ "{'alarms': 'storage-latency', 'storage_latency_us': null}", "{}", "symptoms",
		  "Storage has been slow; how slow it is now is not known." },
		{ "{'paused': true}", "{}", "symptoms",
		  "All VMs are paused by order: no memory is moved." },
	};

	(void)state;
	assert_all_said(sayings, ARRAY_SIZE(sayings));
}

/* The list is "victims", whose sentences are one level deeper. */
static void assert_suffers(const char *changes, const char *expected)
{
	json_t *result = findings("{}", changes, "{'name': 'db1'}");
	const json_t *victims = json_object_get(result, "victims");
	const json_t *victim = json_array_get(victims, 0);

	assert_int_equal(json_array_size(victims), 1);
	assert_string_equal(json_string_value(json_object_get(victim, "name")), "web1");
	assert_said(victim, "sentences", expected);
	json_decref(result);
}

static void test_victims(void **state)
{
	(void)state;
	assert_suffers(
		"{'pressed': true, 'swap_in_kib_s': 5120, 'major_faults_s': 77,"
		" 'usable_kib': 65536}",
		"Its guest lacks memory: it swaps in 5 MiB a second and takes 77 major faults a "
		"second, with 64 MiB usable of 2.00 GiB.");
	assert_suffers("{'demand_kib': 3145728, 'reason': 'nothing-free'}",
		       "It needs 3.00 GiB and has 2.00 GiB (nothing-free).");
	assert_suffers("{'swap_estimate_kib': 423625}", "Up to 413 MiB of it is in its own swap.");
	assert_suffers(
		"{'alarms': 'ballooned'}",
		"Its balloon has held much of it for long: it has 2.00 GiB of 4.00 GiB, so it "
		"caches less than it could.");
	assert_suffers("{'alarms': 'cpu-wait', 'cpu_wait_permille': null}",
		       "How much it waits for CPUs now is not known; it was too much for long.");
	assert_suffers(
		"{'harmed': true, 'harm_permille': 321, 'host_swap_kib': 131072}",
		"It loses 32.1 % of its time because the host lacks memory; 128 MiB of it is in "
		"the host's swap.");
	assert_suffers("{'cpu_wait_permille': 51}",
		       "It waits for a CPU for 5.1 % of the time: that is not memory.");
	assert_suffers("{'io_wait_permille': 201}", "It waits for disks for 20.1 % of the time.");
	assert_suffers(
		"{'io_wait_permille': 900, 'pressed': true}",
		"It waits for disks for 90.0 % of the time, by its swapping at least in part.");
}

/* Whatever the daemon raises an alarm for, nothing is never wrong; and an alarm is a whole word. */
static void test_no_alarm_is_contradicted(void **state)
{
	(void)state;
	for (int i = 0; i < ALARM_KINDS_; i++) {
		const char *name = alarm_to_string((enum alarm_kind)i);
		char changes[128];
		json_t *result;

		snprintf(changes, sizeof(changes), "{'alarms': 'other %s'}", name);
		result = i < ALARM_FIRST_OF_VM ? findings(changes, "{}", NULL)
					       : findings("{}", changes, NULL);
		if (!json_array_size(json_object_get(result, "symptoms")) &&
		    !json_array_size(json_object_get(result, "victims")))
			fail_msg("nothing is said of %s", name);
		json_decref(result);
		snprintf(changes, sizeof(changes), "{'alarms': '%s-other not-%s'}", name, name);
		result = findings(changes, changes, NULL);
		assert_eq(json_array_size(json_object_get(result, "symptoms")), 0);
		assert_eq(json_array_size(json_object_get(result, "victims")), 0);
		json_decref(result);
	}
}

/* They are the daemon's; of one that does not tell them, only its alarms count. */
static void test_thresholds_are_the_daemons(void **state)
{
	static const char wait[] = "{'cpu_wait_permille': 90, 'io_wait_permille': 300}";
	json_t *result;

	(void)state;
	result = findings("{'cpu_wait_limit_permille': 90, 'io_wait_limit_permille': 300}", wait,
			  NULL);
	assert_eq(json_array_size(json_object_get(result, "victims")), 0);
	json_decref(result);
	result = findings("{'cpu_wait_limit_permille': null, 'io_wait_limit_permille': null}", wait,
			  NULL);
	assert_eq(json_array_size(json_object_get(result, "victims")), 0);
	json_decref(result);
	/* Below its threshold, but not yet so far that the alarm is over. */
	assert_suffers("{'cpu_wait_permille': 48, 'alarms': 'cpu-wait'}",
		       "It waits for a CPU for 4.8 % of the time: that is not memory.");
}

/* Of ten VMs, number 1 to 9 wait for CPUs, in no order, and number 7 most. */
static void test_the_worst_are_named(void **state)
{
	static const char *const worst[] = { "vm7", "vm8", "vm9" };
	json_t *vms = json_array(), *status, *result;
	const json_t *victims;

	(void)state;
	for (int i = 0; i < 10; i++) {
		char changes[96];

		snprintf(changes, sizeof(changes), "{'name': 'vm%d', 'cpu_wait_permille': %d}", i,
			 i == 7 ? 700 : 50 + i);
		json_array_append_new(vms, with(vm_healthy, changes));
	}
	status = json_pack("{s:o, s:o}", "host", parse(host_healthy), "vms", vms);
	result = diagnose(status);
	assert_said(
		result, "symptoms",
		"9 VMs wait too much for CPUs (the threshold is 5.0 % of the time); below are the "
		"worst 3.");
	victims = json_object_get(result, "victims");
	assert_eq(json_array_size(victims), ARRAY_SIZE(worst));
	for (size_t i = 0; i < ARRAY_SIZE(worst); i++)
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(victims, i), "name")),
			worst[i]);
	json_decref(result);
	json_decref(status);
}

static void test_behaviour(void **state)
{
	static const struct saying sayings[] = {
		{ "{}", "{'reason': 'stuck', 'actual_kib': 3145728}", "symptoms",
		  "web1 does not follow its targets: it has 3.00 GiB, and is entitled to 2.00 GiB." },
		{ "{}", "{'reason': 'stuck'}", "remedies",
		  "For good: see to the balloon driver in the guest of web1." },
		{ "{}", "{'reason': 'no-stats', 'sentence': 'it has told nothing'}", "symptoms",
		  "web1 reports nothing, so nothing is taken from it: it has told nothing." },
		{ "{}", "{'reason': 'stale-stats', 'sentence': 'old'}", "symptoms",
		  "web1 reports nothing, so nothing is taken from it: old." },
		{ "{}", "{'reason': 'no-effect', 'pinned': 'its memory is locked'}", "symptoms",
		  "web1 cannot give: its memory is locked." },
		{ "{}", "{'reason': 'no-effect'}", "remedies",
		  "For good: set mode=off for web1, or take away what pins its memory." },
		{ "{}", "{'reason': 'no-balloon', 'sentence': 'it has no balloon'}", "symptoms",
		  "web1 cannot give: it has no balloon." },
		{ "{}", "{'reason_age_ms': null}", "symptoms", "web1 is not judged yet." },
		{ "{}", "{'settings_error': 'limit: much'}", "symptoms",
		  "The settings of web1 are wrong: limit: much." },
		{ "{}", "{'pressed': true}", "remedies",
		  "Now: aerostatctl boost web1 4096M --for 1h" },
		/* A tenant's name is no command: it is not offered for pasting. */
		{ "{}", "{'pressed': true, 'name': 'x; rm *', 'uuid': 'u-u-i-d'}", "remedies",
		  "Now: aerostatctl boost u-u-i-d 4096M --for 1h" },
		{ "{}", "{'pressed': true, 'name': '--end', 'uuid': 'u-u-i-d'}", "remedies",
		  "Now: aerostatctl boost u-u-i-d 4096M --for 1h" },
		{ "{}", "{'pressed': true, 'actual_kib': 4194304}", "remedies",
		  "For good: web1 has all its memory; it needs a larger maximum." },
		{ "{}", "{'pressed': true, 'limit_kib': 2097152}", "remedies",
		  "For good: it is at its limit of 2.00 GiB: aerostatctl set web1 limit=SIZE" },
		{ "{'state': 'hard'}", "{'advised_to_move': 1}", "remedies",
		  "Now: move web1 to another host (virsh migrate); its leaving frees 2.00 GiB." },
	};

	(void)state;
	assert_all_said(sayings, ARRAY_SIZE(sayings));
}

static void assert_neighbour(const char *host, const char *other, const char *expected)
{
	json_t *result = findings(host, "{'demand_kib': 3145728, 'pressed': true}", other);

	if (expected)
		assert_said(result, "neighbours", expected);
	assert_int_equal(json_array_size(json_object_get(result, "neighbours")), expected ? 1 : 0);
	json_decref(result);
}

static void test_neighbour(void **state)
{
	static const char nobody[] =
		"Nobody holds much beyond its part; web1 needs most, 3.00 GiB. "
		"The host is too small for what its VMs need.";

	(void)state;
	assert_neighbour("{}",
			 "{'name': 'db1', 'reason': 'stuck', 'sentence': 'it does not move',"
			 " 'actual_kib': 4194304}",
			 "db1 holds 2.00 GiB more than its part (stuck; it does not move).");
	/* Less than its entitlement is needed: that is its part. */
	assert_neighbour("{}",
			 "{'name': 'db1', 'actual_kib': 3145728, 'entitlement_kib': 4194304,"
			 " 'demand_kib': " GIB ", 'reason': 'turn-hold', 'sentence': 'wait'}",
			 "db1 holds 2.00 GiB more than its part (turn-hold; wait).");
	assert_neighbour("{}", "{'name': 'db1', 'actual_kib': 2200000}", nobody);

	/* What it has is not known: nobody is blamed. */
	assert_neighbour("{}", "{'name': 'db1', 'entitlement_kib': null, 'actual_kib': 4194304}",
			 nobody);
}

/* Where somebody has ordered that its memory stays, that is undone first. */
static void test_neighbour_is_kept(void **state)
{
	json_t *result;

	(void)state;
	result = findings("{}", "{'pressed': true}",
			  "{'name': 'db1', 'actual_kib': 4194304, 'paused': true}");
	assert_said(result, "remedies", "Now: aerostatctl resume db1");
	/* What helps for good comes last. */
	assert_memory_equal(
		json_string_value(json_array_get(json_object_get(result, "remedies"), 1)),
		"Now:", 4);
	assert_memory_equal(
		json_string_value(json_array_get(json_object_get(result, "remedies"), 2)),
		"For good:", 9);
	json_decref(result);
	result = findings("{}", "{'pressed': true}",
			  "{'name': 'db1', 'actual_kib': 4194304, 'mode': 'observe'}");
	assert_said(result, "remedies", "Now: aerostatctl set db1 mode=auto (it is observe)");
	json_decref(result);
}

/* A VM that has all there is of it is too small: that is not the host's fault, nor a neighbour's. */
static void test_undersized_is_not_the_host(void **state)
{
	json_t *result = findings("{}", "{'pressed': true, 'actual_kib': 4194304}",
				  "{'name': 'db1', 'actual_kib': 4194304}");

	(void)state;
	assert_int_equal(json_array_size(json_object_get(result, "neighbours")), 0);
	assert_int_equal(json_array_size(json_object_get(result, "remedies")), 1);
	json_decref(result);
}

/* Who holds much is nobody's neighbour while nobody lacks anything. */
static void test_no_victim_no_neighbour(void **state)
{
	json_t *result = findings("{}", "{}", "{'name': 'db1', 'actual_kib': 4194304}");

	(void)state;
	assert_int_equal(json_array_size(json_object_get(result, "neighbours")), 0);
	json_decref(result);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_wrong),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_victims),
		cmocka_unit_test(test_behaviour),
		cmocka_unit_test(test_no_alarm_is_contradicted),
		cmocka_unit_test(test_thresholds_are_the_daemons),
		cmocka_unit_test(test_the_worst_are_named),
		cmocka_unit_test(test_neighbour),
		cmocka_unit_test(test_no_victim_no_neighbour),
		cmocka_unit_test(test_neighbour_is_kept),
		cmocka_unit_test(test_undersized_is_not_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
