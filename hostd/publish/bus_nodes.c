// SPDX-License-Identifier: GPL-2.0
/* The host's NUMA nodes in the status: node0_total_kib, node0_free_kib, node0_file_kib, node1_... */
#include "publish/bus_nodes.h"

#include <stdio.h>

#define KEY_LEN 32

static int add(sd_bus_message *m, const struct host_node *node, const char *what,
	       struct opt_u64 number)
{
	char key[KEY_LEN];
	uint64_t value;

	if (!opt_get(number, &value))
		return 0;
	snprintf(key, sizeof(key), "node%u_%s_kib", node->number, what);
	return sd_bus_message_append(m, "{sv}", key, "t", value);
}

int bus_append_nodes(sd_bus_message *m, const struct host_detail *detail)
{
	int ret = 0;

	for (size_t i = 0; i < detail->n_nodes && ret >= 0; i++) {
		const struct host_node *node = &detail->nodes[i];

		ret = add(m, node, "total", node->total_kib);
		if (ret >= 0)
			ret = add(m, node, "free", node->free_kib);
		if (ret >= 0)
			ret = add(m, node, "file", node->file_kib);
	}
	return ret;
}
