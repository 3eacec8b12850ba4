/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Statistics of running domains, as libvirt gives them. What it does not say is
 * unknown: after a failure inside libvirt numbers vanish from the answer without an error.
 */
#ifndef AEROSTAT_SOURCE_STATS_H
#define AEROSTAT_SOURCE_STATS_H

#include <stddef.h>

#include "policy/snapshot.h"
#include "source/worker.h"

/* One domain at the time of asking. */
struct domain_stats {
	char uuid[VM_UUID_LEN];
	char *name;
	int id; /* libvirt's number of this run: another one means another run */
	enum vm_run_state run_state;

	struct opt_u64 max_kib;
	struct opt_u64 actual_kib;
	struct opt_u64 rss_kib;
	struct opt_u64 last_update_s; /* host wall time; unknown: the guest never reported */
	struct opt_u64 total_kib;
	struct opt_u64 usable_kib;
	struct opt_u64 unused_kib;
	struct opt_u64 cache_kib;
	struct opt_u64 swap_in_kib;
	struct opt_u64 swap_out_kib;
	struct opt_u64 major_faults;
};

struct stats_batch {
	struct domain_stats *domains;
	size_t n_domains;
};

/*
 * Which domains run, and in what state: name, number and run state, nothing else. No monitor is
 * asked, so a QEMU that hangs does not hold it up; but libvirt looks at each domain in turn, and
 * waits for one that is being started while its hook script runs. On a worker's thread, inside `job`, which takes
 * the error. Returns 0 or a negative errno; on success *ret_batch is to be passed to
 * stats_batch_clear().
 */
int stats_collect_roster(struct job *job, virConnectPtr conn, struct stats_batch *ret_batch);

/*
 * The numbers of some domains, whose UUIDs are sorted; those that are gone are left out of the
 * answer. Bulk calls, which skip domains that are busy, and a call a domain only for drivers whose
 * bulk answer has no balloon at all. `one_by_one`: touch no other domain on the way, at the price of
 * a call each. Otherwise as stats_collect_roster().
 */
int stats_collect_numbers(struct job *job, virConnectPtr conn, const char (*uuids)[VM_UUID_LEN],
			  size_t n_uuids, bool one_by_one, struct stats_batch *ret_batch);

/* Some other call was at the domain, so libvirt skipped its monitor: nothing is known of it now. */
bool stats_skipped(const struct domain_stats *stats);

void stats_batch_clear(struct stats_batch *batch);

/* Fill `stats` from the answer's parameters; those that are not there stay unknown. Pure. */
void stats_from_params(const virTypedParameter *params, int n_params, struct domain_stats *stats);

/*
 * Milliseconds since the statistics were updated. Unknown: never. Statistics from the future say
 * that the host's clock was set back, so their age cannot be told: the greatest age is returned,
 * which no limit calls fresh. libvirt counts in whole seconds; that much future is none. Pure.
 */
struct opt_u64 stats_age_ms(struct opt_u64 last_update_s, uint64_t now_wall_ms);

#endif
