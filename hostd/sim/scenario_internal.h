/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files of scenarios: what was read (scenario_read.c), and what is made of it. */
#ifndef AEROSTAT_SIM_SCENARIO_INTERNAL_H
#define AEROSTAT_SIM_SCENARIO_INTERNAL_H

#include "sim/scenario.h"

#define SCENARIO_NAME_LEN   40
#define SCENARIO_GROUPS_MAX 64
#define SCENARIO_EXPECT_MAX 8 /* of the host, or of a group */

/* Something that is expected; which: an index into the table of scenario.c. */
struct scenario_bound {
	size_t which;
	double value; /* as written; a percentage where `permille` */
	bool permille;
};

struct scenario_expects {
	struct scenario_bound bounds[SCENARIO_EXPECT_MAX];
	size_t n;
};

/* A [vm NAME] as it is written; all times in seconds, amounts of the memory resolved. */
struct scenario_group {
	char name[SCENARIO_NAME_LEN];
	uint64_t count;
	double memory_mib;
	struct amount use, peak, leak, inflate, deflate, lowest;
	double peak_at_s, peak_for_s, peak_ramp_s, peak_every_s, peak_gap_s;
	double start_s, start_gap_s, up_for_s, down_for_s, pause_s;
	double migrate_every_s, migrate_for_s;
	bool bursts, boots, reporting, silent, pinned;
	enum guest_lie lie;
	struct vm_tune tune;
	struct scenario_expects expects;
	size_t first; /* of its VMs */
};

struct scenario {
	char about[256];
	double ram_mib;
	double duration_s;
	struct conf *conf;
	struct scenario_group groups[SCENARIO_GROUPS_MAX];
	size_t n_groups;
	struct scenario_expects expects;

	struct trace trace;
	struct guest_spec *specs;
	struct vm_settings *settings;
};

/* Which things can be expected of a host, or of a group; -1: no such thing. */
int scenario_find_expectation(bool of_group, const char *key);

/* Fill in what the file says. Errors as of scenario_load(). */
int scenario_read(const char *path, struct scenario *scenario, struct sim_error *ret_error);

#endif
