/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scenarios: made-up VMs with what they do, and what must come of it. An INI file:
 *
 *   [scenario]
 *   about = one line for people
 *   duration = 2h
 *   host_ram = 128G
 *
 *   [conf SECTION]         settings as in [SECTION] of aerostatd.conf(5), such as [conf policy]
 *   reserve = 10%
 *
 *   [vm NAME]              a group of VMs that are alike, called NAME-1, NAME-2, ...
 *   count = 4
 *   memory = 16G           provisioned
 *   use = 2G               the working set; sizes may be percentages of the memory
 *   peak = 60%             and what it rises to, all of:
 *   peak_at = 10min        - when first,
 *   peak_for = 20min       - for how long, after
 *   peak_ramp = 5s         - rising (and before falling) for so long,
 *   peak_every = 1h        - and how often (default: once)
 *   peak_gap = 0           - each VM so much later than the one before
 *   leak = 1G              added each hour, until it starts anew
 *   bursts = yes           random bursts as over a trace
 *   start = 0              when it starts; the first second means it has been up for long,
 *   boots = yes            unless it boots in it
 *   start_gap = 10s        each VM so much later than the one before
 *   up_for = 10min         then it stops, and starts again after
 *   down_for = 1min
 *   inflate = 1M           of its balloon, each second; 0: stuck
 *   deflate = 0            likewise; 0: ignores relief
 *   lowest = 50%           its balloon stops there
 *   pause = 1min           its balloon moves and rests in turn for so long
 *   migrate_every = 1h     and
 *   migrate_for = 5min
 *   reporting, silent, pinned = yes
 *   lie = high             or low
 *   class, reservation, limit, shares, buffer, mode      as in a VM's metadata
 *
 *   [expect]               of the whole host, under the policy `aerostat`
 *   host_swap = 0          GiB·min, at most; as also
 *   guest_swap, harm (percent of VM-minutes), relative (mean), calls, turns (a VM-hour), breaches
 *
 *   [expect NAME]          of each VM of a group
 *   relative = 1.05        its mean slowdown against the same VM alone, at most
 *   at_least = 4G          its memory at the end; also at_most
 *   mean_at_least = 4G     its mean memory; also mean_at_most
 */
#ifndef AEROSTAT_SIM_SCENARIO_H
#define AEROSTAT_SIM_SCENARIO_H

#include "sim/run.h"

struct scenario;

struct scenario_expectation {
	const char *of; /* the group; NULL: the host */
	const char *what;
	bool at_most; /* false: at least */
	double bound;
	double found;
	bool met;
};

/*
 * Read a scenario. `conf` is changed by its [conf ...] sections, and borrowed until it is freed.
 * Returns 0; -EINVAL: it is wrong; -ENOMEM; or the errno of reading. *ret_error says why. On
 * success *ret_scenario is to be freed with scenario_free().
 */
int scenario_load(const char *path, struct conf *conf, struct scenario **ret_scenario,
		  struct sim_error *ret_error);

void scenario_free(struct scenario *scenario); /* takes NULL */

const char *scenario_about(const struct scenario *scenario);
double scenario_ram_mib(const struct scenario *scenario);
int64_t scenario_duration_s(const struct scenario *scenario);
size_t scenario_vms(const struct scenario *scenario, const struct guest_spec **ret_specs,
		    const struct vm_settings **ret_settings);

/* Run it; ret_vms, unless NULL, gets what became of each VM (scenario_vms() of them). Returns 0 or -ENOMEM. */
int scenario_run(const struct scenario *scenario, const struct sim_policy *policy, uint64_t seed,
		 struct metrics *ret_metrics, struct run_vm_result *ret_vms);

/*
 * Expectation number `index` against what a run found, of the worst VM where it is of a group.
 * False after the last.
 */
bool scenario_expect(const struct scenario *scenario, size_t index, const struct metrics *metrics,
		     const struct run_vm_result *vms, struct scenario_expectation *ret_expectation);

#endif
