// SPDX-License-Identifier: GPL-2.0
/*
 * No shell is involved: names of VMs are arguments, whatever is in them. The command runs with the
 * daemon's user and sandbox, standard input and output closed, errors to the daemon's log.
 */
#include "publish/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "util/log.h"

#define RUNNING_MAX 8
#define TIMEOUT_US  (30 * (uint64_t)1000000)

struct run {
	struct hook *hook;
	pid_t pid; /* 0: this place is free */
	sd_event_source *child;
	sd_event_source *timer;
};

struct hook {
	sd_event *event;
	struct run runs[RUNNING_MAX];
	bool skipping; /* has been logged */
};

int hook_new(sd_event *event, struct hook **ret_hook)
{
	struct hook *hook = calloc(1, sizeof(*hook));

	if (!hook)
		return -ENOMEM;
	hook->event = event;
	for (size_t i = 0; i < RUNNING_MAX; i++)
		hook->runs[i].hook = hook;
	*ret_hook = hook;
	return 0;
}

static void run_end(struct run *run)
{
	run->pid = 0;
	run->child = sd_event_source_disable_unref(run->child);
	run->timer = sd_event_source_disable_unref(run->timer);
}

static int on_exit_of(sd_event_source *source, const siginfo_t *info, void *userdata)
{
	struct run *run = userdata;

	(void)source;
	if (info->si_code != CLD_EXITED)
		log_warning("alarm hook: ended by signal %d", info->si_status);
	else if (info->si_status)
		log_warning("alarm hook: ended with status %d", info->si_status);
	run_end(run);
	return 0;
}

static int on_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct run *run = userdata;

	(void)source;
	(void)usec;
	log_warning("alarm hook: took too long");
	kill(run->pid, SIGKILL);
	return 0;
}

/* The daemon's own signals are blocked, and its children inherit that unless told otherwise. */
static int spawn(const char *command, char *const *argv, pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, defaults;
	int ret;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	ret = posix_spawn(ret_pid, command, &files, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return -ret;
}

static struct run *free_run(struct hook *hook)
{
	for (size_t i = 0; i < RUNNING_MAX; i++)
		if (!hook->runs[i].pid)
			return &hook->runs[i];
	return NULL;
}

static void watch(struct run *run)
{
	int ret;

	ret = sd_event_add_child(run->hook->event, &run->child, run->pid, WEXITED, on_exit_of, run);
	if (ret >= 0)
		ret = sd_event_add_time_relative(run->hook->event, &run->timer, CLOCK_MONOTONIC,
						 TIMEOUT_US, 0, on_timeout, run);
	if (ret < 0)
		log_warning("alarm hook: cannot be watched: %s", strerror(-ret));
}

static void print_number(struct opt_u64 number, char *text, size_t size)
{
	uint64_t value;

	if (opt_get(number, &value))
		snprintf(text, size, "%" PRIu64, value);
	else
		snprintf(text, size, "-");
}

void hook_run(struct hook *hook, const char *command, const struct alarm *alarm, const char *text)
{
	struct run *run = free_run(hook);
	char value[24], limit[24];
	const char *argv[] = { command,
			       alarm_to_string(alarm->kind),
			       alarm->raised ? "raised" : "cleared",
			       alarm->vm ? alarm->vm : "-",
			       alarm->uuid ? alarm->uuid : "-",
			       value,
			       limit,
			       text,
			       NULL };
	int ret;

	if (!run) {
		if (!hook->skipping)
			log_warning("alarm hook: %d are running already; skipped", RUNNING_MAX);
		hook->skipping = true;
		return;
	}
	hook->skipping = false;
	print_number(alarm->value, value, sizeof(value));
	print_number(alarm->limit, limit, sizeof(limit));
	ret = spawn(command, (char *const *)argv, &run->pid);
	if (ret) {
		run->pid = 0;
		log_warning("alarm hook: cannot run %s: %s", command, strerror(-ret));
		return;
	}
	watch(run);
}

void hook_free(struct hook *hook)
{
	if (!hook)
		return;
	for (size_t i = 0; i < RUNNING_MAX; i++) {
		if (!hook->runs[i].pid)
			continue;
		kill(hook->runs[i].pid, SIGKILL);
		waitpid(hook->runs[i].pid, NULL, 0);
		run_end(&hook->runs[i]);
	}
	free(hook);
}
