// SPDX-License-Identifier: GPL-2.0
/*
 * The daemon's readers of other programs' text and numbers: /proc, pressure files, libvirt's
 * parameters and descriptions. What is missing must come out as unknown, never as zero.
 */
#include "cmocka_test.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <libxml/parser.h>

#include "scratch_dir.h"
#include "source/counters.h"
#include "source/domain_xml.h"
#include "source/host.h"
#include "source/node.h"
#include "source/psi.h"
#include "source/stats.h"

static void assert_known(struct opt_u64 number, uint64_t value)
{
	assert_true(number.known);
	assert_eq(opt_or(number, 0), value);
}

static const char meminfo[] = "MemTotal:       16384000 kB\n"
			      "MemFree:          100000 kB\n"
			      "MemAvailable:    8192000 kB\n"
			      "HugePages_Total:       0\n";

static void test_counters(void **state)
{
	(void)state;
	assert_known(counters_find(meminfo, "MemTotal"), 16384000);
	assert_known(counters_find(meminfo, "MemAvailable"), 8192000);
	assert_known(counters_find(meminfo, "HugePages_Total"), 0);
	assert_known(counters_find("pswpin 12\npswpout 34", "pswpout"), 34);
	assert_false(counters_find(meminfo, "Mem").known);
	assert_false(counters_find(meminfo, "Available").known);
	assert_false(counters_find(meminfo, "SwapTotal").known);
	assert_false(counters_find("", "a").known);
}

