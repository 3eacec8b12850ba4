// SPDX-License-Identifier: GPL-2.0
/*
 * One table says which libvirt name goes to which field, for the bulk call and for the call a
 * domain. NOWAIT keeps a domain that somebody else's call hangs at from holding up all others.
 */
#include "source/stats.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#define AGE_TOLERANCE_MS 2000

struct stats_field {
	const char *bulk_name;
	int tag; /* virDomainMemoryStatTags; -1: only in bulk */
	size_t offset;
};

#define FIELD(name) offsetof(struct domain_stats, name)

static const struct stats_field fields[] = {
	{ "balloon.maximum", -1, FIELD(max_kib) },
	{ "balloon.current", VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON, FIELD(actual_kib) },
	{ "balloon.rss", VIR_DOMAIN_MEMORY_STAT_RSS, FIELD(rss_kib) },
	{ "balloon.last-update", VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE, FIELD(last_update_s) },
	{ "balloon.available", VIR_DOMAIN_MEMORY_STAT_AVAILABLE, FIELD(total_kib) },
	{ "balloon.usable", VIR_DOMAIN_MEMORY_STAT_USABLE, FIELD(usable_kib) },
	{ "balloon.unused", VIR_DOMAIN_MEMORY_STAT_UNUSED, FIELD(unused_kib) },
	{ "balloon.disk_caches", VIR_DOMAIN_MEMORY_STAT_DISK_CACHES, FIELD(cache_kib) },
	{ "balloon.swap_in", VIR_DOMAIN_MEMORY_STAT_SWAP_IN, FIELD(swap_in_kib) },
	{ "balloon.swap_out", VIR_DOMAIN_MEMORY_STAT_SWAP_OUT, FIELD(swap_out_kib) },
	{ "balloon.major_fault", VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT, FIELD(major_faults) },
};

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static struct opt_u64 *field_of(struct domain_stats *stats, const struct stats_field *field)
{
	return (struct opt_u64 *)((char *)stats + field->offset);
}

/* A non-negative integer of whichever width; the other types do not occur for our fields. */
static struct opt_u64 param_value(const virTypedParameter *param)
{
	switch (param->type) {
	case VIR_TYPED_PARAM_INT:
		return param->value.i < 0 ? opt_none() : opt_some((uint64_t)param->value.i);
	case VIR_TYPED_PARAM_UINT:
		return opt_some(param->value.ui);
	case VIR_TYPED_PARAM_LLONG:
		return param->value.l < 0 ? opt_none() : opt_some((uint64_t)param->value.l);
	case VIR_TYPED_PARAM_ULLONG:
		return opt_some(param->value.ul);
	default:
		return opt_none();
	}
}

/* A domain that is neither running nor in migration is left alone, whatever else it is. */
static enum vm_run_state run_state_of(int state, int reason)
{
	switch (state) {
	case VIR_DOMAIN_RUNNING:
		if (reason == VIR_DOMAIN_RUNNING_POSTCOPY ||
		    reason == VIR_DOMAIN_RUNNING_POSTCOPY_FAILED)
			return VM_MIGRATING;
		return VM_RUNNING;
	case VIR_DOMAIN_BLOCKED:
		return VM_RUNNING;
	case VIR_DOMAIN_PAUSED:
		switch (reason) {
		case VIR_DOMAIN_PAUSED_MIGRATION:
		case VIR_DOMAIN_PAUSED_SAVE:
		case VIR_DOMAIN_PAUSED_DUMP:
		case VIR_DOMAIN_PAUSED_SNAPSHOT:
		case VIR_DOMAIN_PAUSED_POSTCOPY:
		case VIR_DOMAIN_PAUSED_POSTCOPY_FAILED:
			return VM_MIGRATING;
		default:
			return VM_PAUSED;
		}
	default:
		return VM_PAUSED;
	}
}

