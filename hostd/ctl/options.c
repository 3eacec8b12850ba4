// SPDX-License-Identifier: GPL-2.0
/* getopt_long() does the work; own options get codes above those in common (options.h). */
#include "ctl/options.h"

#include <getopt.h>
#include <stdio.h>

#define OWN_MAX	   8
#define OPTION_BUS 256
#define OPTION_OWN 512

static void take_own(const struct ctl_option *own)
{
	if (own->flag)
		*own->flag = true;
	else
		*own->value = optarg;
}

/* A variable that a script did not set; of VMs, none would otherwise mean all. */
static bool any_empty(int argc, char **argv, int first, const struct ctl_option *own)
{
	for (; own && own->name; own++) {
		if (!own->value || !*own->value || **own->value)
			continue;
		fprintf(stderr, "aerostatctl: the value of --%s is empty\n", own->name);
		return true;
	}
	for (int i = first; i < argc; i++) {
		if (argv[i][0])
			continue;
		fprintf(stderr, "aerostatctl: argument %d is empty\n", i - first + 1);
		return true;
	}
	return false;
}

bool ctl_parse(int argc, char **argv, const char *help, const struct ctl_option *own,
	       struct ctl_common *ret_common, int *ret_code)
{
	struct option table[OWN_MAX + 4] = {
		{ "json", no_argument, NULL, 'j' },
		{ "bus", required_argument, NULL, OPTION_BUS },
		{ "help", no_argument, NULL, 'h' },
	};
	struct ctl_common common = { .client = client_default() };
	int code, n_own = 0;

	for (; own && own[n_own].name && n_own < OWN_MAX; n_own++)
		table[3 + n_own] =
			(struct option){ own[n_own].name,
					 own[n_own].flag ? no_argument : required_argument, NULL,
					 OPTION_OWN + n_own };
	while ((code = getopt_long(argc, argv, "jh", table, NULL)) >= 0) {
		if (code == 'j') {
			common.json = true;
		} else if (code == 'h') {
			puts(help);
			*ret_code = CTL_OK;
			return false;
		} else if (code >= OPTION_OWN && code < OPTION_OWN + n_own) {
			take_own(&own[code - OPTION_OWN]);
		} else if (code != OPTION_BUS) {
			*ret_code = CTL_USAGE; /* getopt_long() has said what is wrong */
			return false;
		} else if (client_bus_parse(optarg, &common.client)) {
			fprintf(stderr, "aerostatctl: --bus: '%s' is not system or session\n",
				optarg);
			*ret_code = CTL_USAGE;
			return false;
		}
	}
	if (any_empty(argc, argv, optind, own)) {
		*ret_code = CTL_USAGE;
		return false;
	}
	common.first = optind;
	*ret_common = common;
	return true;
}
