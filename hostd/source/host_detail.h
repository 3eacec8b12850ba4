/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What else the host's kernel says about its memory: same-page merging (KSM), compressed swap
 * (zswap), how much is free on each NUMA node; and how slow its disks are, which swapping makes them.
 * It is published; the policy does not need it.
 */
#ifndef AEROSTAT_SOURCE_HOST_DETAIL_H
#define AEROSTAT_SOURCE_HOST_DETAIL_H

#include <stddef.h>

#include "source/storage.h"
#include "util/opt.h"

#define HOST_NODES_MAX 64

struct host_node {
	unsigned int number;
	struct opt_u64 total_kib;
	struct opt_u64 free_kib;
	struct opt_u64 file_kib; /* page cache, most of which can be had */
};

struct host_detail {
	struct opt_u64 ksm_run; /* 0: stopped, 1: merging, 2: stopped and unmerged */
	struct opt_u64 ksm_shared_kib; /* pages that stand for several */
	struct opt_u64 ksm_saved_kib; /* what would be needed more without merging */
	struct opt_u64 zswap_stored_kib; /* what is compressed in memory, at its own size, */
	struct opt_u64 zswap_pool_kib; /* and the memory that takes */
	struct storage_sample storage; /* set by whoever looks at disks */
	size_t n_nodes; /* by number, at most HOST_NODES_MAX; 0: the kernel tells none */
	struct host_node nodes[HOST_NODES_MAX];
};

/* Read what there is below `root`; what is missing is unknown, and so is the storage. */
void host_detail_read(const char *root, struct host_detail *ret_detail);

/* A NUMA node's numbers from the text of its meminfo; its lines begin with "Node N ". Pure. */
void host_node_parse(const char *text, struct host_node *node);

#endif
