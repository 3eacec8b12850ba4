// SPDX-License-Identifier: GPL-2.0
/* aerostatctl boost: memory for a VM, for a time; what an alert or a backup script calls. */
#include "ctl/boost.h"

#include <stdio.h>
#include <string.h>

#include "ctl/options.h"
#include "ctl/select.h"
#include "util/size.h"

static const char help[] =
	"usage: aerostatctl boost [OPTION]... VM SIZE --for TIME\n"
	"       aerostatctl boost [OPTION]... VM --end\n"
	"For a time, reserve at least this much for a VM: what it lacks it gets as soon as that is\n"
	"free, and nothing of it is taken. SIZE: 8G, or +2G for that much more than it has now.\n"
	"TIME: 30s, 10min, 2h, 1d, a week at most. A boost goes on when the daemon is restarted, and\n"
	"ends with the VM.\n"
	"\n"
	"      --for TIME    for how long\n"
	"      --end         end a boost\n" CTL_HELP_COMMON;

/* What the VM has now. Returns an exit code. */
static int actual_kib(const struct client_options *client, char *vm, uint64_t *ret_kib)
{
	const json_t *found;
	json_t *status;
	int code;

	code = client_status(client, &status);
	if (code != CTL_OK)
		return code;
	code = select_vms(status, &vm, 1);
	found = json_object_get(json_array_get(json_object_get(status, "vms"), 0), "actual_kib");
	if (code == CTL_OK && !json_is_integer(found)) {
		fprintf(stderr, "aerostatctl: what %s has now is not known\n", vm);
		code = CTL_FAILED;
	}
	if (code == CTL_OK)
		*ret_kib = (uint64_t)json_integer_value(found);
	json_decref(status);
	return code;
}

static int boost(const struct client_options *client, char *vm, const char *size, uint32_t for_ms)
{
	uint64_t size_kib, now_kib = 0;
	bool more = size[0] == '+';
	int code;

	if (size_parse_kib(size + more, &size_kib) || !size_kib) {
		fprintf(stderr, "aerostatctl: boost: '%s' is not a size such as 8G or +512M\n",
			size);
		return CTL_USAGE;
	}
	if (more) {
		code = actual_kib(client, vm, &now_kib);
		if (code != CTL_OK)
			return code;
	}
	return client_boost(client, vm, now_kib + size_kib, for_ms);
}

int ctl_boost(int argc, char **argv)
{
	const char *duration = NULL;
	bool end = false;
	const struct ctl_option own[] = { { .name = "for", .value = &duration },
					  { .name = "end", .flag = &end },
					  { 0 } };
	struct ctl_common common;
	uint32_t for_ms = 0;
	int code;

	if (!ctl_parse(argc, argv, help, own, &common, &code))
		return code;
	if (end && !duration && argc - common.first == 1)
		return print_done(common.json,
				  client_boost(&common.client, argv[common.first], 0, 0));
	if (end || !duration || argc - common.first != 2) {
		fprintf(stderr,
			"aerostatctl: boost: VM SIZE --for TIME, or VM --end (see --help)\n");
		return CTL_USAGE;
	}
	if (size_parse_ms(duration, &for_ms) || !for_ms) {
		fprintf(stderr, "aerostatctl: boost: '%s' is not a time such as 10min\n", duration);
		return CTL_USAGE;
	}
	code = boost(&common.client, argv[common.first], argv[common.first + 1], for_ms);
	return print_done(common.json, code);
}
