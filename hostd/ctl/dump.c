// SPDX-License-Identifier: GPL-2.0
/* aerostatctl dump: all that the daemon knows, as one JSON document for a bug report or an archive. */
#include "ctl/dump.h"

#include <stdlib.h>
#include <string.h>

#include "ctl/options.h"
#include "ctl/select.h"

#define WEEK_MS ((uint64_t)7 * 24 * 60 * 60 * 1000)

static const char help[] =
	"usage: aerostatctl dump [OPTION]...\n"
	"Print the daemon's status, the history of each VM, and the metrics as one JSON document,\n"
	"for a bug report or an archive. It has names of VMs in it, and nothing of their contents.\n"
	"\n"
	"      --bus BUS  system, or session (default where yours has one)\n"
	"  -h, --help     this text\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage, 3 aerostatd is not running or\n"
	"cannot be reached.";

static int add_histories(const struct client_options *client, json_t *status)
{
	const json_t *vms = json_object_get(status, "vms");

	for (size_t i = 0; i < json_array_size(vms); i++) {
		json_t *vm = json_array_get(vms, i), *points;
		int code = client_history(client, text_of(vm, "uuid", ""), WEEK_MS, &points);

		if (code == CTL_OK)
			json_object_set_new(vm, "history", points);
		else if (code != CTL_FAILED) /* a VM may be gone by now */
			return code;
	}
	return CTL_OK;
}

static int add_metrics(const struct client_options *client, json_t *status)
{
	json_t *lines = json_array();
	char *text, *rest;
	int code;

	code = client_metrics(client, &text);
	if (code != CTL_OK) {
		json_decref(lines);
		return code;
	}
	rest = text;
	for (char *line; (line = strsep(&rest, "\n"));)
		if (line[0] && line[0] != '#')
			json_array_append_new(lines, json_string(line));
	free(text);
	json_object_set_new(status, "metrics", lines);
	return CTL_OK;
}

int ctl_dump(int argc, char **argv)
{
	struct ctl_common common;
	json_t *status;
	int code;

	if (!ctl_parse(argc, argv, help, NULL, &common, &code))
		return code;
	code = client_status(&common.client, &status);
	if (code != CTL_OK)
		return code;
	code = add_histories(&common.client, status);
	if (code == CTL_OK)
		code = add_metrics(&common.client, status);
	if (code == CTL_OK)
		code = print_json(status);
	json_decref(status);
	return code;
}
