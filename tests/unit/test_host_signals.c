// SPDX-License-Identifier: GPL-2.0
/*
 * What only the host can see of a VM: taskstats payloads of all sizes and versions, and a made-up
 * /proc and /sys. Each source may be missing, and then is unknown, never zero.
 */
#include "cmocka_test.h"

#include <errno.h>
#include <linux/taskstats.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "scratch_dir.h"
#include "source/cgroup.h"
#include "source/delays.h"
#include "source/host_detail.h"
#include "source/process.h"
#include "source/signals.h"

#define UUID_A "6f1d4ea2-0f0b-4d5c-9a52-4c9a6f2f8a01"
#define UUID_B "6f1d4ea2-0f0b-4d5c-9a52-4c9a6f2f8a02"
#define STAT   " (qemu (a) b) S 1 4 4 0 -1 4194560 5 0 0 0 8 9 0 0 20 0 4 0 "

static void assert_known(struct opt_u64 number, uint64_t value)
{
	assert_true(number.known);
	assert_eq(opt_or(number, 0), value);
}

static struct taskstats payload(uint16_t version)
{
	return (struct taskstats){
		.version = version,
		.cpu_delay_total = 1,
		.blkio_delay_total = 2,
		.swapin_delay_total = 3,
		.thrashing_delay_total = 4,
		.freepages_delay_total = 5,
	};
}

static void test_delays(void **state)
{
	struct taskstats stats = payload(13);
	struct delays delays;

	(void)state;
	assert_int_equal(delays_parse(&stats, sizeof(stats), true, &delays), 0);
	assert_known(delays.cpu_ns, 1);
	assert_known(delays.block_io_ns, 2);
	assert_known(delays.swap_in_ns, 3);
	assert_known(delays.thrashing_ns, 4);
	assert_known(delays.reclaim_ns, 5);
}

/* Zeros that the kernel did not count are no zeros. */
static void test_delays_not_accounted(void **state)
{
	struct taskstats stats = payload(13);
	struct delays delays;

	(void)state;
	assert_int_equal(delays_parse(&stats, sizeof(stats), false, &delays), 0);
	assert_known(delays.cpu_ns, 1);
	assert_false(delays.block_io_ns.known);
	assert_false(delays.swap_in_ns.known);
	assert_false(delays.thrashing_ns.known);
	assert_false(delays.reclaim_ns.known);
}

