/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What VMs use over time, as read from a trace or made up from a scenario.
 *
 * A trace is CSV, one row a VM: `id,provisioned_mib,u0,u1,...`, the used MiB every 300 s, empty
 * where the VM was not running. Empty lines and lines that begin with '#' are skipped.
 */
#ifndef AEROSTAT_SIM_TRACE_H
#define AEROSTAT_SIM_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TRACE_ID_LEN	   64
#define TRACE_VMS_MAX	   100000
#define TRACE_SAMPLES_MAX  ((size_t)64 << 20) /* of all VMs together */
#define TRACE_SIZE_MAX_MIB ((double)(64 << 20)) /* 64 TiB */
#define SIM_ERROR_LEN	   320

/* One sentence for people: where, what is wrong. Without a newline. */
struct sim_error {
	char text[SIM_ERROR_LEN];
};

struct trace_vm {
	char id[TRACE_ID_LEN];
	double provisioned_mib;
	uint32_t step_s; /* between samples */
	size_t n_samples;
	float *used_mib; /* not a number where the VM is not running */
};

struct trace {
	struct trace_vm *vms;
	size_t n_vms;
};

/*
 * Read a whole trace. `name` is for messages. Returns 0; -EINVAL: it is wrong, *ret_error names
 * line and column (the how-manieth value); -ENOMEM; or the errno of reading. On success
 * *ret_trace is to be freed with trace_free().
 */
int trace_read(FILE *from, const char *name, struct trace **ret_trace, struct sim_error *ret_error);

void trace_free(struct trace *trace); /* takes NULL */

/* The seconds that all of its VMs' samples cover. */
int64_t trace_duration_s(const struct trace *trace);

#endif
