// SPDX-License-Identifier: GPL-2.0
/* aerostatctl: finds the subcommand; each is a file of its own. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/boost.h"
#include "ctl/capacity.h"
#include "ctl/check_config.h"
#include "ctl/client.h"
#include "ctl/columns.h"
#include "ctl/diagnose.h"
#include "ctl/dump.h"
#include "ctl/explain.h"
#include "ctl/history.h"
#include "ctl/pause.h"
#include "ctl/reserve.h"
#include "ctl/set.h"
#include "ctl/simulate.h"
#include "ctl/status.h"
#include "ctl/top.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "status", ctl_status, "the host, its VMs, and why each has the memory it has" },
	{ "explain", ctl_explain, "why a VM has the memory it has, and what would change it" },
	{ "top", ctl_top, "the same, again and again, with bars" },
	{ "history", ctl_history, "how a VM's memory went" },
	{ "diagnose", ctl_diagnose, "what is wrong, who suffers, whose doing it is, what helps" },
	{ "capacity", ctl_capacity, "overcommit now and safe; who is over- or undersized" },
	{ "set", ctl_set, "change a VM's own settings" },
	{ "boost", ctl_boost, "give a VM memory for a time" },
	{ "reserve", ctl_reserve, "free memory for a VM about to start, and hold it" },
	{ "pause", ctl_pause, "stop moving memory, of a VM or of all" },
	{ "resume", ctl_resume, "move it again" },
	{ "check-config", ctl_check_config, "check the configuration" },
	{ "dump", ctl_dump, "all that the daemon knows, as JSON" },
	{ "simulate", ctl_simulate, "compare policies on a trace or a scenario, second by second" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *to)
{
	fputs("usage: aerostatctl COMMAND [OPTION]... [ARGUMENT]...\n"
	      "Ask aerostatd, which moves memory between this host's VMs.\n\n",
	      to);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-12s %s\n", commands[i].name, commands[i].summary);
	fputs("\naerostatctl COMMAND --help says more. --version prints the version.\n", to);
}

/* The index of the command; options that all have in common may stand before it. argc: there is none. */
static int find_command(int argc, char **argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-')
		i += strcmp(argv[i], "--bus") ? 1 : 2;
	return i < argc ? i : argc;
}

static int run(int argc, char **argv, int at)
{
	const char *name = argv[at];

	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		/* Options before it come after it; getopt_long() begins its messages with argv[0]. */
		for (int k = at; k > 1; k--)
			argv[k] = argv[k - 1];
		argv[1] = argv[0];
		return commands[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "aerostatctl: unknown command '%s'; see --help\n", name);
	return CTL_USAGE;
}

/*
 * A descriptor that our caller closed would be given to the connection with the daemon. What takes its
 * place refuses to be used, so that what is printed is not lost unnoticed.
 */
static void occupy_closed(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
			_exit(CTL_FAILED);
}

/* Whatever was printed must have arrived, or a full disk would look like a short answer. */
static int end_output(int code)
{
	bool failed = ferror(stdout) != 0;

	errno = 0;
	if (!fclose(stdout) && !failed)
		return code;
	fprintf(stderr, "aerostatctl: cannot write to standard output%s%s\n", errno ? ": " : "",
		errno ? strerror(errno) : "");
	return code == CTL_OK ? CTL_FAILED : code;
}

static int start(int argc, char **argv)
{
	int at;

	columns_init();
	if (argc < 2) {
		print_help(stderr);
		return CTL_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		print_help(stdout);
		return CTL_OK;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("aerostatctl " AEROSTAT_VERSION);
		return CTL_OK;
	}
	at = find_command(argc, argv);
	if (at < argc)
		return run(argc, argv, at);
	fprintf(stderr, "aerostatctl: which command? See --help\n");
	return CTL_USAGE;
}

int main(int argc, char **argv)
{
	occupy_closed();
	return end_output(start(argc, argv));
}
