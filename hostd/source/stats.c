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

/* So many domains a bulk call: what libvirt allocates for the answer, 2 KB each, stays small. */
#define CHUNK_DOMAINS 64

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

static int fill_domain(const virDomainStatsRecord *record, bool numbers, struct domain_stats *stats)
{
	unsigned int id = virDomainGetID(record->dom);

	if (virDomainGetUUIDString(record->dom, stats->uuid))
		return -EINVAL;
	stats->name = strdup(virDomainGetName(record->dom));
	if (!stats->name)
		return -ENOMEM;
	stats->id = (int)id;
	stats_from_params(record->params, record->nparams, stats);
	if (numbers && !stats->actual_kib.known)
		collect_one(record->dom, stats);
	return 0;
}

/* Add libvirt's answer to the batch, which has room for it. */
static int fill_batch(struct job *job, virDomainStatsRecordPtr *records, int n, bool numbers,
		      struct stats_batch *batch)
{
	int ret = 0;

	for (int i = 0; i < n && !ret; i++) {
		ret = fill_domain(records[i], numbers, &batch->domains[batch->n_domains]);
		batch->n_domains++; /* also the one that failed: it is to be cleared */
	}
	virDomainStatsRecordListFree(records);
	return ret ? job_fail(job, ret, "out of memory") : 0;
}

static int batch_alloc(struct job *job, size_t n, struct stats_batch *batch)
{
	/* One more, so that no domains is not no memory. */
	batch->domains = calloc(n + 1, sizeof(*batch->domains));
	return batch->domains ? 0 : job_fail(job, -ENOMEM, "out of memory");
}

int stats_collect_roster(struct job *job, virConnectPtr conn, struct stats_batch *ret_batch)
{
	struct stats_batch batch = { 0 };
	virDomainStatsRecordPtr *records;
	int n, ret;

	n = virConnectGetAllDomainStats(conn, VIR_DOMAIN_STATS_STATE, &records,
					VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE);
	if (n < 0)
		return job_fail_libvirt(job, "cannot list the running domains");
	ret = batch_alloc(job, (size_t)n, &batch);
	if (ret)
		virDomainStatsRecordListFree(records);
	else
		ret = fill_batch(job, records, n, false, &batch);
	if (ret)
		stats_batch_clear(&batch);
	else
		*ret_batch = batch;
	return ret;
}

/* `domains` ends with a NULL, as libvirt wants it, and is put back as it was. */
static int collect_chunk(struct job *job, virDomainPtr *domains, size_t n,
			 struct stats_batch *batch)
{
	const unsigned int groups = VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_BALLOON;
	virDomainPtr after = domains[n];
	virDomainStatsRecordPtr *records;
	int n_records;

	domains[n] = NULL;
	n_records = virDomainListGetStats(domains, groups, &records,
					  VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
	domains[n] = after;
	if (n_records < 0)
		return job_fail_libvirt(job, "cannot read statistics");
	return fill_batch(job, records, n_records, true, batch);
}

/* Those kept, or one question for all, which is the cheapest. */
static int find_kept(struct job *job, virConnectPtr conn, const char (*uuids)[VM_UUID_LEN],
		     size_t n_uuids, virDomainPtr *domains)
{
	int n = handles_find(job->handles, conn, uuids, n_uuids, domains);

	if (n == -EIO)
		return job_fail_libvirt(job, "cannot list the running domains");
	return n < 0 ? job_fail(job, n, "out of memory") : n;
}

/* One question each, for none but those wanted; who is gone is left out. To be freed. */
static int find_each(virConnectPtr conn, const char (*uuids)[VM_UUID_LEN], size_t n_uuids,
		     virDomainPtr *domains)
{
	int n = 0;

	for (size_t i = 0; i < n_uuids; i++) {
		virDomainPtr domain = virDomainLookupByUUIDString(conn, uuids[i]);

		if (domain)
			domains[n++] = domain;
		else
			virResetLastError();
	}
	return n;
}

static int collect(struct job *job, virDomainPtr *domains, size_t n, struct stats_batch *ret_batch)
{
	struct stats_batch batch = { 0 };
	int ret = batch_alloc(job, n, &batch);

	for (size_t at = 0; at < n && !ret; at += CHUNK_DOMAINS)
		ret = collect_chunk(job, domains + at,
				    n - at < CHUNK_DOMAINS ? n - at : CHUNK_DOMAINS, &batch);
	if (ret)
		stats_batch_clear(&batch);
	else
		*ret_batch = batch;
	return ret;
}

int stats_collect_numbers(struct job *job, virConnectPtr conn, const char (*uuids)[VM_UUID_LEN],
			  size_t n_uuids, bool one_by_one, struct stats_batch *ret_batch)
{
	virDomainPtr *domains = calloc(n_uuids + 1, sizeof(virDomainPtr));
	int n, ret;

	if (!domains)
		return job_fail(job, -ENOMEM, "out of memory");
	n = one_by_one ? find_each(conn, uuids, n_uuids, domains)
		       : find_kept(job, conn, uuids, n_uuids, domains);
	ret = n < 0 ? n : collect(job, domains, (size_t)n, ret_batch);
	for (int i = 0; i < n && one_by_one; i++)
		virDomainFree(domains[i]);
	free(domains);
	return ret;
}

bool stats_skipped(const struct domain_stats *stats)
{
	/* libvirt reads the resident size itself, from /proc, but under the same job as the rest. */
	return !stats->rss_kib.known && !stats->last_update_s.known;
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
