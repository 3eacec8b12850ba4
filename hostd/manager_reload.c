// SPDX-License-Identifier: GPL-2.0
/*
 * New settings. The files are read on a worker's thread, because a file system can take its time, or
 * hang. Who asked hears what came of it, also when nothing does: then the settings stay, and what
 * comes of it after all is not taken. One is read at a time.
 *
 * Whether a reserve is one for this host the files alone do not tell. Where the host's memory is known,
 * settings with one that is not are no more taken than others that are wrong. At the start, or when
 * the memory is less than it was, the reserve alone is left out (policy/reserve.c), and that is said.
 */
#include "manager_reload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "manager_internal.h"
#include "policy/reserve.h"
#include "source/host.h"
#include "util/log.h"
#include "util/size.h"

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

static void describe_misfit(const struct policy_settings *settings, struct opt_u64 total_kib,
			    struct conf_error *ret_why)
{
	char reserve[SIZE_TEXT_LEN], total[SIZE_TEXT_LEN];

	snprintf(ret_why->text, sizeof(ret_why->text),
		 "host.reserve: %s is more than %d %% of this host's memory (%s)",
		 size_format_kib(opt_or(settings->reserve_kib, 0), reserve, sizeof(reserve)),
		 RESERVE_MAX_PERMILLE / 10,
		 size_format_kib(opt_or(total_kib, 0), total, sizeof(total)));
}

void manager_check_reserve(struct manager *manager)
{
	const struct policy_settings *settings = &manager->conf->policy;
	struct opt_u64 total_kib = manager->host.total_kib;
	bool rejected = !reserve_fits(settings, total_kib);
	char kept[SIZE_TEXT_LEN];
	struct conf_error why;

	if (rejected && !manager->reserve_rejected) {
		describe_misfit(settings, total_kib, &why);
		log_warning("%s; it is not used, and %s is kept available", why.text,
			    size_format_kib(opt_or(reserve_kib(settings, total_kib), 0), kept,
					    sizeof(kept)));
	}
	manager->reserve_rejected = rejected;
}

static int check_host(const struct manager *manager, const struct conf *conf,
		      struct conf_error *ret_why)
{
	struct opt_u64 total_kib = manager->host.total_kib;

	if (!manager->remote)
		total_kib = host_sample_read(manager->options->root).total_kib;
	if (reserve_fits(&conf->policy, total_kib))
		return 0;
	describe_misfit(&conf->policy, total_kib, ret_why);
	return -EINVAL;
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
	manager->reserve_rejected = false;
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
	bool loaded = !job->error;

	manager->reloading = false;
	if (loaded)
		job->error = check_host(manager, reload->conf, &reload->why);
	if (manager->stopping)
		reload->timer = sd_event_source_disable_unref(reload->timer);
	else if (!reload->done)
		log_warning("the configuration could be read after all; it is not used until it is "
			    "read again");
	else if (!job->error)
		apply(manager, reload->conf);
	/* Also while stopping: whoever waits is to be let go. */
	if (loaded && (job->error || manager->stopping || !reload->done))
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
