/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Learn about one domain what its statistics do not say: what its description says about
 * ballooning, its settings in the metadata, and whether a job (migration, save, ...) is at it. On
 * the way statistics are turned on where they are off, or so seldom that they are always stale,
 * because nothing can be decided without.
 */
#ifndef AEROSTAT_SOURCE_DESCRIBE_H
#define AEROSTAT_SOURCE_DESCRIBE_H

#include "conf/tune.h"
#include "policy/snapshot.h"
#include "source/domain_xml.h"
#include "source/worker.h"

struct describe_result {
	char uuid[VM_UUID_LEN];
	struct domain_description description;
	bool has_job; /* a migration, save, dump or backup is under way */

	int tune_error; /* 0: `tune` holds the metadata's settings */
	struct vm_tune tune;
	struct conf_error tune_error_text;

	uint32_t
		period_was_s; /* where period_set: the period that was found; 0: statistics were off */
	bool period_set; /* the guest is asked for statistics more often now */
	int period_error; /* 0, or they could not be turned on: why is in ... */
	char period_error_text[JOB_ERROR_LEN];
};

struct describe_request {
	char uuid[VM_UUID_LEN];
	uint32_t stats_period_s; /* to be set where it is 0 or above the next; 0: change nothing */
	uint32_t stats_period_max_s;
	/* On the owner's thread. `error`, `why`: the domain could not be asked, result is NULL. */
	void (*done)(void *userdata, const char *uuid, const struct describe_result *result,
		     int error, const char *why);
	void *userdata;
};

/* With this period a guest's numbers are never there, or too old before the next ones come. */
bool stats_period_useless(uint32_t period_s, uint32_t period_max_s);

/* Returns 0 or -ENOMEM, and then done() is not called. `request` is copied. */
int describe_submit(struct workers *workers, const struct describe_request *request);

#endif
