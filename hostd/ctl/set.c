// SPDX-License-Identifier: GPL-2.0
/* aerostatctl set: a VM's own settings, checked by the daemon and kept by libvirt. */
#include "ctl/set.h"

#include <stdio.h>
#include <string.h>

#include "ctl/options.h"
#include "ctl/select.h"

static const char help[] =
	"usage: aerostatctl set [OPTION]... VM KEY=VALUE...\n"
	"Change a VM's own settings: class, reservation, limit, shares, buffer, mode, as in\n"
	"aerostatd.conf(5). They act at once; KEY= removes one, and its class's or the general\n"
	"one counts again. They are kept in the domain's metadata while it runs.\n"
	"\n"
	"      --persistent  keep them in its definition, too, for later runs\n" CTL_HELP_COMMON;

int ctl_set(int argc, char **argv)
{
	bool persistent = false;
	const struct ctl_option own[] = { { .name = "persistent", .flag = &persistent }, { 0 } };
	struct ctl_common common;
	int code, n;

	if (!ctl_parse(argc, argv, help, own, &common, &code))
		return code;
	n = argc - common.first - 1;
	if (n < 1) {
		fprintf(stderr, "aerostatctl: set: which VM, and what? (see --help)\n");
		return CTL_USAGE;
	}
	for (int i = 1; i <= n; i++) {
		const char *setting = argv[common.first + i];

		if (setting[0] == '=' || !strchr(setting, '=')) {
			fprintf(stderr, "aerostatctl: set: '%s' is not KEY=VALUE\n", setting);
			return CTL_USAGE;
		}
	}
	code = client_set(&common.client, argv[common.first], argv + common.first + 1, (size_t)n,
			  persistent);
	return print_done(common.json, code);
}
