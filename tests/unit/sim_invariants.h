/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What must hold at every tick of this project's policy, whatever the world does. The checks look
 * at the world itself, and at what was decided; not at how.
 */
#ifndef AEROSTAT_TESTS_SIM_INVARIANTS_H
#define AEROSTAT_TESTS_SIM_INVARIANTS_H

#include "sim_world.h"

enum invariant {
	INVARIANT_NONE,
	INVARIANT_BOUNDS, /* reservation <= target <= limit <= maximum */
	INVARIANT_FREE_FIRST, /* what is granted was free first */
	INVARIANT_STALE, /* stale or missing statistics: never shrunk */
	INVARIANT_LIAR, /* a liar gets no more than its part while another VM is short */
	INVARIANT_TURNS, /* one direction change a hold window, outside emergencies */
	INVARIANT_FIXED_POINT, /* constant input comes to rest */
	INVARIANT_RELIEF, /* who is below its floor is relieved at once, in one step */
	INVARIANT_TWINS, /* equal VMs get equal targets */
	INVARIANT_SHORT, /* nobody is short while the host is above its reserve */
	INVARIANT_SHARES, /* more shares never mean less memory */
	INVARIANTS,
};

/* What is kept of a VM between ticks. */
struct watched_vm {
	int direction; /* of its last move: -1, 0, 1 */
	int64_t turned_s; /* its last turn outside an emergency; -1: none */
	int64_t short_since_s; /* in want, although there was memory; -1: not */
	int64_t swaps_since_s; /* truly short; -1: not */
};

struct watcher {
	const struct sim_world *world;
	struct watched_vm vms[SIM_WORLD_VMS];
	uint64_t ticks;
	enum invariant broken; /* the first that was */
	char what[300]; /* where, and with what numbers */
};

void watcher_init(struct watcher *watcher, const struct sim_world *world);

/* An observer for run_host(): returns 1, and ends the run, at the first broken invariant. */
int watcher_observe(void *userdata, const struct run_view *view);

const char *invariant_to_string(enum invariant invariant);

#endif
