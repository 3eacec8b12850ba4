// SPDX-License-Identifier: GPL-2.0
/*
 * aerostatd: from the command line to a running loop, and back.
 *
 * Signals are blocked before the first thread is made and arrive through the loop, so a handler
 * is ordinary code on the thread that owns everything.
 */
#include <errno.h>
#include <libxml/parser.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "alone.h"
#include "conf/conf.h"
#include "manager.h"
#include "manager_orders.h"
#include "manager_reload.h"
#include "manager_reserve.h"
#include "options.h"
#include "publish/bus.h"
#include "publish/publishers.h"
#include "publish/service.h"
#include "source/libvirt.h"
#include "util/log.h"
#include "watchdog.h"

#define TRIM_THRESHOLD_BYTES (64 * 1024)

enum {
	EXIT_USAGE = 2,
	EXIT_ALREADY_RUNNING = 3,
};

struct daemon {
	struct options options;
	sd_event *event;
	struct manager *manager;
	struct bus *bus;
	struct publishers *publishers; /* NULL with --once: nobody could ask in time */
	bool releasing; /* on the way out */
};

static void on_released(void *userdata)
{
	struct daemon *daemon = userdata;

	sd_event_exit(daemon->event, EXIT_SUCCESS);
}

/* A second signal ends it at once. */
static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct daemon *daemon = userdata;
	const char *name = strsignal((int)info->ssi_signo);

	(void)source;
	if (daemon->options.release_on_exit && !daemon->releasing) {
		daemon->releasing = true;
		log_info("%s: stopping", name);
		manager_release(daemon->manager, on_released, daemon);
		return 0;
	}
	log_info("%s: stopping; all VMs keep their targets", name);
	return sd_event_exit(daemon->event, EXIT_SUCCESS);
}

/* One that was asked for: who is to be told, if anybody but the log. */
struct reload {
	struct daemon *daemon;
	order_done_fn done;
	void *userdata;
};

static void on_reloaded(void *userdata, int error, const char *why)
{
	struct reload *reload = userdata;
	struct daemon *daemon = reload->daemon;

	if (error == -ESHUTDOWN)
		log_info("%s", why);
	else if (error)
		log_error("%s; the settings stay as they were", why);
	else
		log_info("configuration read again");
	if (!error && daemon->publishers)
		publishers_reload(daemon->publishers);
	service_reloaded();
	if (reload->done)
		reload->done(reload->userdata, error, why);
	free(reload);
}

static int begin_reload(struct daemon *daemon, order_done_fn done, void *done_userdata,
			struct conf_error *ret_why)
{
	struct reload *reload = calloc(1, sizeof(*reload));
	int ret;

	if (!reload)
		return -ENOMEM;
	*reload = (struct reload){ daemon, done, done_userdata };
	ret = manager_reload(daemon->manager, daemon->options.config, on_reloaded, reload, ret_why);
	if (ret)
		free(reload);
	else
		service_reloading();
	return ret;
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	struct conf_error why = { "out of memory" };

	(void)source;
	(void)info;
	if (begin_reload(userdata, NULL, NULL, &why))
		log_error("%s; ask again when that is over", why.text);
	return 0;
}

static int add_signals(struct daemon *daemon)
{
	static const struct {
		int number;
		sd_event_signal_handler_t handler;
	} signals[] = {
		{ SIGTERM, on_stop },
		{ SIGINT, on_stop },
		{ SIGHUP, on_reload },
	};
	int ret = 0;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]) && ret >= 0; i++)
		ret = sd_event_add_signal(daemon->event, NULL, signals[i].number,
					  signals[i].handler, daemon);
	return ret < 0 ? ret : 0;
}

static void block_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* libvirt and the bus write to sockets whose peers may die. */
	signal(SIGPIPE, SIG_IGN);
}

/*
 * Threads here wait more than they allocate, so they share one arena instead of keeping 128 KiB and
 * more each; and what a large answer of libvirt's took goes back to the kernel.
 */
static void limit_memory(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES);
}

