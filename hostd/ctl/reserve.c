// SPDX-License-Identifier: GPL-2.0
/* aerostatctl reserve: memory for a VM that is about to start; what a hook script calls. */
#include "ctl/reserve.h"

#include <stdio.h>

#include "ctl/options.h"
#include "ctl/select.h"
#include "util/size.h"

#define TIMEOUT_DEFAULT "30s"

static const char help[] =
	"usage: aerostatctl reserve [OPTION]... SIZE\n"
	"Free so much memory on the host, and hold it for a VM that is about to start: wait until it\n"
	"is free, or say who keeps it. It is held until a VM starts, but no longer than the waiting\n"
	"may have taken. SIZE: 8G.\n"
	"\n"
	"      --for VM       held until this VM starts, whoever else does: its name or UUID\n"
	"      --timeout TIME wait no longer than this (default " TIMEOUT_DEFAULT
	", an hour at most)\n" CTL_HELP_COMMON;

int ctl_reserve(int argc, char **argv)
{
	const char *timeout = TIMEOUT_DEFAULT, *vm = NULL;
	const struct ctl_option own[] = {
		{ .name = "for", .value = &vm },
		{ .name = "timeout", .value = &timeout },
		{ 0 },
	};
	struct ctl_common common;
	uint64_t size_kib;
	uint32_t timeout_ms;
	int code;

	if (!ctl_parse(argc, argv, help, own, &common, &code))
		return code;
	if (argc - common.first != 1) {
		fprintf(stderr, "aerostatctl: reserve: one SIZE is needed (see --help)\n");
		return CTL_USAGE;
	}
	if (size_parse_kib(argv[common.first], &size_kib) || !size_kib) {
		fprintf(stderr, "aerostatctl: reserve: '%s' is not a size such as 8G\n",
			argv[common.first]);
		return CTL_USAGE;
	}
	if (size_parse_ms(timeout, &timeout_ms) || !timeout_ms) {
		fprintf(stderr, "aerostatctl: reserve: '%s' is not a time such as 30s\n", timeout);
		return CTL_USAGE;
	}
	code = client_reserve(&common.client, vm, size_kib, timeout_ms);
	return print_done(common.json, code);
}
