// SPDX-License-Identifier: GPL-2.0
/*
 * After each tick: what is different from what the bus was last told? VMs that came and went are
 * InterfacesAdded and InterfacesRemoved, properties that changed are PropertiesChanged, the host's
 * state is a signal of its own, and so is which VM had best leave.
 */
#include "publish/bus_internal.h"

#include <stdio.h>
#include <string.h>

#include "publish/advice.h"
#include "util/log.h"

struct signalled {
	char uuid[VM_UUID_LEN];
	enum vm_run_state run_state;
	enum reason reason;
	enum vm_mode mode;
	bool paused;
	struct opt_u64 actual_kib;
	struct opt_u64 target_kib;
};

static bool differ(struct opt_u64 a, struct opt_u64 b)
{
	return a.known != b.known || opt_or(a, 0) != opt_or(b, 0);
}

static void on_come(void *userdata, void *entry)
{
	struct bus *bus = userdata;
	char path[BUS_VM_PATH_LEN];

	bus_vm_path(((struct signalled *)entry)->uuid, path);
	sd_bus_emit_interfaces_added(bus->connection, path, BUS_VM_INTERFACE, NULL);
}

static void on_go(void *userdata, void *entry)
{
	struct bus *bus = userdata;
	char path[BUS_VM_PATH_LEN];

	bus_vm_path(((struct signalled *)entry)->uuid, path);
	sd_bus_emit_interfaces_removed(bus->connection, path, BUS_VM_INTERFACE, NULL);
}

static void signal_vm(struct bus *bus, const struct status *status, const struct vm *vm,
		      struct signalled *before)
{
	struct signalled now = {
		.run_state = vm->sample.run_state,
		.reason = vm->decision.reason,
		.mode = vm->settings.mode,
		.paused = vm->orders.paused || status->paused,
		.actual_kib = vm->sample.actual_kib,
		.target_kib = vm->asked_kib,
	};
	char *names[7];
	char path[BUS_VM_PATH_LEN];
	size_t n = 0;

	if (now.run_state != before->run_state)
		names[n++] = (char *)"State";
	if (now.reason != before->reason)
		names[n++] = (char *)"Reason";
	if (now.mode != before->mode)
		names[n++] = (char *)"Mode";
	if (now.paused != before->paused)
		names[n++] = (char *)"Paused";
	if (differ(now.actual_kib, before->actual_kib))
		names[n++] = (char *)"ActualKiB";
	if (differ(now.target_kib, before->target_kib))
		names[n++] = (char *)"TargetKiB";
	names[n] = NULL;
	if (!n)
		return;
	memcpy(now.uuid, before->uuid, sizeof(now.uuid));
	*before = now;
	bus_vm_path(now.uuid, path);
	sd_bus_emit_properties_changed_strv(bus->connection, path, BUS_VM_INTERFACE, names);
}

static void signal_host(struct bus *bus, const struct status *status)
{
	enum host_state before = bus->state;

	if (!status->ticks || before == status->decision.state)
		return;
	bus->state = status->decision.state;
	sd_bus_emit_signal(bus->connection, BUS_PATH, BUS_INTERFACE, "StateChanged", "ss",
			   host_state_to_string(before), host_state_to_string(bus->state));
	sd_bus_emit_properties_changed(bus->connection, BUS_PATH, BUS_INTERFACE, "State", NULL);
}

/* For orchestrators that do not watch metrics: they are told whom to move when that changes. */
static void signal_advice(struct bus *bus, const struct status *status)
{
	const struct vm *advice = advice_migration(status);
	const char *uuid = advice ? advice->sample.uuid : "";

	if (!strcmp(bus->advised, uuid))
		return;
	snprintf(bus->advised, sizeof(bus->advised), "%s", uuid);
	sd_bus_emit_signal(bus->connection, BUS_PATH, BUS_INTERFACE, "MigrationAdvice", "sst",
			   advice ? advice->name : "", uuid,
			   advice ? opt_or(advice->sample.actual_kib, UINT64_MAX) : 0);
}

void bus_tick(struct bus *bus)
{
	const struct by_vm_observer observer = { .come = on_come, .go = on_go, .userdata = bus };
	struct status status;

	/* What is not signalled now is when it reads again. */
	if (!bus_takes_signals(bus))
		return;
	bus->status(bus->userdata, &status);
	bus->signalled.size = sizeof(struct signalled);
	signal_host(bus, &status);
	signal_advice(bus, &status);
	if (by_vm_follow(&bus->signalled, status.fleet, &observer)) {
		log_error("out of memory; changes of VMs are not signalled");
		return;
	}
	for (size_t i = 0; i < status.fleet->n_vms; i++)
		signal_vm(bus, &status, status.fleet->vms[i], by_vm_at(&bus->signalled, i));
}
