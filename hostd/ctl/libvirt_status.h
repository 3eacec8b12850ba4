/* SPDX-License-Identifier: GPL-2.0 */
/* What libvirt alone knows, for when the daemon is not running. */
#ifndef AEROSTAT_CTL_LIBVIRT_STATUS_H
#define AEROSTAT_CTL_LIBVIRT_STATUS_H

#include <jansson.h>

/*
 * The running domains like client_status() has them, with as many keys as libvirt can fill:
 * name, uuid, state, actual_kib, max_kib; host.source is "libvirt". A read-only connection, which
 * needs no privilege. NULL: libvirt cannot be reached either.
 */
json_t *libvirt_status(void);

#endif