void stats_from_params(const virTypedParameter *params, int n_params, struct domain_stats *stats)
{
	int state = VIR_DOMAIN_NOSTATE, reason = 0;

	for (int i = 0; i < n_params; i++) {
		const virTypedParameter *param = &params[i];

		if (!strcmp(param->field, "state.state") && param->type == VIR_TYPED_PARAM_INT)
			state = param->value.i;
		if (!strcmp(param->field, "state.reason") && param->type == VIR_TYPED_PARAM_INT)
			reason = param->value.i;
		for (size_t f = 0; f < N_FIELDS; f++)
			if (!strcmp(param->field, fields[f].bulk_name))
				*field_of(stats, &fields[f]) = param_value(param);
	}
	/* libvirt says 0 for "never". */
	if (!opt_or(stats->last_update_s, 0))
		stats->last_update_s = opt_none();
	stats->run_state = run_state_of(state, reason);
}

/*
 * For drivers that leave the balloon out of their bulk answer (libvirt's test driver). Not for a
 * QEMU that hangs: QEMU's bulk answer always has balloon.current.
 */
static void collect_one(virDomainPtr domain, struct domain_stats *stats)
{
	virDomainMemoryStatStruct values[VIR_DOMAIN_MEMORY_STAT_NR];
	virDomainInfo info;
	int n;

	if (!virDomainGetInfo(domain, &info)) {
		stats->max_kib = opt_some(info.maxMem);
		stats->actual_kib = opt_some(info.memory);
	}
	n = virDomainMemoryStats(domain, values, VIR_DOMAIN_MEMORY_STAT_NR, 0);
	for (int i = 0; i < n; i++)
		for (size_t f = 0; f < N_FIELDS; f++)
			if (values[i].tag == fields[f].tag)
				*field_of(stats, &fields[f]) = opt_some(values[i].val);
	if (!opt_or(stats->last_update_s, 0))
		stats->last_update_s = opt_none();
	virResetLastError();
}

static int fill_domain(const virDomainStatsRecord *record, struct domain_stats *stats)
{
	unsigned int id = virDomainGetID(record->dom);

	if (virDomainGetUUIDString(record->dom, stats->uuid))
		return -EINVAL;
	stats->name = strdup(virDomainGetName(record->dom));
	if (!stats->name)
		return -ENOMEM;
	stats->id = (int)id;
	stats_from_params(record->params, record->nparams, stats);
	if (!stats->actual_kib.known)
		collect_one(record->dom, stats);
	return 0;
}

int stats_collect(struct job *job, virConnectPtr conn, struct stats_batch *ret_batch)
{
	const unsigned int groups = VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_BALLOON;
	const unsigned int flags = VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE |
				   VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT;
	struct stats_batch batch = { 0 };
	virDomainStatsRecordPtr *records;
	int n, ret = 0;

	n = virConnectGetAllDomainStats(conn, groups, &records, flags);
	if (n < 0)
		return job_fail_libvirt(job, "cannot read statistics");
	/* One more, so that no domains is not no memory. */
	batch.domains = calloc((size_t)n + 1, sizeof(*batch.domains));
	if (!batch.domains)
		ret = job_fail(job, -ENOMEM, "out of memory");
	for (int i = 0; i < n && !ret; i++) {
		batch.n_domains = (size_t)i + 1;
		ret = fill_domain(records[i], &batch.domains[i]);
		if (ret)
			job_fail(job, ret, "out of memory");
	}
	virDomainStatsRecordListFree(records);
	if (ret)
		stats_batch_clear(&batch);
	else
		*ret_batch = batch;
	return ret;
}

void stats_batch_clear(struct stats_batch *batch)
{
	for (size_t i = 0; i < batch->n_domains; i++)
		free(batch->domains[i].name);
	free(batch->domains);
	*batch = (struct stats_batch){ 0 };
}

struct opt_u64 stats_age_ms(struct opt_u64 last_update_s, uint64_t now_wall_ms)
{
	uint64_t last_s, last_ms;

	if (!opt_get(last_update_s, &last_s))
		return opt_none();
	if (last_s > UINT64_MAX / 1000 - AGE_TOLERANCE_MS)
		return opt_some(UINT64_MAX);
	last_ms = last_s * 1000;
	if (last_ms > now_wall_ms + AGE_TOLERANCE_MS)
		return opt_some(UINT64_MAX);
	return opt_some(now_wall_ms > last_ms ? now_wall_ms - last_ms : 0);
}
