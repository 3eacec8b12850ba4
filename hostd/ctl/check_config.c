// SPDX-License-Identifier: GPL-2.0
/* aerostatctl check-config: would the daemon take this configuration? */
#include "ctl/check_config.h"

#include <jansson.h>
#include <stdio.h>

#include "conf/conf.h"
#include "ctl/options.h"
#include "ctl/select.h"

static const char help[] = "usage: aerostatctl check-config [OPTION]... [FILE]\n"
			   "Check FILE (default " CONF_PATH_DEFAULT
			   ") and the drop-ins beside it. Says where\n"
			   "what is wrong, and what would be right.\n"
			   "\n"
			   "  -j, --json     for programs\n"
			   "  -h, --help     this text\n"
			   "\n"
			   "Exit status: 0 it is good, 1 it is not, 2 wrong usage.";

int ctl_check_config(int argc, char **argv)
{
	struct conf_error error = { "" };
	struct ctl_common common;
	struct conf *conf = NULL;
	json_t *result;
	int code, ret;

	if (!ctl_parse(argc, argv, help, NULL, &common, &code))
		return code;
	if (argc - common.first > 1) {
		fprintf(stderr, "aerostatctl: check-config: one file only\n");
		return CTL_USAGE;
	}
	ret = conf_load(argv[common.first], &conf, &error);
	conf_free(conf);
	if (common.json) {
		result = json_pack("{s:b}", "good", ret == 0);
		if (ret)
			json_object_set_new(result, "error", json_string(error.text));
		print_json(result);
		json_decref(result);
	} else if (ret) {
		fprintf(stderr, "aerostatctl: %s\n", error.text);
	} else {
		puts("configuration is good");
	}
	return ret ? CTL_FAILED : CTL_OK;
}
