// SPDX-License-Identifier: GPL-2.0
/*
 * KSM counts in pages of the kernel, which is also this process's size of a page. zswap's figures
 * are in meminfo since Linux 5.19; before, only root's debugfs has them, which is left alone.
 */
#include "source/host_detail.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "source/counters.h"
#include "util/text_file.h"

#define FILE_MAX_LEN (16 * 1024)
#define KSM_DIR	     "sys/kernel/mm/ksm/"

/* A file that holds one number, for which the counters' parser wants a name. */
static struct opt_u64 read_number(const char *root, const char *path)
{
	char text[64] = "n ";

	if (text_file_read(root, path, text + strlen(text), sizeof(text) - strlen(text)))
		return opt_none();
	return counters_find(text, "n");
}

static struct opt_u64 pages_to_kib(struct opt_u64 pages)
{
	uint64_t n, kib;

	if (!opt_get(pages, &n) ||
	    __builtin_mul_overflow(n, (uint64_t)sysconf(_SC_PAGESIZE) / 1024, &kib))
		return opt_none();
	return opt_some(kib);
}

void host_node_parse(const char *text, struct host_node *node)
{
	*node = (struct host_node){ .number = node->number };
	while (text && *text) {
		unsigned int number;
		int length = 0;

		if (sscanf(text, "Node %9u %n", &number, &length) == 1 && length) {
			const char *rest = text + length;

			/* Each of these is at a line's start once the prefix is gone. */
			if (!strncmp(rest, "MemTotal:", strlen("MemTotal:")))
				node->total_kib = counters_find(rest, "MemTotal");
			else if (!strncmp(rest, "MemFree:", strlen("MemFree:")))
				node->free_kib = counters_find(rest, "MemFree");
			else if (!strncmp(rest, "FilePages:", strlen("FilePages:")))
				node->file_kib = counters_find(rest, "FilePages");
		}
		text = strchr(text, '\n');
		if (text)
			text++;
	}
}

/* Node numbers may have gaps, so each number below the bound is tried. */
static void read_nodes(const char *root, char *text, struct host_detail *detail)
{
	for (unsigned int number = 0; number < HOST_NODES_MAX; number++) {
		struct host_node *node = &detail->nodes[detail->n_nodes];
		char path[64];

		snprintf(path, sizeof(path), "sys/devices/system/node/node%u/meminfo", number);
		if (text_file_read(root, path, text, FILE_MAX_LEN))
			continue;
		node->number = number;
		host_node_parse(text, node);
		detail->n_nodes++;
	}
}

void host_detail_read(const char *root, struct host_detail *ret_detail)
{
	char text[FILE_MAX_LEN];

	*ret_detail = (struct host_detail){
		.ksm_run = read_number(root, KSM_DIR "run"),
		.ksm_shared_kib = pages_to_kib(read_number(root, KSM_DIR "pages_shared")),
		.ksm_saved_kib = pages_to_kib(read_number(root, KSM_DIR "pages_sharing")),
	};
	if (!text_file_read(root, "proc/meminfo", text, sizeof(text))) {
		ret_detail->zswap_stored_kib = counters_find(text, "Zswapped");
		ret_detail->zswap_pool_kib = counters_find(text, "Zswap");
	}
	read_nodes(root, text, ret_detail);
}
