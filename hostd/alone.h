/* SPDX-License-Identifier: GPL-2.0 */
/* One daemon a libvirt: two would undo each other's work. */
#ifndef AEROSTAT_ALONE_H
#define AEROSTAT_ALONE_H

#include <sys/types.h>

/*
 * Claim the libvirt at `uri` for this process, until it ends; whatever bus it is on, and whoever runs
 * it. Returns 0; -EEXIST: *ret_pid has it, 0: unknown; or a negative errno: it cannot be told.
 */
int alone_claim(const char *uri, pid_t *ret_pid);

#endif
