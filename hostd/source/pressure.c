// SPDX-License-Identifier: GPL-2.0
/*
 * The trigger lives as long as the file is open, and fires as EPOLLPRI. Root (CAP_SYS_RESOURCE) may
 * have any window from 0.5 s; everybody else only such of 2 s, since Linux 6.5. The shorter one is
 * tried first.
 */
#include "source/pressure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define WINDOW_US	       500000
#define WINDOW_UNPRIVILEGED_US 2000000

struct pressure {
	int fd;
	sd_event_source *source;
	void (*fired)(void *userdata);
	void *userdata;
};

static int on_pressure(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct pressure *pressure = userdata;

	(void)fd;
	if (events & EPOLLERR) /* the trigger is gone, as when pressure was turned off */
		return sd_event_source_set_enabled(source, SD_EVENT_OFF);
	pressure->fired(pressure->userdata);
	return 0;
}

static int arm(int fd, unsigned int window_us)
{
	char trigger[64];
	int length;

	length = snprintf(trigger, sizeof(trigger), "some %u %u",
			  window_us / 1000 * PRESSURE_STALL_PERMILLE, window_us);
	/* With its terminating NUL, as the kernel's documentation does it. */
	return write(fd, trigger, (size_t)length + 1) < 0 ? -errno : 0;
}

/* A trigger that was refused leaves nothing behind, so the same file serves again. */
static int open_trigger(void)
{
	int fd, ret;

	fd = open("/proc/pressure/memory", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = arm(fd, WINDOW_US);
	if (ret)
		ret = arm(fd, WINDOW_UNPRIVILEGED_US);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int pressure_new(sd_event *event, const char *root, void (*fired)(void *userdata), void *userdata,
		 struct pressure **ret_pressure)
{
	struct pressure *pressure;
	int ret;

	if (*root)
		return -EOPNOTSUPP;
	pressure = calloc(1, sizeof(*pressure));
	if (!pressure)
		return -ENOMEM;
	pressure->fired = fired;
	pressure->userdata = userdata;
	ret = open_trigger();
	pressure->fd = ret;
	if (ret >= 0)
		ret = sd_event_add_io(event, &pressure->source, pressure->fd, EPOLLPRI, on_pressure,
				      pressure);
	if (ret < 0) {
		pressure_free(pressure);
		return ret;
	}
	*ret_pressure = pressure;
	return 0;
}

void pressure_free(struct pressure *pressure)
{
	if (!pressure)
		return;
	sd_event_source_disable_unref(pressure->source);
	if (pressure->fd >= 0)
		close(pressure->fd);
	free(pressure);
}
