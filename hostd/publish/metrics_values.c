// SPDX-License-Identifier: GPL-2.0
/*
 * Which families of metrics there are: two tables, one of the host's and one of the VMs', and for
 * each row a case that finds its value. A new metric is an enumerator, a row, a case, and a line in
 * aerostatd(8).
 */
#include "publish/metrics_internal.h"

#include "publish/telemetry.h"
#include "util/clock.h"

#define PAGE_KIB 4

const struct family host_families[HOST_METRICS_] = {
	[HOST_CONNECTED] = { "libvirt_connected", "gauge", UNIT_NONE,
			     "Whether libvirt can be reached." },
	[HOST_DRY_RUN] = { "dry_run", "gauge", UNIT_NONE,
			   "Whether decisions are made without being carried out." },
	[HOST_INTERVAL] = { "interval_seconds", "gauge", UNIT_MS,
			    "Time between two rounds of decisions, as configured." },
	[HOST_SAMPLE_AGE] = { "sample_age_seconds", "gauge", UNIT_MS,
			      "Time since statistics last came from libvirt." },
	[HOST_HUNG_CALLS] = { "hung_calls", "gauge", UNIT_NONE,
			      "Calls into libvirt that take longer than call_deadline." },
	[HOST_VMS] = { "vms", "gauge", UNIT_NONE, "Running virtual machines." },
	[HOST_MEMORY] = { "host_memory_bytes", "gauge", UNIT_KIB,
			  "The host's memory, without what is set aside for huge pages." },
	[HOST_AVAILABLE] = { "host_available_bytes", "gauge", UNIT_KIB,
			     "What of it is available (MemAvailable)." },
	[HOST_RESERVE] = { "host_reserve_bytes", "gauge", UNIT_KIB, "What is to stay available." },
	[HOST_MARGIN] = { "host_margin_bytes", "gauge", UNIT_KIB,
			  "What would be available if all VMs touched all they hold." },
	[HOST_BUDGET] = { "host_budget_bytes", "gauge", UNIT_KIB,
			  "Cap on the memory of all VMs together, where there is one." },
	[HOST_CAPACITY] = { "host_capacity_bytes", "gauge", UNIT_KIB,
			    "What all VMs together may have." },
	[HOST_CHARGED] = { "host_charged_bytes", "gauge", UNIT_KIB,
			   "What all VMs together hold or were promised." },
	[HOST_FREE] = { "host_free_bytes", "gauge", UNIT_KIB,
			"What of the capacity is left to be granted." },
	[HOST_LIMITS] = { "host_limits_bytes", "gauge", UNIT_KIB,
			  "What the VMs would hold if each had its limit." },
	[HOST_SHORTAGE] = { "host_shortage_bytes", "gauge", UNIT_KIB,
			    "What the VMs in need of memory lack." },
	[HOST_PSI_SOME] = { "host_pressure_some_ratio", "gauge", UNIT_PERMILLE,
			    "Share of the last 10 s in which some task waited for memory." },
	[HOST_PSI_FULL] = { "host_pressure_full_ratio", "gauge", UNIT_PERMILLE,
			    "Share of the last 10 s in which all tasks waited for memory." },
	[HOST_SWAPPED_IN] = { "host_swapped_in_bytes_total", "counter", UNIT_KIB,
			      "What the host has swapped in since it booted." },
	[HOST_SWAPPED_OUT] = { "host_swapped_out_bytes_total", "counter", UNIT_KIB,
			       "What the host has swapped out since it booted." },
	[HOST_KSM_SAVED] = { "host_ksm_saved_bytes", "gauge", UNIT_KIB,
			     "What page sharing (KSM) saves." },
	[HOST_ZSWAP_STORED] = { "host_zswap_stored_bytes", "gauge", UNIT_KIB,
				"What the host keeps compressed in memory, at its own size." },
	[HOST_ZSWAP_POOL] = { "host_zswap_pool_bytes", "gauge", UNIT_KIB,
			      "The memory that takes." },
	[HOST_STORAGE_LATENCY] = { "host_storage_latency_seconds", "gauge", UNIT_US,
				   "What an I/O takes on the slowest disk; 0 without any I/O." },
	[HOST_PAUSED] = { "paused", "gauge", UNIT_NONE, "Whether an operator has paused all VMs." },
	[HOST_TICKS] = { "ticks_total", "counter", UNIT_NONE,
			 "Rounds of decisions since the daemon started." },
	[HOST_TICKS_LATE] = { "ticks_late_total", "counter", UNIT_NONE,
			      "Rounds that came more than an interval late." },
	[HOST_SAMPLING] = { "sampling_seconds", "gauge", UNIT_US,
			    "What the last round of statistics took libvirt." },
	[HOST_TARGETS_RAISED] = { "targets_raised_total", "counter", UNIT_NONE,
				  "Targets sent that give memory to a VM." },
	[HOST_TARGETS_LOWERED] = { "targets_lowered_total", "counter", UNIT_NONE,
				   "Targets sent that take memory from a VM." },
	[HOST_TARGETS_FAILED] = { "targets_failed_total", "counter", UNIT_NONE,
				  "Targets that could not be set." },
	[HOST_SAMPLES_FAILED] = { "samples_failed_total", "counter", UNIT_NONE,
				  "Rounds of statistics that libvirt refused." },
	[HOST_SAMPLES_LATE] = { "samples_late_total", "counter", UNIT_NONE,
				"Rounds of statistics that did not come in time." },
};

