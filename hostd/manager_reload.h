/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the configuration again, without waiting for the disk. */
#ifndef AEROSTAT_MANAGER_RELOAD_H
#define AEROSTAT_MANAGER_RELOAD_H

#include "conf/conf.h"

struct manager;

/* `error` 0: the new settings are used. Else they stay as they were, and `why` says why. */
typedef void (*reload_done_fn)(void *userdata, int error, const char *why);

/*
 * Read `path` (as conf_load(); it must stay) and use it from the next tick on. Returns 0, and done()
 * follows within seconds; or a negative errno: -EINVAL and why.
 */
int manager_reload(struct manager *manager, const char *path, reload_done_fn done, void *userdata,
		   struct conf_error *ret_why);

#endif
