// SPDX-License-Identifier: GPL-2.0
/*
 * A round, on the worker's thread: bring the table of known processes in line with the VMs asked
 * for, look for those not known yet, then read each one's files and delays. Only a round touches
 * the table, and there is only one at a time, so it needs no lock.
 *
 * /proc is looked through when a VM is new, and then again after a while as long as some are
 * missing: on hosts with thousands of processes that costs milliseconds.
 */
#include "source/signals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "source/cgroup.h"
#include "source/delays.h"
#include "source/process.h"
#include "source/storage.h"
#include "util/clock.h"

#define SCAN_AGAIN_MS ((uint64_t)60 * 1000)
#define RATE_LEAST_MS 2000 /* over less, a single swapped-in page would look like a host on fire */

/* One VM's process, and its counters of the round before. */
struct tracked {
	char uuid[VM_UUID_LEN]; /* first */
	struct process process;
	bool contested; /* several processes claim the UUID: none is believed */
	char cgroup[CGROUP_PATH_LEN]; /* "": in none */
	bool has_delays;
	struct delays delays;
	uint64_t delays_ms; /* monotonic */
	struct vm_host rates; /* since the reading before that */
};

struct signals {
	struct job job; /* first */
	char *root;
	void (*done)(void *userdata, const struct signals_round *round);
	void *userdata;
	bool under_way;
	uint64_t since_ms;

	/* The rest belongs to the round while one is under way. */
	struct delays_source *delays;
	bool accounted;
	const char *unavailable;
	struct tracked *tracked; /* sorted by UUID */
	size_t n_tracked;
	uint64_t scanned_ms;
	bool scan_wanted; /* a VM is new */
	struct signals_vm *vms;
	size_t n_vms;
	struct storage *storage;
	struct host_detail detail;
};

/* Of rows, or of a UUID and a row: it is a row's first member. */
static int compare_uuids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static struct tracked *find(const struct signals *signals, const char *uuid)
{
	return signals->n_tracked ? bsearch(uuid, signals->tracked, signals->n_tracked,
					    sizeof(*signals->tracked), compare_uuids)
				  : NULL;
}

/* A table of the VMs asked for, with what is known of those that were asked for before. */
static int track(struct signals *signals)
{
	struct tracked *tracked = calloc(signals->n_vms + 1, sizeof(*tracked));

	if (!tracked)
		return -ENOMEM;
	for (size_t i = 0; i < signals->n_vms; i++) {
		const char *uuid = signals->vms[i].uuid;
		const struct tracked *known = find(signals, uuid);

		if (known)
			tracked[i] = *known;
		else
			signals->scan_wanted = true;
		memcpy(tracked[i].uuid, uuid, sizeof(tracked[i].uuid));
	}
	qsort(tracked, signals->n_vms, sizeof(*tracked), compare_uuids);
	free(signals->tracked);
	signals->tracked = tracked;
	signals->n_tracked = signals->n_vms;
	return 0;
}

/* Drop processes that have ended; whether some VM has none, or one that is not sure. */
static bool drop_ended(struct signals *signals)
{
	bool missing = false;

	for (size_t i = 0; i < signals->n_tracked; i++) {
		struct tracked *tracked = &signals->tracked[i];

		if (tracked->process.pid && !process_alive(signals->root, &tracked->process)) {
			struct tracked fresh = { 0 };

			memcpy(fresh.uuid, tracked->uuid, sizeof(fresh.uuid));
			*tracked = fresh;
			signals->scan_wanted = true;
		}
		missing |= !tracked->process.pid || tracked->contested;
	}
	return missing;
}

static void process_found(void *userdata, const char *uuid, const struct process *process)
{
	struct signals *signals = userdata;
	struct tracked *tracked = find(signals, uuid);

	if (!tracked)
		return;
	if (tracked->process.pid && (tracked->process.pid != process->pid ||
				     tracked->process.start_ticks != process->start_ticks)) {
		tracked->contested = true;
		return;
	}
	tracked->process = *process;
	if (!tracked->cgroup[0] && process_cgroup(signals->root, process, tracked->cgroup))
		tracked->cgroup[0] = '\0';
}

static void scan(struct signals *signals, uint64_t now_ms)
{
	if (!signals->scan_wanted && now_ms - signals->scanned_ms < SCAN_AGAIN_MS)
		return;
	for (size_t i = 0; i < signals->n_tracked; i++)
		signals->tracked[i].contested = false;
	process_scan(signals->root, process_found, signals);
	signals->scanned_ms = now_ms;
	signals->scan_wanted = false;
}

static void say_why(struct signals *signals, int error)
{
	if (error == -EPROTONOSUPPORT)
		signals->unavailable = "this kernel's taskstats have a layout that is not known "
				       "(version 14 or 15, or below 9)";
	else if (error == -EPERM)
		signals->unavailable = "reading taskstats takes CAP_NET_ADMIN";
}

