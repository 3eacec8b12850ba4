// SPDX-License-Identifier: GPL-2.0
/*
 * No shell is involved: names of VMs are arguments, whatever is in them. The command runs with the
 * daemon's user and sandbox, but without its capabilities, standard input and output closed, errors to
 * the daemon's log, and in a process group of its own, which is killed as a whole when it takes too long.
 *
 * To start a command means to wait for the file system it is on, so that is done by threads: a few
 * runners, which come with the first alarm and go when nothing is left to be run. One that hangs is
 * left behind at the end, with all that it uses.
 */
#include "publish/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "util/clock.h"
#include "util/log.h"
#include "util/thread.h"

#define RUNNERS_MAX    8
#define WAITING_MAX    256 /* commands that are still to be run */
#define TIMEOUT_MS     30000
#define LOOK_FIRST_MS  5 /* whether the command has ended; then less and less often */
#define LOOK_MAX_MS    200
#define END_TIMEOUT_MS 1000

#define ARGUMENTS 8

struct command {
	struct command *next;
	char *argv[ARGUMENTS + 1];
};

struct hook {
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t changed; /* a runner is gone, or it is to end */
	struct command *first;
	struct command **last;
	unsigned int waiting;
	unsigned int runners;
	bool skipping; /* has been logged */
	bool ending;
};

int hook_new(struct hook **ret_hook)
{
	struct hook *hook = calloc(1, sizeof(*hook));
	pthread_condattr_t attributes;

	if (!hook)
		return -ENOMEM;
	pthread_mutex_init(&hook->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&hook->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	hook->last = &hook->first;
	*ret_hook = hook;
	return 0;
}

static void command_free(struct command *command)
{
	for (size_t i = 0; i < ARGUMENTS; i++)
		free(command->argv[i]);
	free(command);
}

/* The daemon's own signals are blocked, and its children inherit that unless told otherwise. */
static int spawn(char *const *argv, pid_t *ret_pid)
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
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
						      POSIX_SPAWN_SETPGROUP);
	ret = posix_spawn(ret_pid, argv[0], &files, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return -ret;
}

/* Wait for news of the hook, so long at most. Called with the lock held; true: it is to end. */
static bool rest(struct hook *hook, uint64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	until.tv_sec += (long)(ms / 1000) + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_cond_timedwait(&hook->changed, &hook->lock, &until);
	return hook->ending;
}

static void log_end(int status)
{
	if (WIFSIGNALED(status))
		log_warning("alarm hook: ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		log_warning("alarm hook: ended with status %d", WEXITSTATUS(status));
}

static void wait_for(struct hook *hook, pid_t pid)
{
	uint64_t began_ms = clock_monotonic_ms(), look_ms = LOOK_FIRST_MS;
	bool killed = false;
	int status = 0;

	while (!waitpid(pid, &status, WNOHANG)) {
		bool ending, late = clock_monotonic_ms() - began_ms > TIMEOUT_MS;

		pthread_mutex_lock(&hook->lock);
		ending = rest(hook, look_ms);
		pthread_mutex_unlock(&hook->lock);
		if (look_ms < LOOK_MAX_MS)
			look_ms *= 2;
		if (!killed && late && !ending)
			log_warning("alarm hook: took too long");
		if (!killed && (late || ending))
			kill(-pid, SIGKILL);
		killed = killed || late || ending;
	}
	if (!killed)
		log_end(status);
}

static void run(struct hook *hook, const struct command *command)
{
	pid_t pid;
	int ret = spawn(command->argv, &pid);

	if (ret)
		log_warning("alarm hook: cannot run %s: %s", command->argv[0], strerror(-ret));
	else
		wait_for(hook, pid);
}

static void *runner(void *userdata)
{
	struct hook *hook = userdata;

	/* What the unit gives the daemon is passed on by this alone; each thread has a set of its own. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		log_debug("alarm hook: capabilities: %s", strerror(errno));
	pthread_mutex_lock(&hook->lock);
	while (hook->first && !hook->ending) {
		struct command *command = hook->first;

		hook->first = command->next;
		if (!hook->first)
			hook->last = &hook->first;
		hook->waiting--;
		pthread_mutex_unlock(&hook->lock);
		run(hook, command);
		command_free(command);
		pthread_mutex_lock(&hook->lock);
	}
	hook->runners--;
	pthread_cond_broadcast(&hook->changed);
	pthread_mutex_unlock(&hook->lock);
	return NULL;
}

static char *number_text(struct opt_u64 number)
{
	uint64_t value;
	char *text;

	if (!opt_get(number, &value))
		return strdup("-");
	return asprintf(&text, "%" PRIu64, value) < 0 ? NULL : text;
}

static struct command *command_new(const char *path, const struct alarm *alarm, const char *text)
{
	struct command *command = calloc(1, sizeof(*command));

	if (!command)
		return NULL;
	command->argv[0] = strdup(path);
	command->argv[1] = strdup(alarm_to_string(alarm->kind));
	command->argv[2] = strdup(alarm->raised ? "raised" : "cleared");
	command->argv[3] = strdup(alarm->vm ? alarm->vm : "-");
	command->argv[4] = strdup(alarm->uuid ? alarm->uuid : "-");
	command->argv[5] = number_text(alarm->value);
	command->argv[6] = number_text(alarm->limit);
	command->argv[7] = strdup(text);
	for (size_t i = 0; i < ARGUMENTS; i++) {
		if (command->argv[i])
			continue;
		command_free(command);
		return NULL;
	}
	return command;
}

void hook_run(struct hook *hook, const char *path, const struct alarm *alarm, const char *text)
{
	struct command *command = command_new(path, alarm, text);
	bool full;

	if (!command) {
		log_error("alarm hook: out of memory");
		return;
	}
	pthread_mutex_lock(&hook->lock);
	full = hook->waiting >= WAITING_MAX;
	if (!full) {
		*hook->last = command;
		hook->last = &command->next;
		hook->waiting++;
		if (hook->runners < RUNNERS_MAX && !thread_start_detached(runner, hook))
			hook->runners++;
		if (!hook->runners)
			log_warning("alarm hook: no thread to run it; with the next alarm");
	} else if (!hook->skipping) {
		log_warning("alarm hook: %d runs wait already; skipped until fewer do",
			    WAITING_MAX);
	}
	hook->skipping = full;
	pthread_mutex_unlock(&hook->lock);
	if (full)
		command_free(command);
}

void hook_free(struct hook *hook)
{
	uint64_t end_ms = clock_monotonic_ms() + END_TIMEOUT_MS, now_ms;
	bool hangs;

	if (!hook)
		return;
	pthread_mutex_lock(&hook->lock);
	hook->ending = true;
	pthread_cond_broadcast(&hook->changed);
	while (hook->runners && (now_ms = clock_monotonic_ms()) < end_ms)
		rest(hook, end_ms - now_ms);
	hangs = hook->runners;
	while (hook->first) {
		struct command *command = hook->first;

		hook->first = command->next;
		command_free(command);
	}
	hook->last = &hook->first;
	pthread_mutex_unlock(&hook->lock);
	if (hangs)
		return;
	pthread_cond_destroy(&hook->changed);
	pthread_mutex_destroy(&hook->lock);
	free(hook);
}
