/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an operator may tell a running daemon to do. Settings are kept by libvirt, in the domain's
 * metadata; a boost and a pause live in the daemon, and in its state file where it keeps one.
 */
#ifndef AEROSTAT_MANAGER_ORDERS_H
#define AEROSTAT_MANAGER_ORDERS_H

#define BOOST_MAX_MS ((uint64_t)7 * 24 * 60 * 60 * 1000)

#include "conf/metadata.h"
#include "manager.h"
#include "publish/bus.h"

/* For bus_new(): each acts on the manager that is `userdata` when it is called. */
int manager_order_set(struct manager *manager, const char *uuid, const struct tune_change *changes,
		      size_t n_changes, bool persistent, order_done_fn done, void *userdata,
		      struct conf_error *ret_why);
int manager_order_boost(struct manager *manager, const char *uuid, uint64_t size_kib,
			uint64_t duration_ms, struct conf_error *ret_why);
void manager_order_pause(struct manager *manager, const char *uuid, bool pause);

#endif
