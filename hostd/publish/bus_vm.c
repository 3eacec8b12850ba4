// SPDX-License-Identifier: GPL-2.0
/*
 * /org/aerostat1/vm/UUID for each running VM, interface org.aerostat1.VM. The objects are not
 * registered one by one: a path is taken apart when somebody asks for it.
 *
 * Sizes are KiB; a number that is not known is UINT64_MAX, as systemd has it on the bus. Properties
 * that change with every sample are not signalled, the others are.
 */
#include "publish/bus_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "publish/metrics_internal.h"

static const struct {
	const char *property;
	enum vm_metric metric;
} numbers[] = {
	{ "MaximumKiB", VM_MAXIMUM },
	{ "ActualKiB", VM_ACTUAL },
	{ "TargetKiB", VM_TARGET },
	{ "DemandKiB", VM_DEMAND },
	{ "UsualKiB", VM_USUAL },
	{ "EntitlementKiB", VM_ENTITLEMENT },
	{ "ReservationKiB", VM_RESERVATION },
	{ "LimitKiB", VM_LIMIT },
	{ "Shares", VM_SHARES },
	{ "ResidentKiB", VM_RESIDENT },
	{ "GuestUsableKiB", VM_GUEST_USABLE },
	{ "GuestUnusedKiB", VM_GUEST_UNUSED },
	{ "GuestCacheKiB", VM_GUEST_CACHE },
	{ "StatisticsAgeMSec", VM_STATS_AGE },
};

void bus_vm_path(const char *uuid, char path[BUS_VM_PATH_LEN])
{
	snprintf(path, BUS_VM_PATH_LEN, "%s/%s", BUS_VM_PREFIX, uuid);
	for (char *c = path; *c; c++)
		if (*c == '-')
			*c = '_';
}

static const struct vm *vm_of_uuid(struct bus *bus, const char *uuid)
{
	struct status status;

	bus->status(bus->userdata, &status);
	return fleet_find(status.fleet, uuid);
}

/*
 * A UUID goes before a name: tenants choose names, and one like another's UUID must not draw orders
 * to itself. Names are as they are shown, so several VMs may have one; none of them is meant then.
 */
static const struct vm *vm_of_text(struct bus *bus, const char *text, size_t *ret_n)
{
	const struct vm *found = vm_of_uuid(bus, text);
	struct status status;

	*ret_n = found != NULL;
	if (found)
		return found;
	bus->status(bus->userdata, &status);
	for (size_t i = 0; i < status.fleet->n_vms; i++) {
		if (strcmp(status.fleet->vms[i]->name, text) != 0)
			continue;
		found = status.fleet->vms[i];
		++*ret_n;
	}
	return *ret_n == 1 ? found : NULL;
}

static const struct vm *vm_of_path(struct bus *bus, const char *path)
{
	char uuid[VM_UUID_LEN];
	size_t prefix = strlen(BUS_VM_PREFIX "/");

	if (strncmp(path, BUS_VM_PREFIX "/", prefix) != 0 || strlen(path + prefix) >= sizeof(uuid))
		return NULL;
	snprintf(uuid, sizeof(uuid), "%s", path + prefix);
	for (char *c = uuid; *c; c++)
		if (*c == '_')
			*c = '-';
	return vm_of_uuid(bus, uuid);
}

int bus_vm_of_call(struct bus *bus, sd_bus_message *call, const struct vm **ret_vm,
		   sd_bus_error *error)
{
	const char *name = sd_bus_message_get_path(call);
	const struct vm *vm = vm_of_path(bus, name);
	size_t n = 0;
	int ret;

	if (!vm && strcmp(name, BUS_PATH) == 0) {
		ret = sd_bus_message_read(call, "s", &name);
		if (ret < 0)
			return ret;
		vm = vm_of_text(bus, name, &n);
	}
	if (n > 1)
		return sd_bus_error_setf(error, BUS_ERROR_REFUSED,
					 "%zu VMs are called '%s': give a UUID", n, name);
	if (!vm)
		return sd_bus_error_setf(error, BUS_ERROR_NO_SUCH_VM, "no VM '%s' is running",
					 name);
	*ret_vm = vm;
	return 0;
}

static int find(sd_bus *connection, const char *path, const char *interface, void *userdata,
		void **ret_found, sd_bus_error *error)
{
	struct bus *bus = userdata;

	(void)connection;
	(void)interface;
	(void)error;
	if (!vm_of_path(bus, path))
		return 0;
	*ret_found = bus; /* methods and properties look the VM up by their path */
	return 1;
}