static void test_bad_counters(void **state)
{
	static const char *const bad[] = {
		"a: \n",
		"a: x\n",
		"a:\n",
		"a",
		"a: -1\n",
		"a: 1x\n",
		"a: 99999999999999999999\n",
		"a1: 1\n",
		" a: 1\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(counters_find(bad[i], "a").known);
}

static void test_psi(void **state)
{
	struct psi psi = psi_parse("some avg10=12.34 avg60=1.00 avg300=0.00 total=123\n"
				   "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");

	(void)state;
	assert_known(psi.some_permille, 123);
	assert_known(psi.full_permille, 0);
	psi = psi_parse("some avg10=100.00 avg60=0\n");
	assert_known(psi.some_permille, 1000);
	assert_false(psi.full_permille.known);
}

static void test_bad_psi(void **state)
{
	static const char *const bad[] = {
		"",
		"some",
		"some avg10=",
		"some avg10=x",
		"some avg10=-1.00",
		"some avg10=101.00",
		"some avg10=100.10",
		"some avg10=1.",
		"some avg10=1.5x",
		"some avg60=1.00",
		"awesome avg10=1.00",
		"some avg10=99999999999999999999.00",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(psi_parse(bad[i]).some_permille.known);
}

static void test_host(void **state)
{
	struct scratch *scratch = *state;
	struct host_sample host = host_sample_read(scratch->path);

	assert_false(host.total_kib.known);
	assert_false(host.available_kib.known);
	assert_false(host.psi_some_permille.known);
	scratch_write(scratch, "proc/meminfo", meminfo);
	scratch_write(scratch, "proc/vmstat", "nr_free_pages 1\npswpin 5\npswpout 6\n");
	host = host_sample_read(scratch->path);
	assert_known(host.total_kib, 16384000);
	assert_known(host.available_kib, 8192000);
	assert_known(host.swap_in_pages, 5);
	assert_known(host.swap_out_pages, 6);
	assert_false(host.psi_some_permille.known);
	scratch_write(scratch, "proc/pressure/memory", "some avg10=1.00 avg60=0.00\n");
	assert_known(host_sample_read(scratch->path).psi_some_permille, 10);
	/* Huge pages are no memory to share out. */
	scratch_write(scratch, "proc/meminfo",
		      "MemTotal: 1000 kB\nMemAvailable: 100 kB\nHugetlb: 800 kB\n");
	assert_known(host_sample_read(scratch->path).total_kib, 200);
	scratch_write(scratch, "proc/meminfo", "MemTotal: 1000 kB\nHugetlb: 1001 kB\n");
	assert_false(host_sample_read(scratch->path).total_kib.known);
}

static virTypedParameter ull(const char *name, unsigned long long value)
{
	virTypedParameter param = { .type = VIR_TYPED_PARAM_ULLONG, .value.ul = value };

	strncpy(param.field, name, sizeof(param.field) - 1);
	return param;
}

static virTypedParameter number(const char *name, int value)
{
	virTypedParameter param = { .type = VIR_TYPED_PARAM_INT, .value.i = value };

	strncpy(param.field, name, sizeof(param.field) - 1);
	return param;
}

static void test_libvirt_params(void **state)
{
	virTypedParameter params[] = {
		number("state.state", VIR_DOMAIN_RUNNING),
		ull("balloon.current", 1000),
		ull("balloon.maximum", 2000),
		ull("balloon.last-update", 1700000000),
		ull("balloon.available", 900),
		ull("balloon.usable", 0),
		ull("balloon.unused", 300),
		ull("balloon.disk_caches", 200),
		ull("balloon.swap_in", 7),
		ull("balloon.major_fault", 8),
		ull("balloon.rss", 1234),
		ull("balloon.something-new", 1),
	};
	struct domain_stats stats = { 0 };

	(void)state;
	stats_from_params(params, ARRAY_SIZE(params), &stats);
	assert_int_equal(stats.run_state, VM_RUNNING);
	assert_known(stats.actual_kib, 1000);
	assert_known(stats.max_kib, 2000);
	assert_known(stats.last_update_s, 1700000000);
	assert_known(stats.total_kib, 900);
	assert_known(stats.usable_kib,
		     0); /* a guest that has nothing left is not one that is silent */
	assert_known(stats.unused_kib, 300);
	assert_known(stats.cache_kib, 200);
	assert_known(stats.swap_in_kib, 7);
	assert_false(stats.swap_out_kib.known);
	assert_known(stats.major_faults, 8);
	assert_known(stats.rss_kib, 1234);
}

/* The answer for a domain whose monitor hangs: current and maximum, and nothing else. */
static void test_libvirt_params_missing(void **state)
{
	virTypedParameter params[] = {
		number("state.state", VIR_DOMAIN_RUNNING),
		ull("balloon.current", 1000),
		ull("balloon.maximum", 1000),
	};
	struct domain_stats stats = { 0 };

	(void)state;
	stats_from_params(params, ARRAY_SIZE(params), &stats);
	assert_false(stats.usable_kib.known);
	assert_false(stats.last_update_s.known);
	assert_false(stats_age_ms(stats.last_update_s, 1000).known);
	stats_from_params((virTypedParameter[]){ ull("balloon.last-update", 0) }, 1, &stats);
	assert_false(stats.last_update_s.known);
}

static void test_run_states(void **state)
{
	static const struct {
		int state;
		int reason;
		enum vm_run_state expected;
	} cases[] = {
		{ VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED, VM_RUNNING },
		{ VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_POSTCOPY, VM_MIGRATING },
		{ VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER, VM_PAUSED },
		{ VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_MIGRATION, VM_MIGRATING },
		{ VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SAVE, VM_MIGRATING },
		{ VIR_DOMAIN_SHUTDOWN, 0, VM_PAUSED },
		{ VIR_DOMAIN_NOSTATE, 0, VM_PAUSED },
		{ 99, 0, VM_PAUSED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		virTypedParameter params[] = {
			number("state.state", cases[i].state),
			number("state.reason", cases[i].reason),
		};
		struct domain_stats stats = { 0 };

		stats_from_params(params, ARRAY_SIZE(params), &stats);
		assert_int_equal(stats.run_state, cases[i].expected);
	}
}

static void test_stats_age(void **state)
{
	struct opt_u64 at = opt_some(1000);

	(void)state;
	assert_false(stats_age_ms(opt_none(), 1000).known);
	assert_known(stats_age_ms(at, 1000 * 1000), 0);
	assert_known(stats_age_ms(at, 1005 * 1000 + 500), 5500);
	/* libvirt's second may have begun before ours; more than that is a clock set back. */
	assert_known(stats_age_ms(at, 999 * 1000), 0);
	assert_true(opt_or(stats_age_ms(at, 900 * 1000), 0) > UINT32_MAX);
	assert_true(opt_or(stats_age_ms(opt_some(UINT64_MAX), 900 * 1000), 0) > UINT32_MAX);
}

static struct domain_description describe(const char *xml)
{
	struct domain_description description;

	assert_int_equal(domain_xml_parse(xml, &description), 0);
	return description;
}

static void test_domain_xml(void **state)
{
	struct domain_description description;

	(void)state;
	xmlInitParser();
	description = describe("<domain><devices><memballoon model='virtio'><stats period='7'/>"
			       "</memballoon></devices></domain>");
	assert_true(description.has_balloon);
	assert_null(description.pinned);
	assert_eq(description.stats_period_s, 7);
	description = describe("<domain><devices><memballoon model='none'/></devices></domain>");
	assert_false(description.has_balloon);
	assert_eq(description.stats_period_s, 0);
	assert_false(describe("<domain/>").has_balloon);
	assert_true(describe("<domain><devices><memballoon model='virtio-non-transitional'/>"
			     "</devices></domain>")
			    .has_balloon);
}

/* Tenants write the metadata: what is in it looks like anything, and is none of it. */
static void test_memory_of_domains(void **state)
{
	static const char lies[] =
		"<domain>\n  <metadata>\n<x:a xmlns:x='urn:x'><!--\n</metadata>\n"
		"  <memory unit='KiB'>4</memory>\n  <memoryBacking><hugepages/></memoryBacking>\n-->"
		"<memory unit='KiB'>5</memory></x:a>\n  </metadata>\n"
		"  <memory unit='KiB'>67108864</memory>\n</domain>\n";
	struct domain_description description;

	(void)state;
	description = describe(lies);
	assert_known(description.memory_kib, 67108864);
	assert_false(description.hugepages);
	assert_known(describe("<domain><memory>1048577</memory></domain>").memory_kib, 1048577);
	assert_known(
		describe("<domain><memory unit='KiB'>9007199254740</memory></domain>").memory_kib,
		9007199254740);
	assert_false(describe("<domain><memory unit='GiB'>4</memory></domain>").memory_kib.known);
	assert_false(describe("<domain><memory>much</memory></domain>").memory_kib.known);
	assert_false(describe("<domain><memory>-4</memory></domain>").memory_kib.known);
	assert_false(describe("<domain><memory>1e99</memory></domain>").memory_kib.known);
	assert_false(describe("<domain/>").memory_kib.known);
}

static void test_pinned_domains(void **state)
{
	static const char *const pinned[] = {
		"<domain><memoryBacking><hugepages/></memoryBacking></domain>",
		"<domain><memoryBacking><locked/></memoryBacking></domain>",
		"<domain><launchSecurity type='sev'/></domain>",
		"<domain><devices><hostdev type='pci'/></devices></domain>",
		"<domain><devices><interface type='hostdev'/></devices></domain>",
	};
	struct domain_description untouched = { .stats_period_s = 77 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pinned); i++)
		assert_non_null(describe(pinned[i]).pinned);
	assert_null(describe("<domain><devices><hostdev type='usb'/></devices></domain>").pinned);
	assert_int_equal(domain_xml_parse("<domain>", &untouched), -EINVAL);
	assert_int_equal(domain_xml_parse("<network/>", &untouched), -EINVAL);
	assert_int_equal(domain_xml_parse("", &untouched), -EINVAL);
	assert_int_equal(domain_xml_parse("<!DOCTYPE domain [<!ENTITY a '5'><!ENTITY b '&a;&a;'>]>"
					  "<domain><devices><memballoon><stats period='&b;'/>"
					  "</memballoon></devices></domain>",
					  &untouched),
			 -EINVAL);
	assert_eq(untouched.stats_period_s, 77);
}

/* Some nodes in huge pages: the others are in ordinary memory, which then counts. */
static void test_hugepages(void **state)
{
	(void)state;
	assert_true(
		describe("<domain><memoryBacking><hugepages/></memoryBacking></domain>").hugepages);
	assert_true(describe("<domain><memoryBacking><hugepages><page size='1' unit='G'/>"
			     "</hugepages></memoryBacking></domain>")
			    .hugepages);
	assert_false(
		describe("<domain><memoryBacking><hugepages><page size='2' unit='M' nodeset='1'/>"
			 "</hugepages></memoryBacking></domain>")
			.hugepages);
	assert_false(
		describe("<domain><memoryBacking><locked/></memoryBacking></domain>").hugepages);
}

static void test_remote_uris(void **state)
{
	(void)state;
	assert_true(uri_is_remote("qemu+ssh://root@host/system"));
	assert_true(uri_is_remote("qemu+tcp://127.0.0.1:16509/system"));
	assert_true(uri_is_remote("qemu://host/system"));
	assert_false(uri_is_remote("qemu:///system"));
	assert_false(uri_is_remote("qemu+unix:///system?socket=/run/a/b"));
	assert_false(uri_is_remote("test:///default"));
	assert_false(uri_is_remote("xen"));
	assert_false(uri_is_remote("qemu://"));
}

static void test_node_memory(void **state)
{
	(void)state;
	assert_false(node_available_kib(opt_none(), opt_some(1), opt_some(1)).known);
	assert_known(node_available_kib(opt_some(100), opt_none(), opt_none()), 100);
	assert_known(node_available_kib(opt_some(100), opt_some(10), opt_some(50)), 130);
	assert_false(node_available_kib(opt_some(UINT64_MAX), opt_some(2), opt_none()).known);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_bad_counters),
		cmocka_unit_test(test_psi),
		cmocka_unit_test(test_bad_psi),
		cmocka_unit_test_setup_teardown(test_host, scratch_setup, scratch_teardown),
		cmocka_unit_test(test_libvirt_params),
		cmocka_unit_test(test_libvirt_params_missing),
		cmocka_unit_test(test_run_states),
		cmocka_unit_test(test_stats_age),
		cmocka_unit_test(test_domain_xml),
		cmocka_unit_test(test_memory_of_domains),
		cmocka_unit_test(test_pinned_domains),
		cmocka_unit_test(test_hugepages),
		cmocka_unit_test(test_remote_uris),
		cmocka_unit_test(test_node_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
