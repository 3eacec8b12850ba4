// SPDX-License-Identifier: GPL-2.0
/*
 * The requests a host can make of a test guest.
 *
 * A request is one line, "NUMBER VERB [ARGUMENT...]"; its reply is one line too, either
 * "NUMBER ok [TEXT]" or "NUMBER err ERRNO TEXT". The number is the host's; it comes back so that
 * a reply to a request the host has given up on is not taken for the next one's. Arguments are
 * separated by one space; the last may contain spaces. README.md lists the verbs.
 */
#include "agent.h"
#include "routing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 16

/* A reply under construction: text and, for `err`, nothing else. */
struct reply {
	char text[AGENT_REPLY_MAX - 64];
};

struct command {
	const char *verb;
	int min_arguments;
	int max_arguments; /* the last takes the rest of the line */
	int (*run)(char **arguments, struct reply *reply);
};

int module_insert(const char *module, const char *parameters)
{
	char path[256];
	int fd, r = 0;

	if (*module == '/')
		snprintf(path, sizeof(path), "%s", module);
	else
		snprintf(path, sizeof(path), "/lib/modules/%s.ko", module);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, parameters, 0) < 0)
		r = -errno;
	close(fd);
	return r;
}

static int parse_u64(const char *text, uint64_t *ret_value)
{
	uint64_t value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

static void reply_hog(struct reply *reply, const struct hog_result *result)
{
	snprintf(reply->text, sizeof(reply->text),
		 "pages=%" PRIu64 " bad_pages=%" PRIu64 " took_ms=%" PRIu64, result->pages,
		 result->bad_pages, result->took_ms);
}

static int do_ping(char **arguments, struct reply *reply)
{
	(void)arguments;
	snprintf(reply->text, sizeof(reply->text), "t_ms=%" PRIu64, now_ms());
	return 0;
}

static int do_insmod(char **arguments, struct reply *reply)
{
	(void)reply;
	return module_insert(arguments[0], arguments[1] ? arguments[1] : "");
}

static int do_rmmod(char **arguments, struct reply *reply)
{
	(void)reply;
	return syscall(SYS_delete_module, arguments[0], O_NONBLOCK) < 0 ? -errno : 0;
}

static int do_read(char **arguments, struct reply *reply)
{
	return file_read(arguments[0], reply->text, sizeof(reply->text));
}

/* As echo does, with a newline: the kernel log keeps a line without one open. */
static int do_write(char **arguments, struct reply *reply)
{
	char text[AGENT_REQUEST_MAX + 1];

	(void)reply;
	snprintf(text, sizeof(text), "%s\n", arguments[1]);
	return file_write(arguments[0], text);
}

/* Names in a directory, one a line, unsorted. */
static int do_ls(char **arguments, struct reply *reply)
{
	struct dirent *entry;
	size_t used = 0;
	DIR *dir;

	dir = opendir(arguments[0]);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir)) && used < sizeof(reply->text)) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		used += (size_t)snprintf(reply->text + used, sizeof(reply->text) - used, "%s\n",
					 entry->d_name);
	}
	closedir(dir);
	return 0;
}

static int do_readlink(char **arguments, struct reply *reply)
{
	ssize_t n = readlink(arguments[0], reply->text, sizeof(reply->text) - 1);

	if (n < 0)
		return -errno;
	reply->text[n] = '\0';
	return 0;
}

static int do_hog(char **arguments, struct reply *reply)
{
	uint64_t mib;
	int r;

	(void)reply;
	r = parse_u64(arguments[1], &mib);
	return r < 0 ? r : hog_start(arguments[0], mib);
}

static int do_hog_wait(char **arguments, struct reply *reply)
{
	struct hog_result result;
	int r;

	r = hog_wait(arguments[0], &result);
	if (r == 0)
		reply_hog(reply, &result);
	return r;
}

static int do_hog_check(char **arguments, struct reply *reply)
{
	struct hog_result result;
	int r;

	r = hog_check(arguments[0], &result);
	if (r == 0)
		reply_hog(reply, &result);
	return r;
}

static int do_hog_free(char **arguments, struct reply *reply)
{
	(void)reply;
	return hog_free(arguments[0]);
}

/* Back to the state after boot, as far as the agent has changed it. */
static int do_reset(char **arguments, struct reply *reply)
{
	(void)arguments;
	(void)reply;
	hog_free_all();
	return 0;
}

static int do_cache(char **arguments, struct reply *reply)
{
	uint64_t mib;
	int r;

	(void)reply;
	r = parse_u64(arguments[0], &mib);
	return r < 0 ? r : cache_fill(mib);
}