const struct family vm_families[VM_METRICS_] = {
	[VM_RUNNING_FLAG] = { "vm_running", "gauge", UNIT_NONE,
			      "1 while it runs; 0 while paused, migrating or being saved." },
	[VM_PRESSED] = { "vm_pressed", "gauge", UNIT_NONE,
			 "Whether its statistics show its guest to lack memory." },
	[VM_STUCK] = { "vm_stuck", "gauge", UNIT_NONE,
		       "Whether its balloon does not follow its targets." },
	[VM_STALE] = { "vm_stale", "gauge", UNIT_NONE,
		       "Whether its statistics are missing or too old to act on." },
	[VM_MIGRATION_ADVICE] = { "vm_migration_advice", "gauge", UNIT_NONE,
				  "1 for the VM that had best leave a host that is short." },
	[VM_MAXIMUM] = { "vm_maximum_bytes", "gauge", UNIT_KIB, "Its memory without a balloon." },
	[VM_ACTUAL] = { "vm_actual_bytes", "gauge", UNIT_KIB, "Its memory now." },
	[VM_TARGET] = { "vm_target_bytes", "gauge", UNIT_KIB,
			"What its balloon was last asked to leave it." },
	[VM_BALLOONED] = { "vm_ballooned_ratio", "gauge", UNIT_PERMILLE,
			   "Share of its maximum that its balloon holds." },
	[VM_RESIDENT] = { "vm_resident_bytes", "gauge", UNIT_KIB,
			  "Resident memory of its process on the host." },
	[VM_DEMAND] = { "vm_demand_bytes", "gauge", UNIT_KIB, "What it is taken to need." },
	[VM_USUAL] = { "vm_usual_bytes", "gauge", UNIT_KIB,
		       "95th percentile of its demand over demand_window." },
	[VM_USED] = { "vm_used_bytes", "gauge", UNIT_KIB,
		      "What it could not give away without loss." },
	[VM_ENTITLEMENT] = { "vm_entitlement_bytes", "gauge", UNIT_KIB,
			     "What it may have now, by settings, need and shares." },
	[VM_RESERVATION] = { "vm_reservation_bytes", "gauge", UNIT_KIB,
			     "Below this nothing is taken." },
	[VM_LIMIT] = { "vm_limit_bytes", "gauge", UNIT_KIB, "Above this nothing is given." },
	[VM_SHARES] = { "vm_shares", "gauge", UNIT_NONE,
			"Weight of its maximum when memory is short." },
	[VM_GUEST_MEMORY] = { "vm_guest_memory_bytes", "gauge", UNIT_KIB,
			      "MemTotal as its guest reports it." },
	[VM_GUEST_USABLE] = { "vm_guest_usable_bytes", "gauge", UNIT_KIB,
			      "MemAvailable as its guest reports it." },
	[VM_GUEST_UNUSED] = { "vm_guest_unused_bytes", "gauge", UNIT_KIB,
			      "MemFree as its guest reports it." },
	[VM_GUEST_CACHE] = { "vm_guest_cache_bytes", "gauge", UNIT_KIB,
			     "Caches as its guest reports them." },
	[VM_SWAPPED_IN] = { "vm_swapped_in_bytes_total", "counter", UNIT_KIB,
			    "What its guest has swapped in since it booted." },
	[VM_SWAPPED_OUT] = { "vm_swapped_out_bytes_total", "counter", UNIT_KIB,
			     "What its guest has swapped out since it booted." },
	[VM_SWAP_ESTIMATE] = { "vm_swap_estimate_bytes", "gauge", UNIT_KIB,
			       "Swapped out less swapped in: at most this is in its swap." },
	[VM_MAJOR_FAULTS] = { "vm_major_faults_total", "counter", UNIT_NONE,
			      "Major faults of its guest since it booted." },
	[VM_STATS_AGE] = { "vm_stats_age_seconds", "gauge", UNIT_MS,
			   "Age of its guest's statistics." },
	[VM_HOST_SWAP] = { "vm_host_swap_bytes", "gauge", UNIT_KIB,
			   "Of its process, in the host's swap." },
	[VM_CGROUP] = { "vm_cgroup_bytes", "gauge", UNIT_KIB,
			"Of its control group, with page cache on the host." },
	[VM_CPU_WAIT] = { "vm_cpu_wait_ratio", "gauge", UNIT_PERMILLE,
			  "Time its process waits for a CPU (CPU ready)." },
	[VM_IO_WAIT] = { "vm_io_wait_ratio", "gauge", UNIT_PERMILLE,
			 "Time its process waits for disks." },
	[VM_SWAP_WAIT] = { "vm_swap_wait_ratio", "gauge", UNIT_PERMILLE,
			   "Time its process waits for memory that the host had swapped out." },
	[VM_THRASH_WAIT] = { "vm_thrash_wait_ratio", "gauge", UNIT_PERMILLE,
			     "Time its process waits for memory that the host had just taken." },
	[VM_RECLAIM_WAIT] = { "vm_reclaim_wait_ratio", "gauge", UNIT_PERMILLE,
			      "Time its process waits for the host to free memory." },
	[VM_STALL_SOME] = { "vm_stall_some_ratio", "gauge", UNIT_PERMILLE,
			    "Share of the last 10 s in which a task of its waited for memory." },
	[VM_STALL_FULL] = { "vm_stall_full_ratio", "gauge", UNIT_PERMILLE,
			    "Share of the last 10 s in which all its tasks waited for memory." },
	[VM_HARM] = { "vm_harm_ratio", "gauge", UNIT_PERMILLE,
		      "Time it loses because the host lacks memory." },
};

