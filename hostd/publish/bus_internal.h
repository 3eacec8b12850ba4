/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the bus's parts share:
 *
 *   bus.c          the connection, the name, the manager's object and its Status
 *   bus_vm.c       an object per VM, with properties
 *   bus_changes.c  signals when something has changed
 *   bus_orders.c   methods that change something, and what is asked before (authority.h)
 */
#ifndef AEROSTAT_PUBLISH_BUS_INTERNAL_H
#define AEROSTAT_PUBLISH_BUS_INTERNAL_H

#include <systemd/sd-bus.h>

#include "publish/authority.h"
#include "publish/bus.h"
#include "publish/by_vm.h"

struct bus {
	sd_bus *connection;
	status_fn status;
	void *userdata;
	struct bus_orders orders;
	struct authority *authority;
	enum host_state state; /* as last signalled */
	struct by_vm signalled; /* of each VM: what was last signalled (bus_changes.c) */
};

#define BUS_VM_INTERFACE "org.aerostat1.VM"
#define BUS_VM_PREFIX	 BUS_PATH "/vm"
#define BUS_VM_PATH_LEN	 64

/* The object of a VM: its UUID with '_' for '-'. */
void bus_vm_path(const char *uuid, char path[BUS_VM_PATH_LEN]);

/* Register the VMs' objects. Returns 0 or a negative errno. */
int bus_vm_add_objects(struct bus *bus);

/* The VM a name or UUID means; NULL: none. Borrowed until the loop goes on. */
const struct vm *bus_find_vm(struct bus *bus, const char *name);

/* Handlers of methods, on the manager's object and on the VMs'. */
int bus_on_order(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_on_history(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_on_metrics(sd_bus_message *call, void *userdata, sd_bus_error *error);

/* The VM whose object a call was made on; for the manager's object the one it names first. */
int bus_vm_of_call(struct bus *bus, sd_bus_message *call, const struct vm **ret_vm,
		   sd_bus_error *error);

#endif