static int do_sleep(char **arguments, struct reply *reply)
{
	uint64_t ms;
	int r;

	(void)reply;
	r = parse_u64(arguments[0], &ms);
	if (r == 0)
		usleep((useconds_t)ms * 1000);
	return r;
}

/* Runs a program found through PATH; its output and exit status are the reply. */
static int do_run(char **arguments, struct reply *reply)
{
	char output[AGENT_REPLY_MAX - 128], *argv[WORDS_MAX + 1], *rest, *word;
	size_t used = 0, argc = 0;
	ssize_t n = 0;
	int fds[2], status;
	pid_t pid;

	for (word = strtok_r(arguments[0], " ", &rest); word && argc < WORDS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	argv[argc] = NULL;
	if (argc == 0)
		return -EINVAL;
	if (pipe(fds) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], 1);
		dup2(fds[1], 2);
		close(fds[0]);
		close(fds[1]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	while (pid > 0 && used < sizeof(output) - 1 &&
	       ((n = read(fds[0], output + used, sizeof(output) - 1 - used)) > 0))
		used += (size_t)n;
	close(fds[0]);
	output[used] = '\0';
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	snprintf(reply->text, sizeof(reply->text), "status=%d\n%s",
		 WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), output);
	return 0;
}

/* Suspends to STATE, "freeze" or "mem", and replies when somebody has woken the guest. */
static int do_suspend(char **arguments, struct reply *reply)
{
	uint64_t start_ms = now_ms();
	struct routing routing;
	int r;

	routing_read(&routing);
	r = file_write("/sys/power/state", arguments[0]);
	routing_mend(&routing);
	if (r == 0)
		snprintf(reply->text, sizeof(reply->text), "awake_ms=%" PRIu64,
			 now_ms() - start_ms);
	return r;
}

static int do_poweroff(char **arguments, struct reply *reply)
{
	(void)arguments;
	(void)reply;
	sync();
	return reboot(RB_POWER_OFF) < 0 ? -errno : 0;
}

static const struct command commands[] = {
	{ "ping", 0, 0, do_ping },
	{ "insmod", 1, 2, do_insmod },
	{ "rmmod", 1, 1, do_rmmod },
	{ "read", 1, 1, do_read },
	{ "write", 2, 2, do_write },
	{ "ls", 1, 1, do_ls },
	{ "readlink", 1, 1, do_readlink },
	{ "run", 1, 1, do_run },
	{ "hog", 2, 2, do_hog },
	{ "hog-wait", 1, 1, do_hog_wait },
	{ "hog-check", 1, 1, do_hog_check },
	{ "hog-free", 1, 1, do_hog_free },
	{ "reset", 0, 0, do_reset },
	{ "cache", 1, 1, do_cache },
	{ "sleep", 1, 1, do_sleep },
	{ "suspend", 1, 1, do_suspend },
	{ "poweroff", 0, 0, do_poweroff },
};

/* Cuts the arguments of a command out of the rest of its line; -EINVAL for a wrong number. */
static int split_arguments(const struct command *command, char *rest, char **ret_arguments)
{
	int n = 0;

	while (rest && n < command->max_arguments) {
		ret_arguments[n++] = rest;
		rest = n < command->max_arguments ? strchr(rest, ' ') : NULL;
		if (rest)
			*rest++ = '\0';
	}
	return n < command->min_arguments || (rest && command->max_arguments == 0) ? -EINVAL : 0;
}

static int dispatch(char *verb, char *rest, struct reply *reply)
{
	char *arguments[WORDS_MAX] = { NULL };
	int r;

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(verb, commands[i].verb) != 0)
			continue;
		r = split_arguments(&commands[i], rest, arguments);
		return r < 0 ? r : commands[i].run(arguments, reply);
	}
	return -ENOSYS;
}

void command_run(char *request)
{
	static struct reply reply;
	char *number, *verb, *rest;
	int r;

	number = strtok_r(request, " ", &rest);
	verb = strtok_r(NULL, " ", &rest);
	if (!number || !verb) {
		port_sendf("0 err %d a request is NUMBER VERB [ARGUMENT...]", EINVAL);
		return;
	}
	reply.text[0] = '\0';
	r = dispatch(verb, rest && *rest ? rest : NULL, &reply);
	if (r < 0)
		port_sendf("%s err %d %s", number, -r, strerror(-r));
	else if (reply.text[0])
		port_sendf("%s ok %s", number, reply.text);
	else
		port_sendf("%s ok", number);
}