static void get_status(void *userdata, struct status *ret_status)
{
	const struct daemon *daemon = userdata;

	manager_status(daemon->manager, ret_status);
	ret_status->history = publishers_history(daemon->publishers);
	ret_status->alarms = publishers_alarms(daemon->publishers);
}

/* The bus is there before the manager; its calls come when the loop runs, after both. */
static int order_set(void *userdata, const char *uuid, const struct tune_change *changes,
		     size_t n_changes, bool persistent, order_done_fn done, void *done_userdata,
		     struct conf_error *ret_why)
{
	struct daemon *daemon = userdata;

	return manager_order_set(daemon->manager, uuid, changes, n_changes, persistent, done,
				 done_userdata, ret_why);
}

static int order_boost(void *userdata, const char *uuid, uint64_t size_kib, uint64_t duration_ms,
		       struct conf_error *ret_why)
{
	struct daemon *daemon = userdata;

	return manager_order_boost(daemon->manager, uuid, size_kib, duration_ms, ret_why);
}

static int order_reserve(void *userdata, const char *vm, uint64_t size_kib, uint64_t timeout_ms,
			 order_done_fn done, void *done_userdata, struct conf_error *ret_why)
{
	struct daemon *daemon = userdata;

	return manager_reserve(daemon->manager, vm, size_kib, timeout_ms, done, done_userdata,
			       ret_why);
}

static int order_reload(void *userdata, order_done_fn done, void *done_userdata,
			struct conf_error *ret_why)
{
	return begin_reload(userdata, done, done_userdata, ret_why);
}

static void on_name_lost(void *userdata)
{
	struct daemon *daemon = userdata;

	if (!daemon->options.manager.dry_run)
		sd_event_exit(daemon->event, EXIT_ALREADY_RUNNING);
}

static void order_pause(void *userdata, const char *uuid, bool pause)
{
	struct daemon *daemon = userdata;

	manager_order_pause(daemon->manager, uuid, pause);
}

static void on_ticked(void *userdata)
{
	struct daemon *daemon = userdata;

	if (daemon->publishers)
		publishers_tick(daemon->publishers);
}

static int on_keep(void *userdata, void **ret_bytes, size_t *ret_length)
{
	struct daemon *daemon = userdata;

	return daemon->publishers ? publishers_keep(daemon->publishers, ret_bytes, ret_length)
				  : -ENODATA;
}

/* Where the history is kept: a daemon that changes nothing leaves that to the one that does. */
static const char *history_directory(const struct daemon *daemon)
{
	const struct manager_options *options = &daemon->options.manager;

	return options->dry_run ? NULL : options->state_directory;
}

/*
 * Two daemons on one host would undo each other's work, so a name that is taken ends this one,
 * unless it changes nothing anyway. A bus that is not there only costs the status, until it comes.
 */
static int start_bus(struct daemon *daemon)
{
	const struct bus_orders orders = {
		.set = order_set,
		.boost = order_boost,
		.reserve = order_reserve,
		.reload = order_reload,
		.name_lost = on_name_lost,
		.pause = order_pause,
		.userdata = daemon,
	};
	int ret;

	if (daemon->options.bus == BUS_NONE)
		return 0;
	ret = bus_new(daemon->event, daemon->options.bus, get_status, daemon, &orders,
		      &daemon->bus);
	if (ret == -EEXIST && daemon->options.manager.dry_run) {
		log_info("another aerostatd is running on this host; this one only looks on");
		return 0;
	}
	if (ret == -EEXIST) {
		log_error("%s is taken on the bus: another aerostatd is running on this host",
			  BUS_NAME);
		return ret;
	}
	if (ret < 0)
		log_warning("not on the bus: %s", strerror(-ret));
	return 0;
}

/*
 * The bus alone does not tell: another daemon may be on another one, or on none. What cannot be found
 * out keeps nobody from working.
 */
