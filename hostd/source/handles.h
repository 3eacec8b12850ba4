/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A connection's handles of running domains, kept from one round to the next. libvirt gives them out
 * all together (or by a call for each), and each worker needs some: to ask and to let go of a
 * thousand takes a worker two to three milliseconds, and there are eight of them.
 *
 * A handle is a name and a UUID, and no promise that the domain still runs: calls leave out those that
 * do not, and answer for a new run of the same domain. So they age without harm, and are asked for
 * anew only when one is missing.
 */
#ifndef AEROSTAT_SOURCE_HANDLES_H
#define AEROSTAT_SOURCE_HANDLES_H

#include <libvirt/libvirt.h>
#include <stddef.h>

#include "policy/snapshot.h"

/* Zeroed, it holds none. */
struct handles {
	struct handle *sorted; /* by UUID */
	size_t n;
};

/*
 * Those of `uuids`, which are sorted, into `ret_domains`, which has room for a NULL behind them. Which
 * are not running is left out. They are borrowed until the next call. Returns how many, or a negative
 * errno: -EIO, and libvirt's last error says more, or -ENOMEM.
 */
int handles_find(struct handles *handles, virConnectPtr conn, const char (*uuids)[VM_UUID_LEN],
		 size_t n_uuids, virDomainPtr *ret_domains);

void handles_clear(struct handles *handles); /* before their connection is closed */

#endif
