// SPDX-License-Identifier: GPL-2.0
/* Two sorted lists gone through side by side, when they differ; mostly they do not (by_vm.h). */
#include "publish/by_vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void *by_vm_at(const struct by_vm *table, size_t index)
{
	return table->entries + index * table->size;
}

static bool same_vms(const struct by_vm *table, const struct fleet *fleet)
{
	if (table->n != fleet->n_vms)
		return false;
	for (size_t i = 0; i < fleet->n_vms; i++)
		if (strcmp(by_vm_at(table, i), fleet->vms[i]->sample.uuid) != 0)
			return false;
	return true;
}

static void tell(void (*listener)(void *userdata, void *entry),
		 const struct by_vm_observer *observer, void *entry)
{
	if (listener)
		listener(observer->userdata, entry);
}

int by_vm_follow(struct by_vm *table, const struct fleet *fleet,
		 const struct by_vm_observer *observer)
{
	static const struct by_vm_observer nobody;
	struct by_vm next = { .size = table->size, .n = fleet->n_vms };
	size_t old = 0;

	if (same_vms(table, fleet))
		return 0;
	next.entries = calloc(fleet->n_vms + 1, table->size);
	if (!next.entries)
		return -ENOMEM;
	if (!observer)
		observer = &nobody;
	for (size_t i = 0; i < fleet->n_vms; i++) {
		const char *uuid = fleet->vms[i]->sample.uuid;

		while (old < table->n && strcmp(by_vm_at(table, old), uuid) < 0)
			tell(observer->go, observer, by_vm_at(table, old++));
		if (old < table->n && !strcmp(by_vm_at(table, old), uuid)) {
			memcpy(by_vm_at(&next, i), by_vm_at(table, old++), table->size);
			continue;
		}
		memcpy(by_vm_at(&next, i), uuid, VM_UUID_LEN);
		tell(observer->come, observer, by_vm_at(&next, i));
	}
	while (old < table->n)
		tell(observer->go, observer, by_vm_at(table, old++));
	free(table->entries);
	*table = next;
	return 0;
}

static int compare(const void *uuid, const void *entry)
{
	return strcmp(uuid, entry);
}

void *by_vm_find(const struct by_vm *table, const char *uuid)
{
	if (!table->n)
		return NULL;
	return bsearch(uuid, table->entries, table->n, table->size, compare);
}

void by_vm_clear(struct by_vm *table)
{
	free(table->entries);
	table->entries = NULL;
	table->n = 0;
}