static int claim_libvirt(const struct daemon *daemon, const struct conf *conf)
{
	const struct manager_options *options = &daemon->options.manager;
	const char *uri = options->uri ? options->uri : conf->daemon.connect;
	pid_t pid;
	int ret;

	if (options->dry_run)
		return 0;
	ret = alone_claim(uri, &pid);
	if (ret == -EEXIST)
		log_error(
			"process %d manages the VMs of %s: another aerostatd is running on this host",
			(int)pid, uri);
	else if (ret)
		log_warning("whether another aerostatd manages the same VMs cannot be told: %s",
			    strerror(-ret));
	return ret == -EEXIST ? ret : 0;
}

static bool ticks_proceed(void *userdata)
{
	return manager_proceeds(((struct daemon *)userdata)->manager);
}

static int start(struct daemon *daemon, struct conf *conf)
{
	int ret;

	ret = sd_event_new(&daemon->event);
	if (ret < 0)
		goto fail;
	ret = add_signals(daemon);
	if (ret)
		goto fail;
	ret = start_bus(daemon);
	if (!ret)
		ret = claim_libvirt(daemon, conf);
	if (ret)
		goto fail;
	ret = link_global_init();
	if (ret)
		goto fail;
	daemon->options.manager.ticked = on_ticked;
	daemon->options.manager.keep = on_keep;
	daemon->options.manager.userdata = daemon;
	ret = manager_new(daemon->event, conf, &daemon->options.manager, &daemon->manager);
	if (ret)
		goto fail;
	if (daemon->options.manager.once)
		return 0;
	ret = publishers_new(daemon->event, daemon->bus, get_status, daemon,
			     history_directory(daemon), &daemon->options.manager.clock,
			     &daemon->publishers);
	if (ret)
		log_error("no metrics: %s", strerror(-ret));
	return 0;

fail:
	conf_free(conf);
	if (ret != -EEXIST)
		log_error("cannot start: %s", strerror(-ret));
	return ret;
}

/* Returns the exit code. */
static int run(struct daemon *daemon)
{
	int ret;

	ret = watchdog_start(daemon->event, ticks_proceed, daemon);
	if (ret < 0)
		log_warning("no watchdog: %s", strerror(-ret));
	ret = sd_event_loop(daemon->event);
	service_stopping();
	if (ret < 0) {
		log_error("event loop: %s", strerror(-ret));
		return EXIT_FAILURE;
	}
	return ret;
}

static void stop(struct daemon *daemon, int exit_code)
{
	publishers_keep_now(daemon->publishers);
	publishers_free(daemon->publishers);
	bus_free(daemon->bus);
	if (!manager_stop(daemon->manager)) {
		log_warning("leaving calls into libvirt behind that hang");
		log_attach();
		_exit(exit_code);
	}
	sd_event_unref(daemon->event);
	log_attach();
}

int main(int argc, char **argv)
{
	struct daemon daemon = { 0 };
	struct conf_error error;
	struct conf *conf;
	int ret;

	log_init("aerostatd");
	if (options_parse(argc, argv, &daemon.options))
		return EXIT_USAGE;
	if (daemon.options.help) {
		options_print_help();
		return EXIT_SUCCESS;
	}
	if (daemon.options.version) {
		puts("aerostatd " AEROSTAT_VERSION);
		return EXIT_SUCCESS;
	}
	log_set_level(daemon.options.log_level);
	xmlInitParser();
	if (conf_load(daemon.options.config, &conf, &error)) {
		log_error("%s", error.text);
		return EXIT_FAILURE;
	}
	if (daemon.options.check_config) {
		conf_free(conf);
		puts("configuration is good");
		return EXIT_SUCCESS;
	}
	limit_memory();
	block_signals();
	ret = log_detach();
	if (ret)
		log_warning("the log is written by the loop itself: %s", strerror(-ret));
	ret = start(&daemon, conf);
	if (!ret)
		ret = run(&daemon);
	else
		ret = ret == -EEXIST ? EXIT_ALREADY_RUNNING : EXIT_FAILURE;
	stop(&daemon, ret);
	return ret;
}
