/* SPDX-License-Identifier: GPL-2.0 */
/* Sets balloon targets: the only place in the daemon that changes a VM's memory. */
#ifndef AEROSTAT_ACTUATOR_BALLOON_H
#define AEROSTAT_ACTUATOR_BALLOON_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/snapshot.h"
#include "source/worker.h"

struct balloon_actuator {
	struct workers *workers;
	bool dry_run; /* nothing is sent */
	/*
	 * On the owner's thread. `error` 0: the device was asked, which is not yet a balloon that
	 * has moved; else `why` says why it was not.
	 */
	void (*done)(void *userdata, const char *uuid, uint64_t target_kib, int error,
		     const char *why);
	void *userdata;
};

struct balloon_request {
	char uuid[VM_UUID_LEN];
	int id; /* the run that was judged: a domain started again since is left alone */
	uint64_t target_kib;
	bool shrink; /* less than it has: refused while a job (migration, save) is at the domain */
};

/*
 * Ask for a target. Returns 1: on its way, done() will follow. 0: not sent, because of dry_run.
 * -ENOMEM: not sent. Requests are carried out in about the order of the calls.
 */
int balloon_set(const struct balloon_actuator *actuator, const struct balloon_request *request);

#endif
