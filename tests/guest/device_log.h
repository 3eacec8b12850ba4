/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the device itself says that it was told: the frame numbers it read, in both queues, by a trace
 * event of QEMU in its log.
 */
#ifndef GUEST_DEVICE_LOG_H
#define GUEST_DEVICE_LOG_H

#include "harness/guest.h"

/* From here on, or no more. */
int device_log(struct guest *guest, bool on);
/* The addresses so far, of which there is room for `most`; -ENOSPC for more. */
int device_log_read(struct guest *guest, uint64_t *ret_addresses, size_t most, size_t *ret_count);

#endif
