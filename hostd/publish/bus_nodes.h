/* SPDX-License-Identifier: GPL-2.0 */
/* What the status says of each NUMA node of the host. */
#ifndef AEROSTAT_PUBLISH_BUS_NODES_H
#define AEROSTAT_PUBLISH_BUS_NODES_H

#include <systemd/sd-bus.h>

#include "source/host_detail.h"

/*
 * Into an open dictionary a{sv}, for each node: nodeN_total_kib, nodeN_free_kib, nodeN_file_kib (t);
 * what is not known has no entry. Returns a negative errno on failure.
 */
int bus_append_nodes(sd_bus_message *m, const struct host_detail *detail);

#endif
