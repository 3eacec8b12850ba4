/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Something that is remembered of each VM by one who does not own the fleet: a table of entries of
 * any size, in the fleet's order, which is that of UUIDs. Entries of VMs that go are forgotten,
 * those of VMs that come are zeroed.
 */
#ifndef AEROSTAT_PUBLISH_BY_VM_H
#define AEROSTAT_PUBLISH_BY_VM_H

#include "source/domains.h"

struct by_vm {
	size_t size; /* of an entry, whose first member is its key: char uuid[VM_UUID_LEN] */
	char *entries;
	size_t n;
};

/* Hears of entries that come (zeroed but for the key) and go. */
struct by_vm_observer {
	void (*come)(void *userdata, void *entry);
	void (*go)(void *userdata, void *entry);
	void *userdata;
};

/*
 * Bring the table in line with the fleet: from now until that changes, entry i is of VM i.
 * `observer` NULL: nobody wants to hear. Returns 0, or -ENOMEM with the table as it was.
 */
int by_vm_follow(struct by_vm *table, const struct fleet *fleet,
		 const struct by_vm_observer *observer);

void *by_vm_at(const struct by_vm *table, size_t index);

void *by_vm_find(const struct by_vm *table, const char *uuid); /* NULL: none */

void by_vm_clear(struct by_vm *table);

#endif
