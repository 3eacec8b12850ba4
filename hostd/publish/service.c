// SPDX-License-Identifier: GPL-2.0
/*
 * sd_notify(3). Ready means in control: all VMs have been judged once. A host whose libvirt starts
 * late does not fail the unit: that has no time limit for its start, and boot does not wait for it.
 */
#include "publish/service.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "util/clock.h"

#define STATUS_LEN 256

static bool ready;

void service_ready(void)
{
	if (!ready)
		sd_notify(0, "READY=1");
	ready = true;
}

void service_reloaded(void)
{
	if (ready)
		sd_notify(0, "READY=1");
}

void service_reloading(void)
{
	if (ready)
		sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_monotonic_ms() * 1000);
}

void service_stopping(void)
{
	sd_notify(0, "STOPPING=1");
}

void service_status(const char *format, ...)
{
	char text[STATUS_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	sd_notifyf(0, "STATUS=%s", text);
}
