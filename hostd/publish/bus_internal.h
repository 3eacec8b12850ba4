/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the bus's parts share:
 *
 *   bus.c             the manager's object and its Status
 *   bus_connection.c  the connection and the name, and getting them back
 *   bus_vm.c          an object per VM, with properties
 *   bus_changes.c     signals when something has changed
 *   bus_orders.c      methods that change something, and what is asked before (authority.h)
 */
#ifndef AEROSTAT_PUBLISH_BUS_INTERNAL_H
#define AEROSTAT_PUBLISH_BUS_INTERNAL_H

#include <systemd/sd-bus.h>

#include "publish/authority.h"
#include "publish/bus.h"
#include "publish/by_vm.h"

struct bus {
	sd_event *event;
	enum bus_kind kind;
	sd_event_source *retry; /* off while connected */
	uint64_t retry_ms; /* the next delay; 0: the first */
	bool named; /* the name is ours */
	bool refused; /* it could not be taken; has been logged */
	sd_bus *connection; /* the last one there was: it may be dead; NULL: none yet */
	status_fn status;
	void *userdata;
	struct bus_orders orders;
	struct authority *authority;
	char *metrics; /* as last asked for; NULL: never, or out of memory */
	uint64_t metrics_ms;
	unsigned int answers; /* about all VMs, since what waited to be sent was last none */
	enum host_state state; /* as last signalled */
	char advised[VM_UUID_LEN]; /* to leave, as last signalled; "": nobody */
	struct by_vm signalled; /* of each VM: what was last signalled (bus_changes.c) */
};

#define BUS_VM_INTERFACE "org.aerostat1.VM"
#define BUS_VM_PREFIX	 BUS_PATH "/vm"
#define BUS_VM_PATH_LEN	 64

/* The object of a VM: its UUID with '_' for '-'. */
void bus_vm_path(const char *uuid, char path[BUS_VM_PATH_LEN]);

/*
 * Connect, or go on trying. Returns 0 or a negative errno; -EEXIST: see bus_new().
 */
int bus_connect(struct bus *bus);
void bus_disconnect(struct bus *bus); /* also after a failure */

/* Whether a signal is worth sending: there is a bus, and it reads. */
bool bus_takes_signals(const struct bus *bus);

/*
 * Whether an answer about all VMs may be sent, which everybody may ask for: only so many wait for a bus
 * that does not read. Returns 0, or an error that says so.
 */
int bus_may_answer(struct bus *bus, sd_bus_error *error);

/* Register the manager's object, and the VMs'. Return 0 or a negative errno. */
int bus_add_objects(struct bus *bus, sd_bus *connection);
int bus_vm_add_objects(struct bus *bus, sd_bus *connection);

/* Handlers of methods, on the manager's object and on the VMs'. */
int bus_on_order(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_on_history(sd_bus_message *call, void *userdata, sd_bus_error *error);
int bus_on_metrics(sd_bus_message *call, void *userdata, sd_bus_error *error);

/*
 * The VM whose object a call was made on; for the manager's object the one that its first argument
 * means, a UUID or else a name. Borrowed until the loop goes on.
 */
int bus_vm_of_call(struct bus *bus, sd_bus_message *call, const struct vm **ret_vm,
		   sd_bus_error *error);

#endif