static void test_delays_versions(void **state)
{
	static const struct {
		uint16_t version;
		int expected;
	} cases[] = {
		{ 0, -EPROTONOSUPPORT },  { 8, -EPROTONOSUPPORT },  { 9, 0 },  { 13, 0 },
		{ 14, -EPROTONOSUPPORT }, { 15, -EPROTONOSUPPORT }, { 16, 0 }, { UINT16_MAX, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct taskstats stats = payload(cases[i].version);
		struct delays delays;

		assert_int_equal(delays_parse(&stats, sizeof(stats), true, &delays),
				 cases[i].expected);
	}
}

/* Newer kernels send more, broken ones less; what was not sent is not read. */
static void test_delays_sizes(void **state)
{
	const size_t needed = offsetof(struct taskstats, thrashing_delay_total) + 8;
	struct taskstats large[2] = { payload(16) };
	struct delays delays = { .cpu_ns = opt_some(77) };

	(void)state;
	for (size_t length = 0; length < needed; length++) {
		void *exact = memcpy(malloc(length + 1), large, length);

		assert_true(delays_parse(exact, length, true, &delays) < 0);
		assert_known(delays.cpu_ns, 77);
		free(exact);
	}
	assert_int_equal(delays_parse(large, needed, true, &delays), 0);
	assert_int_equal(delays_parse(large, sizeof(large), true, &delays), 0);
	assert_known(delays.thrashing_ns, 4);
}

static void test_delays_of_this_process(void **state)
{
	struct delays_source *source;
	struct delays delays;
	int ret;

	(void)state;
	ret = delays_open(&source);
	if (ret == -ENOENT || ret == -EPERM) {
		print_message("# this kernel has no taskstats for us\n");
		skip();
	}
	assert_int_equal(ret, 0);
	ret = delays_read(source, getpid(), false, &delays);
	if (ret == -EPERM || ret == -EPROTONOSUPPORT) {
		delays_close(source);
		print_message("# no CAP_NET_ADMIN here\n");
		skip();
	}
	assert_int_equal(ret, 0);
	assert_true(delays.cpu_ns.known);
	assert_false(delays.block_io_ns.known);
	/* One that does not exist, and the next question is answered all the same. */
	assert_int_equal(delays_read(source, 0x3fffff, false, &delays), -ESRCH);
	assert_int_equal(delays_read(source, getpid(), true, &delays), 0);
	assert_true(delays.swap_in_ns.known);
	delays_close(source);
}

static void test_rates(void **state)
{
	struct delays before = { .cpu_ns = opt_some(1000), .swap_in_ns = opt_some(500) };
	struct delays now = {
		.cpu_ns = opt_some(1000 + (uint64_t)3000 * 1000000), /* three seconds */
		.swap_in_ns = opt_some(499),
		.thrashing_ns = opt_some(7),
	};
	struct vm_host host = { 0 };

	(void)state;
	delays_rates(&before, &now, 2000, &host);
	assert_known(host.cpu_wait_permille, 1500);
	assert_false(host.swap_wait_permille.known); /* went back */
	assert_false(host.thrash_wait_permille.known); /* not known before */
	assert_false(host.io_wait_permille.known);
	delays_rates(&before, &now, 0, &host);
	assert_false(host.cpu_wait_permille.known);
	now.cpu_ns = opt_some(UINT64_MAX);
	delays_rates(&before, &now, 1, &host);
	assert_known(host.cpu_wait_permille, 1000000);
}

static void test_accounted(void **state)
{
	struct scratch *scratch = *state;

	assert_false(delays_accounted(scratch->path));
	scratch_write(scratch, "proc/sys/kernel/task_delayacct", "0\n");
	assert_false(delays_accounted(scratch->path));
	scratch_write(scratch, "proc/sys/kernel/task_delayacct", "1\n");
	assert_true(delays_accounted(scratch->path));
}

static void test_scopes(void **state)
{
	static const struct {
		const char *text;
		const char *path; /* NULL: refused */
	} cases[] = {
		{ "0::/machine.slice/machine-qemu\\x2d1\\x2da.scope/libvirt/emulator\n",
		  "/machine.slice/machine-qemu\\x2d1\\x2da.scope" },
		{ "0::/machine.slice/machine-qemu\\x2d1\\x2da.scope\n",
		  "/machine.slice/machine-qemu\\x2d1\\x2da.scope" },
		{ "5:memory:/a.scope\n0::/b.scope", "/b.scope" },
		{ "0::/user.slice/a.scope/b.scope/c", "/user.slice/a.scope/b.scope" },
		{ "0::/a.scopes/b\n", NULL },
		{ "0::/system.slice/libvirtd.service\n", NULL },
		{ "0::/.scope\n", NULL },
		{ "0::/../../a.scope\n", NULL },
		{ "5:memory:/a.scope\n", NULL },
		{ "0::/\n", NULL },
		{ "", NULL },
	};
	char path[CGROUP_PATH_LEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int ret = cgroup_scope(cases[i].text, path);

		assert_int_equal(ret == 0, cases[i].path != NULL);
		if (!ret)
			assert_string_equal(path, cases[i].path);
	}
}

static void test_long_scope(void **state)
{
	char text[2 * CGROUP_PATH_LEN], path[CGROUP_PATH_LEN] = "untouched";

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "0::/", 4);
	strcpy(text + CGROUP_PATH_LEN + 10, ".scope");
	assert_int_equal(cgroup_scope(text, path), -EINVAL);
	assert_string_equal(path, "untouched");
}

static void test_cgroup(void **state)
{
	struct scratch *scratch = *state;
	struct cgroup_sample sample = cgroup_read(scratch->path, "/m.scope");

	assert_false(sample.memory_kib.known);
	assert_false(sample.swap_kib.known);
	assert_false(sample.some_permille.known);
	scratch_write(scratch, "sys/fs/cgroup/m.scope/memory.current", "1048576\n");
	scratch_write(scratch, "sys/fs/cgroup/m.scope/memory.swap.current", "max\n");
	scratch_write(scratch, "sys/fs/cgroup/m.scope/memory.pressure",
		      "some avg10=1.50 avg60=0.00 avg300=0.00 total=0\n");
	sample = cgroup_read(scratch->path, "/m.scope");
	assert_known(sample.memory_kib, 1024);
	assert_false(sample.swap_kib.known);
	assert_known(sample.some_permille, 15);
	assert_false(sample.full_permille.known);
}

