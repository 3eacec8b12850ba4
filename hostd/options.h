/* SPDX-License-Identifier: GPL-2.0 */
/* The daemon's command line. */
#ifndef AEROSTAT_OPTIONS_H
#define AEROSTAT_OPTIONS_H

#include <stdbool.h>

#include "manager.h"
#include "publish/bus.h"
#include "util/log.h"

struct options {
	const char *config; /* NULL: the default place */
	struct manager_options manager;
	enum bus_kind bus;
	enum log_level log_level;
	bool release_on_exit;
	bool check_config;
	bool help;
	bool version;
};

/*
 * Returns 0, or -EINVAL after a message on standard error that names the argument. What
 * *ret_options points to is in `argv`.
 */
int options_parse(int argc, char **argv, struct options *ret_options);

void options_print_help(void);

#endif