static void take_delays(struct signals *signals, struct tracked *tracked)
{
	uint64_t now_ms = clock_monotonic_ms();
	struct delays now;
	int ret;

	if (!signals->delays ||
	    (tracked->has_delays && now_ms - tracked->delays_ms < RATE_LEAST_MS))
		return;
	ret = delays_read(signals->delays, tracked->process.pid, signals->accounted, &now);
	if (ret) {
		tracked->has_delays = false;
		tracked->rates = (struct vm_host){ 0 };
		say_why(signals, ret);
		return;
	}
	if (tracked->has_delays)
		delays_rates(&tracked->delays, &now, now_ms - tracked->delays_ms, &tracked->rates);
	tracked->delays = now;
	tracked->delays_ms = now_ms;
	tracked->has_delays = true;
}

static void gather_vm(struct signals *signals, struct signals_vm *vm)
{
	struct tracked *tracked = find(signals, vm->uuid);
	struct cgroup_sample cgroup;

	vm->host = (struct vm_host){ 0 };
	if (!tracked || !tracked->process.pid || tracked->contested)
		return;
	take_delays(signals, tracked);
	vm->host = tracked->rates;
	process_memory(signals->root, &tracked->process, &vm->host.resident_kib,
		       &vm->host.swapped_kib);
	if (!tracked->cgroup[0])
		return;
	cgroup = cgroup_read(signals->root, tracked->cgroup);
	vm->host.cgroup_kib = cgroup.memory_kib;
	vm->host.cgroup_swap_kib = cgroup.swap_kib;
	vm->host.stall_some_permille = cgroup.some_permille;
	vm->host.stall_full_permille = cgroup.full_permille;
}

static void open_delays(struct signals *signals)
{
	int ret;

	signals->unavailable = NULL;
	signals->accounted = delays_accounted(signals->root);
	if (*signals->root)
		return;
	ret = signals->delays ? 0 : delays_open(&signals->delays);
	if (ret == -ENOENT)
		signals->unavailable = "this kernel has no taskstats (CONFIG_TASKSTATS)";
	else if (ret)
		signals->unavailable = "the kernel's taskstats cannot be reached";
	else if (!signals->accounted)
		signals->unavailable =
			"the kernel does not account for them; sysctl kernel.task_delayacct=1 turns "
			"that on";
}

/* On the worker's thread. */
static int run_round(struct job *job, virConnectPtr unused)
{
	struct signals *signals = (struct signals *)job;
	int ret;

	(void)unused;
	ret = track(signals);
	if (ret)
		return job_fail(job, ret, "out of memory");
	open_delays(signals);
	if (drop_ended(signals))
		scan(signals, clock_monotonic_ms());
	for (size_t i = 0; i < signals->n_vms; i++)
		gather_vm(signals, &signals->vms[i]);
	host_detail_read(signals->root, &signals->detail);
	signals->detail.storage =
		storage_look(signals->storage, signals->root, clock_monotonic_ms());
	return 0;
}

static void done_round(struct job *job)
{
	struct signals *signals = (struct signals *)job;
	const struct signals_round round = {
		.vms = signals->vms,
		.n_vms = signals->n_vms,
		.detail = &signals->detail,
		.unavailable = signals->unavailable,
	};

	signals->under_way = false;
	if (!job->error)
		signals->done(signals->userdata, &round);
}

int signals_new(const char *root, void (*done)(void *userdata, const struct signals_round *round),
		void *userdata, struct signals **ret_signals)
{
	struct signals *signals = calloc(1, sizeof(*signals));

	if (!signals)
		return -ENOMEM;
	signals->root = strdup(root ? root : "");
	signals->storage = storage_new();
	if (!signals->root || !signals->storage) {
		signals_free(signals);
		return -ENOMEM;
	}
	signals->job.run = run_round;
	signals->job.done = done_round;
	signals->job.without_connection = true;
	signals->done = done;
	signals->userdata = userdata;
	*ret_signals = signals;
	return 0;
}

int signals_gather(struct signals *signals, struct workers *workers, const char *const *uuids,
		   size_t n_uuids)
{
	struct signals_vm *vms;

	if (signals->under_way)
		return -EBUSY;
	vms = reallocarray(signals->vms, n_uuids + 1, sizeof(*vms));
	if (!vms)
		return -ENOMEM;
	signals->vms = vms;
	signals->n_vms = n_uuids;
	for (size_t i = 0; i < n_uuids; i++)
		memcpy(vms[i].uuid, uuids[i], sizeof(vms[i].uuid));
	signals->under_way = true;
	signals->since_ms = clock_monotonic_ms();
	workers_submit(workers, &signals->job);
	return 0;
}

struct opt_u64 signals_since_ms(const struct signals *signals)
{
	return signals->under_way ? opt_some(signals->since_ms) : opt_none();
}

void signals_free(struct signals *signals)
{
	if (!signals)
		return;
	delays_close(signals->delays);
	storage_free(signals->storage);
	free(signals->tracked);
	free(signals->vms);
	free(signals->root);
	free(signals);
}
