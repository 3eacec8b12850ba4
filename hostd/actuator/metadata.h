/* SPDX-License-Identifier: GPL-2.0 */
/* Changes of a domain's own settings, which libvirt keeps in its metadata. */
#ifndef AEROSTAT_ACTUATOR_METADATA_H
#define AEROSTAT_ACTUATOR_METADATA_H

#include "conf/metadata.h"
#include "source/worker.h"

/* On the owner's thread, once. `error` 0, or a negative errno and why. */
typedef void (*metadata_done_fn)(void *userdata, int error, const char *why);

/*
 * Change some attributes of the domain's <tune>, and leave the others as they are: of the running
 * domain, and with `persistent` of its definition as well. The arguments are copied. Returns 0, or
 * -ENOMEM, and then done() is not called.
 */
int metadata_write(struct workers *workers, const char *uuid, const struct tune_change *changes,
		   size_t n_changes, bool persistent, metadata_done_fn done, void *userdata);

#endif
