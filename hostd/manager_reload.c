// SPDX-License-Identifier: GPL-2.0
/*
 * New settings. The files are read on a worker's thread, because a file system can take its time, or
 * hang. Who asked hears what came of it, also when nothing does: then the settings stay, and what
 * comes of it after all is not taken. One is read at a time.
 */
#include "manager_reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "manager_internal.h"
#include "util/log.h"

/* Less than callers on the bus wait. */
#define TIMEOUT_MS	  15000
#define TIMER_ACCURACY_US 50000

struct reload_job {
	struct job job; /* first */
	struct manager *manager;
	const char *path;
	struct conf *conf;
	struct conf_error why;
	sd_event_source *timer;
	reload_done_fn done; /* NULL: has been called */
	void *userdata;
};

static void answer(struct reload_job *reload, int error, const char *why)
{
	reload_done_fn done = reload->done;

	reload->done = NULL;
	reload->timer = sd_event_source_disable_unref(reload->timer);
	done(reload->userdata, error, why);
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	answer(userdata, -ETIMEDOUT, "the configuration cannot be read: its file system hangs");
	return 0;
}

static int run_load(struct job *job, virConnectPtr unused)
{
	struct reload_job *reload = (struct reload_job *)job;

	(void)unused;
	return conf_load(reload->path, &reload->conf, &reload->why);
}

static void apply(struct manager *manager, struct conf *conf)
{
	struct conf *old = manager->conf;

	if (!manager->options->uri && strcmp(manager->uri, conf->daemon.connect) != 0)
		log_warning(
			"daemon.connect is %s now: that takes effect with a restart; until then "
			"it stays %s",
			conf->daemon.connect, manager->uri);
	manager->conf = conf;
	link_set_deadline(manager->link, conf->daemon.call_deadline_ms);
	for (size_t i = 0; i < manager->fleet.n_vms; i++)
		manager_settle_vm(manager, manager->fleet.vms[i]);
	conf_free(old);
	if (link_is_up(manager->link))
		manager_tick_soon(manager);
}

static void done_load(struct job *job)
{
	struct reload_job *reload = (struct reload_job *)job;
	struct manager *manager = reload->manager;

	manager->reloading = false;
	if (manager->stopping)
		reload->timer = sd_event_source_disable_unref(reload->timer);
	else if (!reload->done)
		log_warning("the configuration could be read after all; it is not used until it is "
			    "read again");
	else if (!job->error)
		apply(manager, reload->conf);
	/* Also while stopping: whoever waits is to be let go. */
	if (!job->error && (manager->stopping || !reload->done))
		conf_free(reload->conf);
	if (reload->done)
		answer(reload, manager->stopping ? -ESHUTDOWN : job->error,
		       manager->stopping     ? "the daemon ends"
		       : reload->why.text[0] ? reload->why.text
					     : job->error_text);
	free(reload);
}

int manager_reload(struct manager *manager, const char *path, reload_done_fn done, void *userdata,
		   struct conf_error *ret_why)
{
	struct reload_job *reload;

	if (manager->reloading) {
		snprintf(ret_why->text, sizeof(ret_why->text),
			 "the configuration is being read already");
		return -EINVAL;
	}
	reload = calloc(1, sizeof(*reload));
	if (!reload)
		return -ENOMEM;
	reload->job.run = run_load;
	reload->job.done = done_load;
	reload->job.without_connection = true;
	reload->manager = manager;
	reload->path = path;
	reload->done = done;
	reload->userdata = userdata;
	if (sd_event_add_time_relative(manager->event, &reload->timer, CLOCK_MONOTONIC,
				       (uint64_t)TIMEOUT_MS * 1000, TIMER_ACCURACY_US, on_timeout,
				       reload) < 0) {
		free(reload);
		return -ENOMEM;
	}
	manager->reloading = true;
	workers_submit(link_workers(manager->link), &reload->job);
	return 0;
}
