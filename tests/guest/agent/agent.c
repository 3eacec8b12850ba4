// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of test and demo guests.
 *
 * It mounts what a test looks at, loads the modules a device needs to be seen (/lib/modules/order
 * lists them), then the balloon module the kernel command line asks for, starts a load if one is
 * asked for, and serves requests from the host on the second serial port for the rest of its
 * life. Verdicts travel on that port only: the console belongs to the kernel, and the host reads
 * it for warnings.
 *
 * Kernel command line:
 *   agent.module=NAME            balloon module to load at start: aerostat, virtio_balloon; none
 *   agent.params=A=1,B=2         its parameters
 *   agent.load=SHAPE[,P=V...]    a load, see load.c
 *   agent.swap=NAME              a virtio disk, e.g. vda, with a swap area
 *   agent.port=NAME              the port to the host, of /dev, in place of the second serial port
 *   agent.poweroff=1             power off as soon as all that is done
 *
 * Its first line on the port is "agent ready kernel=RELEASE module=NAME module_errno=N".
 */
#include "agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define ORDER_PATH "/lib/modules/order"

static void mount_all(void)
{
	static const struct {
		const char *type, *path;
	} mounts[] = {
		{ "proc", "/proc" },
		{ "sysfs", "/sys" },
		{ "devtmpfs", "/dev" },
		{ "tmpfs", "/run" },
		{ "debugfs", "/sys/kernel/debug" },
		{ "tracefs", "/sys/kernel/tracing" },
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(*mounts); i++) {
		mkdir(mounts[i].path, 0755);
		/* devtmpfs is there already on some kernels, tracefs is missing on others. */
		mount(mounts[i].type, mounts[i].path, mounts[i].type, 0, NULL);
	}
}

/* Modules that let devices be seen; a kernel that has one built in has no file for it. */
static void load_transports(void)
{
	char text[4096], *name, *rest;
	int r;

	r = file_read(ORDER_PATH, text, sizeof(text));
	if (r < 0)
		return;
	for (name = strtok_r(text, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
		r = module_insert(name, "");
		if (r < 0 && r != -EEXIST)
			port_sendf("agent cannot load %s: %s", name, strerror(-r));
	}
}

/* Loads the balloon module asked for and says so. */
static void load_balloon(void)
{
	char name[64] = "none", parameters[512] = "";
	struct utsname system;
	int r = 0;

	cmdline_get("agent.module", name, sizeof(name));
	cmdline_get("agent.params", parameters, sizeof(parameters));
	for (char *c = parameters; *c; c++)
		if (*c == ',')
			*c = ' ';
	if (strcmp(name, "none") != 0)
		r = module_insert(name, parameters);
	uname(&system);
	port_sendf("agent ready kernel=%s module=%s module_errno=%d", system.release, name, -r);
}

static void open_port(void)
{
	char name[32] = "ttyS1", path[64];
	int r;

	cmdline_get("agent.port", name, sizeof(name));
	snprintf(path, sizeof(path), "/dev/%s", name);
	r = port_open(path);
	if (r < 0)
		fprintf(stderr, "agent: cannot open %s: %s\n", path, strerror(-r));
}

static bool poweroff_asked(void)
{
	char text[8];

	return cmdline_get("agent.poweroff", text, sizeof(text)) == 0;
}

int main(void)
{
	static char request[AGENT_REQUEST_MAX];
	int r;

	if (getpid() != 1) {
		fprintf(stderr, "this program is the first process of a test guest\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	setenv("PATH", "/sbin:/bin:/usr/sbin:/usr/bin", 1);
	mount_all();
	/* The boot is quiet for speed; what tests provoke shall all be on the console. */
	file_write("/proc/sys/kernel/printk", "8");
	/* Hogs and loads may ask for more than is free while the balloon gives way. */
	file_write("/proc/sys/vm/overcommit_memory", "1");
	open_port();
	load_transports();
	load_balloon();
	r = swap_start();
	if (r < 0)
		port_sendf("agent cannot swap: %s", strerror(-r));
	r = load_start();
	if (r < 0)
		port_sendf("agent cannot start the load: %s", strerror(-r));
	if (poweroff_asked()) {
		sync();
		reboot(RB_POWER_OFF);
	}
	for (;;) {
		r = port_receive(request, sizeof(request));
		if (r == -EMSGSIZE)
			port_sendf("0 err %d request too long", EMSGSIZE);
		else if (r == 0)
			command_run(request);
		else
			sleep(1);
	}
}
