// SPDX-License-Identifier: GPL-2.0
/*
 * The service manager sends SIGABRT to whoever does not feed it in time. The handler may do next to
 * nothing, so what to say is kept ready in one pointer; then the signal takes its usual course, for
 * the sake of the core dump.
 */
#include "watchdog.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "util/log.h"

/* A quarter, where half would do: so that being late once is not the end. */
#define FEED_DIVISOR 4

#define TIMER_ACCURACY_US 10000

struct watchdog {
	uint64_t period_us;
	bool (*proceeds)(void *userdata);
	void *userdata;
	bool starving; /* has been logged */
};

/* One a process: it lives in the process's signal handler, too. */
static struct watchdog watchdog;
static const char *volatile phase = "starting";

void watchdog_phase(const char *doing)
{
	phase = doing;
}

/* A log that nobody reads must not keep the process alive: short lines fit, or are not written. */
static void put(const char *text)
{
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&fd, 1, 0) != 1 || !(fd.revents & POLLOUT))
		return;
	/* Nothing can be done about a log that is full. */
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

static void on_abort(int number)
{
	put("aerostatd: ended by the watchdog, stuck while ");
	put(phase);
	put("\n");
	/* SA_RESETHAND: the default action is back. */
	raise(number);
}

static int on_feed(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct watchdog *dog = userdata;
	bool proceeds = dog->proceeds(dog->userdata);

	(void)usec;
	sd_event_source_set_time_relative(source, dog->period_us);
	sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	if (proceeds)
		sd_notify(0, "WATCHDOG=1");
	else if (!dog->starving)
		log_error("no ticks any more; the watchdog is not fed until there are");
	dog->starving = !proceeds;
	return 0;
}

int watchdog_start(sd_event *event, bool (*proceeds)(void *userdata), void *userdata)
{
	struct sigaction action = { .sa_handler = on_abort, .sa_flags = SA_RESETHAND };
	uint64_t limit_us;
	int ret;

	ret = sd_watchdog_enabled(0, &limit_us);
	if (ret <= 0)
		return ret;
	watchdog = (struct watchdog){
		.period_us = limit_us / FEED_DIVISOR,
		.proceeds = proceeds,
		.userdata = userdata,
	};
	sigaction(SIGABRT, &action, NULL);
	ret = sd_event_add_time_relative(event, NULL, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_US,
					 on_feed, &watchdog);
	return ret < 0 ? ret : 0;
}
