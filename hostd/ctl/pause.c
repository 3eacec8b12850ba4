// SPDX-License-Identifier: GPL-2.0
/* aerostatctl pause and resume: no memory is moved for a while, by somebody who works on the host. */
#include "ctl/pause.h"

#include <stdio.h>

#include "ctl/options.h"
#include "ctl/select.h"

static const char pause_help[] =
	"usage: aerostatctl pause [OPTION]... [VM]...\n"
	"Stop moving the memory of these VMs, or, without any, of all, also of those that start\n"
	"later. Decisions go on and are shown, but are not carried out, until `resume`, also when\n"
	"the daemon is restarted. The pause of a VM ends with the VM.\n"
	"\n" CTL_HELP_COMMON;

static const char resume_help[] =
	"usage: aerostatctl resume [OPTION]... [VM]...\n"
	"Move memory again, of these VMs or, without any, in general. A VM that was paused by its\n"
	"name is resumed by its name.\n"
	"\n" CTL_HELP_COMMON;

static int run(int argc, char **argv, bool pause)
{
	struct ctl_common common;
	int code = CTL_OK;

	if (!ctl_parse(argc, argv, pause ? pause_help : resume_help, NULL, &common, &code))
		return code;
	if (common.first == argc)
		code = client_pause(&common.client, NULL, pause);
	for (int i = common.first; i < argc && code == CTL_OK; i++)
		code = client_pause(&common.client, argv[i], pause);
	return print_done(common.json, code);
}

int ctl_pause(int argc, char **argv)
{
	return run(argc, argv, true);
}

int ctl_resume(int argc, char **argv)
{
	return run(argc, argv, false);
}