static void test_uuid_in_command_line(void **state)
{
	static const char good[] = "qemu\0-name\0a\0-uuid\0" UUID_A "\0-m\0";
	static const char short_one[] = "qemu\0-uuid\0abc";
	static const char last[] = "qemu\0-uuid";

	(void)state;
	assert_string_equal(process_uuid(good, sizeof(good)), UUID_A);
	assert_null(process_uuid(good, 30)); /* cut off within */
	assert_null(process_uuid(short_one, sizeof(short_one)));
	assert_null(process_uuid(last, sizeof(last)));
	assert_null(process_uuid("", 0));
	assert_null(process_uuid("\0\0\0", 3));
}

static void test_start_time(void **state)
{
	(void)state;
	assert_known(process_start("7" STAT "4242 1 2"), 4242);
	assert_false(process_start("7 (qemu) S 1 4").known);
	assert_false(process_start("7" STAT).known);
	assert_false(process_start("7" STAT "99999999999999999999 1").known);
	assert_false(process_start("7" STAT "-1 1").known);
	assert_false(process_start("").known);
}

static void write_process(const struct scratch *scratch, int pid, const char *uuid, int start)
{
	char name[64], text[256];
	int length;

	length = snprintf(text, sizeof(text), "qemu%c-uuid%c%s%c", 0, 0, uuid, 0);
	snprintf(name, sizeof(name), "proc/%d/cmdline", pid);
	scratch_write_bytes(scratch, name, text, (size_t)length);
	snprintf(name, sizeof(name), "proc/%d/stat", pid);
	snprintf(text, sizeof(text), "%d" STAT "%d 1\n", pid, start);
	scratch_write(scratch, name, text);
	snprintf(name, sizeof(name), "proc/%d/status", pid);
	scratch_write(scratch, name, "Name:\tqemu\nVmRSS:\t 9 kB\nVmSwap:\t     512 kB\n");
	snprintf(name, sizeof(name), "proc/%d/cgroup", pid);
	scratch_write(scratch, name, "0::/m.scope/libvirt/emulator\n");
}

static void test_host_detail(void **state)
{
	struct scratch *scratch = *state;
	struct host_detail detail;
	uint64_t page_kib = (uint64_t)sysconf(_SC_PAGESIZE) / 1024;

	host_detail_read(scratch->path, &detail);
	assert_eq(detail.n_nodes, 0);
	assert_false(detail.ksm_run.known);
	assert_false(detail.ksm_saved_kib.known);
	assert_false(detail.zswap_pool_kib.known);

	scratch_write(scratch, "sys/kernel/mm/ksm/run", "1\n");
	scratch_write(scratch, "sys/kernel/mm/ksm/pages_shared", "10\n");
	scratch_write(scratch, "sys/kernel/mm/ksm/pages_sharing", "18446744073709551615\n");
	scratch_write(scratch, "proc/meminfo", "Zswap:  12 kB\nZswapped: 40 kB\n");
	scratch_write(scratch, "sys/devices/system/node/node0/meminfo",
		      "Node 0 MemTotal:       1000 kB\nNode 0 MemFree:        200 kB\n"
		      "Node 0 FilePages:      300 kB\n");
	scratch_write(scratch, "sys/devices/system/node/node3/meminfo",
		      "Node 3 MemTotal:       2000 kB\nNode x MemFree: 1 kB\n");
	host_detail_read(scratch->path, &detail);
	assert_known(detail.ksm_run, 1);
	assert_known(detail.ksm_shared_kib, 10 * page_kib);
	assert_false(detail.ksm_saved_kib.known);
	assert_known(detail.zswap_pool_kib, 12);
	assert_known(detail.zswap_stored_kib, 40);
	assert_eq(detail.n_nodes, 2);
	assert_eq(detail.nodes[0].number, 0);
	assert_known(detail.nodes[0].total_kib, 1000);
	assert_known(detail.nodes[0].free_kib, 200);
	assert_known(detail.nodes[0].file_kib, 300);
	assert_eq(detail.nodes[1].number, 3);
	assert_known(detail.nodes[1].total_kib, 2000);
	assert_false(detail.nodes[1].free_kib.known);
}

/* A round through a worker, as the daemon has it. */
struct round {
	struct scratch *scratch;
	sd_event *event;
	struct mailbox *mailbox;
	struct workers *workers;
	struct signals *signals;
	struct vm_host hosts[2]; /* of UUID_A and UUID_B */
	bool done;
};