static struct opt_u64 since_ms(uint64_t then_ms)
{
	return then_ms ? opt_some(clock_monotonic_ms() - then_ms) : opt_none();
}

/* A number of the last round of decisions, which only counts once there was one. */
static struct opt_u64 if_true(bool counts, uint64_t value)
{
	return counts ? opt_some(value) : opt_none();
}

uint64_t saturating_mul(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static struct opt_u64 pages_kib(struct opt_u64 pages)
{
	return if_true(pages.known, saturating_mul(opt_or(pages, 0), PAGE_KIB));
}

struct opt_u64 host_value(const struct status *status, enum host_metric metric)
{
	const struct host_decision *decision = &status->decision;
	const struct telemetry *telemetry = status->telemetry;
	const struct host_detail *detail = status->host_detail;
	bool judged = status->ticks != 0;

	switch (metric) {
	case HOST_CONNECTED:
		return opt_some(status->connected);
	case HOST_DRY_RUN:
		return opt_some(status->dry_run);
	case HOST_INTERVAL:
		return opt_some(status->conf->daemon.interval_ms);
	case HOST_SAMPLE_AGE:
		return since_ms(status->sampled_ms);
	case HOST_HUNG_CALLS:
		return opt_some(status->lost_workers);
	case HOST_VMS:
		return opt_some(status->fleet->n_vms);
	case HOST_MEMORY:
		return status->host.total_kib;
	case HOST_AVAILABLE:
		return status->host.available_kib;
	case HOST_RESERVE:
		return status_reserve_kib(status);
	case HOST_MARGIN:
		return decision->margin_kib;
	case HOST_BUDGET:
		return status->conf->policy.budget_kib;
	case HOST_CAPACITY:
		return decision->capacity_kib;
	case HOST_CHARGED:
		return if_true(judged, decision->charged_kib);
	case HOST_FREE:
		return decision->free_kib;
	case HOST_LIMITS:
		return if_true(judged, decision->limits_kib);
	case HOST_SHORTAGE:
		return if_true(judged, decision->shortage_kib);
	case HOST_PSI_SOME:
		return status->host.psi_some_permille;
	case HOST_PSI_FULL:
		return status->host.psi_full_permille;
	case HOST_SWAPPED_IN:
		return pages_kib(status->host.swap_in_pages);
	case HOST_SWAPPED_OUT:
		return pages_kib(status->host.swap_out_pages);
	case HOST_KSM_SAVED:
		return detail ? detail->ksm_saved_kib : opt_none();
	case HOST_ZSWAP_STORED:
		return detail ? detail->zswap_stored_kib : opt_none();
	case HOST_ZSWAP_POOL:
		return detail ? detail->zswap_pool_kib : opt_none();
	case HOST_STORAGE_LATENCY:
		return status_storage(status).latency_us;
	case HOST_PAUSED:
		return opt_some(status->paused);
	case HOST_TICKS:
		return opt_some(status->ticks);
	case HOST_TICKS_LATE:
		return opt_some(status->late_ticks);
	case HOST_SAMPLING:
		return status->sampling_us;
	case HOST_TARGETS_RAISED:
		return opt_some(telemetry->targets_raised);
	case HOST_TARGETS_LOWERED:
		return opt_some(telemetry->targets_lowered);
	case HOST_TARGETS_FAILED:
		return opt_some(telemetry->targets_failed);
	case HOST_SAMPLES_FAILED:
		return opt_some(telemetry->samples_failed);
	case HOST_SAMPLES_LATE:
		return opt_some(telemetry->samples_late);
	case HOST_METRICS_:
		break;
	}
	return opt_none();
}

struct opt_u64 vm_value(const struct scene *scene, const struct vm *vm, enum vm_metric metric)
{
	const struct vm_sample *sample = &vm->sample;
	const struct vm_decision *decision = &vm->decision;
	bool judged = vm->decided_ms != 0;
	bool needs = judged && decision->demand_kib.known;

	switch (metric) {
	case VM_RUNNING_FLAG:
		return opt_some(sample->run_state == VM_RUNNING);
	case VM_PRESSED:
		return if_true(needs, decision->need.pressed);
	case VM_STUCK:
		return if_true(judged, vm->state.movement.stuck);
	case VM_STALE:
		return if_true(judged, decision->reason == REASON_STALE_STATS ||
					       decision->reason == REASON_NO_STATS);
	case VM_MIGRATION_ADVICE:
		return if_true(scene->status->ticks != 0, vm == scene->advice);
	case VM_MAXIMUM:
		return opt_some(sample->max_kib);
	case VM_ACTUAL:
		return sample->actual_kib;
	case VM_TARGET:
		return vm->asked_kib;
	case VM_BALLOONED:
		return vm_ballooned_permille(vm);
	case VM_RESIDENT:
		return sample->rss_kib;
	case VM_DEMAND:
		return judged ? decision->demand_kib : opt_none();
	case VM_USUAL:
		return judged ? decision->usual_kib : opt_none();
	case VM_USED:
		return if_true(needs, decision->need.use_kib);
	case VM_ENTITLEMENT:
		return if_true(judged, decision->entitlement_kib);
	case VM_RESERVATION:
		return if_true(judged, decision->reservation_kib);
	case VM_LIMIT:
		return if_true(judged, decision->limit_kib);
	case VM_SHARES:
		return if_true(vm->described, vm->settings.shares);
	case VM_GUEST_MEMORY:
		return sample->total_kib;
	case VM_GUEST_USABLE:
		return sample->usable_kib;
	case VM_GUEST_UNUSED:
		return sample->unused_kib;
	case VM_GUEST_CACHE:
		return sample->cache_kib;
	case VM_SWAPPED_IN:
		return sample->swap_in_kib;
	case VM_SWAPPED_OUT:
		return sample->swap_out_kib;
	case VM_SWAP_ESTIMATE:
		return vm_swap_estimate_kib(vm);
	case VM_MAJOR_FAULTS:
		return sample->major_faults;
	case VM_STATS_AGE:
		return sample->stats_age_ms;
	case VM_HOST_SWAP:
		return sample->host.swapped_kib;
	case VM_CGROUP:
		return sample->host.cgroup_kib;
	case VM_CPU_WAIT:
		return sample->host.cpu_wait_permille;
	case VM_IO_WAIT:
		return sample->host.io_wait_permille;
	case VM_SWAP_WAIT:
		return sample->host.swap_wait_permille;
	case VM_THRASH_WAIT:
		return sample->host.thrash_wait_permille;
	case VM_RECLAIM_WAIT:
		return sample->host.reclaim_wait_permille;
	case VM_STALL_SOME:
		return sample->host.stall_some_permille;
	case VM_STALL_FULL:
		return sample->host.stall_full_permille;
	case VM_HARM:
		return judged ? decision->harm_permille : opt_none();
	case VM_METRICS_:
		break;
	}
	return opt_none();
}