static int enumerate(sd_bus *connection, const char *prefix, void *userdata, char ***ret_nodes,
		     sd_bus_error *error)
{
	struct bus *bus = userdata;
	struct status status;
	char path[BUS_VM_PATH_LEN];
	char **nodes;

	(void)connection;
	(void)prefix;
	(void)error;
	bus->status(bus->userdata, &status);
	nodes = calloc(status.fleet->n_vms + 1, sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	for (size_t i = 0; i < status.fleet->n_vms; i++) {
		bus_vm_path(status.fleet->vms[i]->sample.uuid, path);
		nodes[i] = strdup(path);
		if (!nodes[i]) {
			while (i-- > 0)
				free(nodes[i]);
			free(nodes);
			return -ENOMEM;
		}
	}
	*ret_nodes = nodes;
	return 1;
}

static int get_number(sd_bus *connection, const char *path, const char *interface,
		      const char *property, sd_bus_message *reply, void *userdata,
		      sd_bus_error *error)
{
	struct bus *bus = userdata;
	const struct vm *vm = vm_of_path(bus, path);
	struct opt_u64 value = opt_none();
	struct status status;
	struct scene scene = { .status = &status };

	(void)connection;
	(void)interface;
	(void)error;
	bus->status(bus->userdata, &status);
	for (size_t i = 0; vm && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!strcmp(numbers[i].property, property))
			value = vm_value(&scene, vm, numbers[i].metric);
	return sd_bus_message_append(reply, "t", opt_or(value, UINT64_MAX));
}

static const char *text_of(const struct status *status, const struct vm *vm, const char *property)
{
	const char *text = NULL;

	if (!strcmp(property, "Name"))
		return vm->name;
	if (!strcmp(property, "UUID"))
		return vm->sample.uuid;
	if (!strcmp(property, "State"))
		return run_state_to_string(vm->sample.run_state);
	if (!strcmp(property, "Reason"))
		return reason_to_string(vm->decision.reason);
	if (vm->described && !strcmp(property, "Mode"))
		return vm_mode_to_string(vm->settings.mode);
	if (vm->described && !strcmp(property, "Class"))
		text = conf_vm_class(status->conf, vm->name, &vm->tune);
	return text ? text : "";
}

static int get_text(sd_bus *connection, const char *path, const char *interface,
		    const char *property, sd_bus_message *reply, void *userdata,
		    sd_bus_error *error)
{
	struct bus *bus = userdata;
	const struct vm *vm = vm_of_path(bus, path);
	struct status status;

	(void)connection;
	(void)interface;
	(void)error;
	bus->status(bus->userdata, &status);
	return sd_bus_message_append(reply, "s", vm ? text_of(&status, vm, property) : "");
}

static int get_paused(sd_bus *connection, const char *path, const char *interface,
		      const char *property, sd_bus_message *reply, void *userdata,
		      sd_bus_error *error)
{
	struct bus *bus = userdata;
	const struct vm *vm = vm_of_path(bus, path);
	struct status status;

	(void)connection;
	(void)interface;
	(void)property;
	(void)error;
	bus->status(bus->userdata, &status);
	return sd_bus_message_append(reply, "b", vm && (vm->orders.paused || status.paused));
}

#define CONSTANT  SD_BUS_VTABLE_PROPERTY_CONST
#define SIGNALLED SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Name", "s", get_text, 0, CONSTANT),
	SD_BUS_PROPERTY("UUID", "s", get_text, 0, CONSTANT),
	SD_BUS_PROPERTY("State", "s", get_text, 0, SIGNALLED),
	SD_BUS_PROPERTY("Reason", "s", get_text, 0, SIGNALLED),
	SD_BUS_PROPERTY("Mode", "s", get_text, 0, SIGNALLED),
	SD_BUS_PROPERTY("Class", "s", get_text, 0, 0),
	SD_BUS_PROPERTY("Paused", "b", get_paused, 0, SIGNALLED),
	SD_BUS_PROPERTY("MaximumKiB", "t", get_number, 0, 0),
	SD_BUS_PROPERTY("ActualKiB", "t", get_number, 0, SIGNALLED),
	SD_BUS_PROPERTY("TargetKiB", "t", get_number, 0, SIGNALLED),
	SD_BUS_PROPERTY("DemandKiB", "t", get_number, 0, 0),
	SD_BUS_PROPERTY("UsualKiB", "t", get_number, 0, 0),
	SD_BUS_PROPERTY("EntitlementKiB", "t", get_number, 0, 0),
	SD_BUS_PROPERTY("ReservationKiB", "t", get_number, 0, 0),
	SD_BUS_PROPERTY("LimitKiB", "t", get_number, 0, 0),
	SD_BUS_PROPERTY("Shares", "t", get_number, 0, 0),
	SD_BUS_PROPERTY("ResidentKiB", "t", get_number, 0, 0),
	SD_BUS_PROPERTY("GuestUsableKiB", "t", get_number, 0, 0),
	SD_BUS_PROPERTY("GuestUnusedKiB", "t", get_number, 0, 0),
	SD_BUS_PROPERTY("GuestCacheKiB", "t", get_number, 0, 0),
	SD_BUS_PROPERTY("StatisticsAgeMSec", "t", get_number, 0, 0),
	SD_BUS_METHOD_WITH_ARGS("Set", SD_BUS_ARGS("a{ss}", settings, "b", persistent),
				SD_BUS_NO_RESULT, bus_on_order, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Boost", SD_BUS_ARGS("t", size_kib, "t", duration_ms),
				SD_BUS_NO_RESULT, bus_on_order, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Pause", "", "", bus_on_order, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("Resume", "", "", bus_on_order, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("History", SD_BUS_ARGS("t", since_ms),
				SD_BUS_RESULT("a(tttttt)", points), bus_on_history,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

int bus_vm_add_objects(struct bus *bus, sd_bus *connection)
{
	int ret;

	ret = sd_bus_add_fallback_vtable(connection, NULL, BUS_VM_PREFIX, BUS_VM_INTERFACE, vtable,
					 find, bus);
	if (ret >= 0)
		ret = sd_bus_add_node_enumerator(connection, NULL, BUS_VM_PREFIX, enumerate, bus);
	if (ret >= 0)
		ret = sd_bus_add_object_manager(connection, NULL, BUS_PATH);
	return ret;
}
