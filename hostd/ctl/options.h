/* SPDX-License-Identifier: GPL-2.0 */
/* The options that subcommands have in common, and their own beside them. */
#ifndef AEROSTAT_CTL_OPTIONS_H
#define AEROSTAT_CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl/client.h"

/* One option of a subcommand's own: either a flag, or one with a value. */
struct ctl_option {
	const char *name; /* "since"; NULL ends a list */
	bool *flag;
	const char **value;
};

struct ctl_common {
	struct client_options client;
	bool json;
	int first; /* index of the first argument in argv */
};

/*
 * Parse --json, --bus BUS, --help, and `own`. True: go on. False: end with *ret_code, after `help`
 * has been printed, or a message.
 */
bool ctl_parse(int argc, char **argv, const char *help, const struct ctl_option *own,
	       struct ctl_common *ret_common, int *ret_code);

/* "Exit status", the same for all. */
#define CTL_HELP_COMMON                                                                    \
	"  -j, --json     for programs: sizes in KiB, unknown values absent\n"             \
	"      --bus BUS  system, or session (default where yours has one)\n"              \
	"  -h, --help     this text\n"                                                     \
	"\n"                                                                               \
	"Exit status: 0 done, 1 failed or no such VM, 2 wrong usage, 3 aerostatd is not\n" \
	"running or cannot be reached, 4 not allowed."

#endif
