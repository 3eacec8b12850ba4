/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the device itself says that it was told, by trace events of QEMU in its log.
 */
#ifndef GUEST_DEVICE_LOG_H
#define GUEST_DEVICE_LOG_H

#include "harness/guest.h"

/* The frame numbers it reads, in both queues, from here on, or no more. */
int device_log(struct guest *guest, bool on);
/* The addresses so far, of which there is room for `most`; -ENOSPC for more. */
int device_log_read(struct guest *guest, uint64_t *ret_addresses, size_t most, size_t *ret_count);

/* Writes to its configuration since it was last reset. */
struct device_writes {
	unsigned int before_ok; /* before the driver set DRIVER_OK */
	unsigned int changed; /* after it: those that made `actual` another number */
	unsigned int unchanged; /* and those that did not */
};

int device_log_writes(struct guest *guest, bool on);
int device_log_read_writes(struct guest *guest, struct device_writes *ret_writes);

#endif
