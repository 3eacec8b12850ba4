/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The memory of a host that is not ours to look at: a remote libvirt's. Everything else that the
 * kernel says of a host (pressure, swapping, its processes) stays unknown there.
 */
#ifndef AEROSTAT_SOURCE_NODE_H
#define AEROSTAT_SOURCE_NODE_H

#include <libvirt/libvirt.h>
#include <stdbool.h>

#include "policy/snapshot.h"

/* The URI names a host, so its VMs are not on this one, or need not be. Pure. */
bool uri_is_remote(const char *uri);

/* On a worker's thread. What libvirt does not say is unknown in the result. */
struct host_sample node_sample_read(virConnectPtr conn);

/*
 * How much of a host is available, from what libvirt tells of it; see node.c for the estimate. KiB.
 * Pure.
 */
struct opt_u64 node_available_kib(struct opt_u64 free_kib, struct opt_u64 buffers_kib,
				  struct opt_u64 cached_kib);

#endif
