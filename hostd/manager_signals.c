// SPDX-License-Identifier: GPL-2.0
/*
 * What only the host can see, brought to the VMs it is about (source/signals.h). A round is begun
 * with each tick and comes back beside the statistics; the policy takes whatever is known by then.
 * When a round does not come back, what the last one said is forgotten: it is unknown, not true
 * for ever.
 */
#include "manager_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"

/* A process that hangs in the kernel can hold up a round; by then its numbers are of no use. */
#define ROUND_LATE_MS 10000

/* The processes are on this host only with a driver that runs them here, and without a host name. */
static bool vms_are_here(const char *uri)
{
	const char *rest = NULL;

	if (!strncmp(uri, "qemu:", strlen("qemu:")))
		rest = uri + strlen("qemu:");
	else if (!strncmp(uri, "qemu+unix:", strlen("qemu+unix:")))
		rest = uri + strlen("qemu+unix:");
	return rest && !strncmp(rest, "///", strlen("///"));
}

static void say_unavailable(struct manager *manager, const char *why)
{
	if (why && why != manager->delays_unavailable)
		log_info("how long VMs wait for the host is not known in full: %s", why);
	manager->delays_unavailable = why;
}

static void done_round(void *userdata, const struct signals_round *round)
{
	struct manager *manager = userdata;

	if (manager->stopping)
		return;
	if (manager->signals_late)
		log_info("the host's processes can be looked at again");
	manager->signals_late = false;
	for (size_t i = 0; i < round->n_vms; i++) {
		struct vm *vm = fleet_find(&manager->fleet, round->vms[i].uuid);

		if (vm)
			vm->sample.host = round->vms[i].host;
	}
	manager->host_detail = *round->detail;
	say_unavailable(manager, round->unavailable);
}

static void forget_late(struct manager *manager)
{
	uint64_t since_ms;

	if (!opt_get(signals_since_ms(manager->signals), &since_ms) ||
	    clock_monotonic_ms() - since_ms < ROUND_LATE_MS || manager->signals_late)
		return;
	log_warning("a process on this host cannot be looked at: it hangs in the kernel; how long "
		    "VMs wait for the host is not known until it can");
	manager->signals_late = true;
	for (size_t i = 0; i < manager->fleet.n_vms; i++)
		manager->fleet.vms[i]->sample.host = (struct vm_host){ 0 };
	manager->host_detail.storage = (struct storage_sample){ 0 };
}

void manager_gather_signals(struct manager *manager)
{
	const struct fleet *fleet = &manager->fleet;
	const char **uuids;

	if (!vms_are_here(manager_uri(manager)))
		return;
	if (!manager->signals &&
	    signals_new(manager->options->root, done_round, manager, &manager->signals))
		return; /* out of memory: in a later tick, then */
	forget_late(manager);
	uuids = calloc(fleet->n_vms + 1, sizeof(*uuids));
	if (!uuids)
		return;
	for (size_t i = 0; i < fleet->n_vms; i++)
		uuids[i] = fleet->vms[i]->sample.uuid;
	signals_gather(manager->signals, link_workers(manager->link), uuids, fleet->n_vms);
	free(uuids);
}