static void done_round(void *userdata, const struct signals_round *found)
{
	struct round *round = userdata;

	assert_eq(found->n_vms, 2);
	assert_string_equal(found->vms[0].uuid, UUID_A);
	assert_string_equal(found->vms[1].uuid, UUID_B);
	round->hosts[0] = found->vms[0].host;
	round->hosts[1] = found->vms[1].host;
	round->done = true;
}

static void gather(struct round *round)
{
	static const char *const uuids[] = { UUID_A, UUID_B };

	round->done = false;
	assert_int_equal(signals_gather(round->signals, round->workers, uuids, 2), 0);
	assert_true(signals_since_ms(round->signals).known);
	assert_int_equal(signals_gather(round->signals, round->workers, uuids, 2), -EBUSY);
	while (!round->done)
		assert_true(sd_event_run(round->event, UINT64_MAX) >= 0);
	assert_false(signals_since_ms(round->signals).known);
}

static int set_up(void **state)
{
	struct round *round = calloc(1, sizeof(*round));

	if (!round || scratch_setup((void **)&round->scratch))
		return -1;
	*state = round;
	assert_true(sd_event_new(&round->event) >= 0);
	assert_int_equal(mailbox_new(round->event, &round->mailbox), 0);
	assert_int_equal(workers_new(round->mailbox, "test:///default", 5000, &round->workers), 0);
	return signals_new(round->scratch->path, done_round, round, &round->signals);
}

static int tear_down(void **state)
{
	struct round *round = *state;
	int ret;

	assert_true(workers_stop(round->workers, 60000));
	mailbox_flush(round->mailbox);
	signals_free(round->signals);
	workers_free(round->workers);
	mailbox_free(round->mailbox);
	sd_event_unref(round->event);
	ret = scratch_teardown((void **)&round->scratch);
	free(round);
	return ret;
}

static void test_round(void **state)
{
	struct round *round = *state;

	scratch_write(round->scratch, "proc/self/cmdline", "x");
	write_process(round->scratch, 100, UUID_A, 5);
	scratch_write(round->scratch, "sys/fs/cgroup/m.scope/memory.swap.current", "8192\n");
	gather(round);
	assert_known(round->hosts[0].swapped_kib, 512);
	assert_known(round->hosts[0].resident_kib, 9);
	assert_known(round->hosts[0].cgroup_swap_kib, 8);
	assert_false(round->hosts[0].cgroup_kib.known);
	assert_false(round->hosts[0].cpu_wait_permille.known);
	assert_false(round->hosts[1].swapped_kib.known);
}

/* The number belongs to another process now. */
static void test_process_replaced(void **state)
{
	struct round *round = *state;

	write_process(round->scratch, 100, UUID_A, 5);
	write_process(round->scratch, 101, UUID_B, 6);
	gather(round);
	assert_true(round->hosts[0].swapped_kib.known);
	write_process(round->scratch, 100, "somebody-else", 7);
	gather(round);
	assert_false(round->hosts[0].swapped_kib.known);
	assert_true(round->hosts[1].swapped_kib.known);
}

/* Somebody who claims to be another's VM is not believed, and neither is the VM. */
static void test_contested(void **state)
{
	struct round *round = *state;

	write_process(round->scratch, 100, UUID_A, 5);
	write_process(round->scratch, 101, UUID_A, 6);
	write_process(round->scratch, 102, UUID_B, 7);
	gather(round);
	assert_false(round->hosts[0].swapped_kib.known);
	assert_true(round->hosts[1].swapped_kib.known);
}

int main(void)
{
#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
#define WITH_ROUND(test)   cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delays),
		cmocka_unit_test(test_delays_not_accounted),
		cmocka_unit_test(test_delays_versions),
		cmocka_unit_test(test_delays_sizes),
		cmocka_unit_test(test_delays_of_this_process),
		cmocka_unit_test(test_rates),
		WITH_SCRATCH(test_accounted),
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_long_scope),
		WITH_SCRATCH(test_cgroup),
		cmocka_unit_test(test_uuid_in_command_line),
		cmocka_unit_test(test_start_time),
		WITH_SCRATCH(test_host_detail),
		WITH_ROUND(test_round),
		WITH_ROUND(test_process_replaced),
		WITH_ROUND(test_contested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
