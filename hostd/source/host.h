/* SPDX-License-Identifier: GPL-2.0 */
/* The host's own memory numbers, from /proc. */
#ifndef AEROSTAT_SOURCE_HOST_H
#define AEROSTAT_SOURCE_HOST_H

#include "policy/snapshot.h"

/*
 * Read what there is below `root` ("" or NULL: "/"; tests give a fixture tree). Whatever cannot
 * be read or parsed is unknown in the result: an old kernel without PSI is no error.
 */
struct host_sample host_sample_read(const char *root);

#endif
