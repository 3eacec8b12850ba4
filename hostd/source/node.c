// SPDX-License-Identifier: GPL-2.0
/*
 * libvirt has total, free, buffers and cached, but not what the kernel calls available. Cached
 * counts shared memory and tmpfs, too, which cannot be dropped, and some of the rest is in use; so
 * half of cache and buffers is taken for available. That errs on the careful side on most hosts:
 * where it matters, a [host] budget says it better, or a daemon on the host itself.
 */
#include "source/node.h"

#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_DIVISOR 2

bool uri_is_remote(const char *uri)
{
	const char *host = strstr(uri, "://");

	return host && host[strlen("://")] && host[strlen("://")] != '/';
}

struct opt_u64 node_available_kib(struct opt_u64 free_kib, struct opt_u64 buffers_kib,
				  struct opt_u64 cached_kib)
{
	uint64_t available_kib, cache_kib = opt_or(cached_kib, 0) / CACHE_DIVISOR +
					    opt_or(buffers_kib, 0) / CACHE_DIVISOR;

	if (!opt_get(free_kib, &available_kib))
		return opt_none();
	return available_kib > UINT64_MAX - cache_kib ? opt_none()
						      : opt_some(available_kib + cache_kib);
}

static struct opt_u64 find(const virNodeMemoryStats *stats, int n, const char *field)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(stats[i].field, field))
			return opt_some(stats[i].value);
	return opt_none();
}

struct host_sample node_sample_read(virConnectPtr conn)
{
	struct host_sample sample = { 0 };
	virNodeMemoryStats *stats;
	int n = 0;

	/* The first call says how many there are. */
	if (virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, NULL, &n, 0) || n <= 0) {
		virResetLastError();
		return sample;
	}
	stats = calloc((size_t)n, sizeof(*stats));
	if (!stats)
		return sample;
	if (virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, stats, &n, 0)) {
		virResetLastError();
	} else {
		sample.total_kib = find(stats, n, VIR_NODE_MEMORY_STATS_TOTAL);
		sample.available_kib =
			node_available_kib(find(stats, n, VIR_NODE_MEMORY_STATS_FREE),
					   find(stats, n, VIR_NODE_MEMORY_STATS_BUFFERS),
					   find(stats, n, VIR_NODE_MEMORY_STATS_CACHED));
	}
	free(stats);
	return sample;
}
