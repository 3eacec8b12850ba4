// SPDX-License-Identifier: GPL-2.0
/* One table of options for getopt_long(); the help says the same in the same order. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum option_code {
	OPTION_CONFIG = 'f',
	OPTION_CONNECT = 'c',
	OPTION_DRY_RUN = 'n',
	OPTION_ONCE = '1',
	OPTION_HELP = 'h',
	OPTION_VERSION = 'V',
	OPTION_CHECK_CONFIG = 256, /* from here on without a short form */
	OPTION_RELEASE_ON_EXIT,
	OPTION_LOG_LEVEL,
	OPTION_BUS,
	OPTION_ROOT,
	OPTION_STATE,
	OPTION_WALL_CLOCK,
};

static const struct option table[] = {
	{ "config", required_argument, NULL, OPTION_CONFIG },
	{ "connect", required_argument, NULL, OPTION_CONNECT },
	{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
	{ "once", no_argument, NULL, OPTION_ONCE },
	{ "release-on-exit", no_argument, NULL, OPTION_RELEASE_ON_EXIT },
	{ "check-config", no_argument, NULL, OPTION_CHECK_CONFIG },
	{ "log-level", required_argument, NULL, OPTION_LOG_LEVEL },
	{ "bus", required_argument, NULL, OPTION_BUS },
	{ "root", required_argument, NULL, OPTION_ROOT },
	{ "state", required_argument, NULL, OPTION_STATE },
	{ "wall-clock", required_argument, NULL, OPTION_WALL_CLOCK },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ 0 },
};

void options_print_help(void)
{
	printf("usage: aerostatd [OPTION]...\n"
	       "Move memory between this host's VMs, by their balloons, to where it is needed.\n"
	       "\n"
	       "  -f, --config FILE      configuration (default %s)\n"
	       "  -c, --connect URI      libvirt to connect to, instead of the configuration's\n"
	       "  -n, --dry-run          decide and log, change nothing in any VM\n"
	       "  -1, --once             one round of decisions, then exit\n"
	       "      --release-on-exit  when stopped, give every VM its maximum back\n"
	       "      --check-config     check the configuration, then exit\n"
	       "      --log-level LEVEL  error, warning, info (default) or debug\n"
	       "      --bus BUS          system (default for root), session (default else) or none\n"
	       "      --root DIR         read the host's numbers from DIR/proc (for tests)\n"
	       "      --state DIR        keep what VMs usually need, and what was ordered, in DIR\n"
	       "                         (default: $STATE_DIRECTORY, which systemd sets; without,\n"
	       "                         nothing is kept)\n"
	       "      --wall-clock SEC   let wall time stand still at this second since 1970\n"
	       "                         (for libvirt's test driver)\n"
	       "  -h, --help             this text\n"
	       "  -V, --version          the version\n"
	       "\n"
	       "Signals: HUP reads the configuration again; TERM and INT end the daemon, and\n"
	       "all VMs keep their targets. Exit status: 0 done, 1 failed, 2 wrong usage,\n"
	       "3 another aerostatd is running. See aerostatd(8), aerostatd.conf(5).\n",
	       CONF_PATH_DEFAULT);
}

static int bad_value(const char *option, const char *value, const char *expected)
{
	fprintf(stderr, "aerostatd: --%s: '%s' is not %s\n", option, value, expected);
	return -EINVAL;
}

static int parse_seconds(const char *text, struct opt_u64 *ret_seconds)
{
	unsigned long long seconds;
	char *end;

	errno = 0;
	seconds = strtoull(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || seconds > UINT32_MAX)
		return -EINVAL;
	*ret_seconds = opt_some(seconds);
	return 0;
}

static int take(struct options *options, int code, const char *value)
{
	switch (code) {
	case OPTION_CONFIG:
		options->config = value;
		return 0;
	case OPTION_CONNECT:
		options->manager.uri = value;
		return 0;
	case OPTION_DRY_RUN:
		options->manager.dry_run = true;
		return 0;
	case OPTION_ONCE:
		options->manager.once = true;
		return 0;
	case OPTION_RELEASE_ON_EXIT:
		options->release_on_exit = true;
		return 0;
	case OPTION_CHECK_CONFIG:
		options->check_config = true;
		return 0;
	case OPTION_LOG_LEVEL:
		if (log_level_parse(value, &options->log_level))
			return bad_value("log-level", value, "error, warning, info or debug");
		return 0;
	case OPTION_BUS:
		if (bus_kind_parse(value, &options->bus))
			return bad_value("bus", value, "system, session or none");
		return 0;
	case OPTION_ROOT:
		options->manager.root = value;
		return 0;
	case OPTION_STATE:
		options->manager.state_directory = value;
		return 0;
	case OPTION_WALL_CLOCK:
		if (parse_seconds(value, &options->manager.clock.fixed_wall_s))
			return bad_value("wall-clock", value, "a number of seconds since 1970");
		return 0;
	case OPTION_HELP:
		options->help = true;
		return 0;
	case OPTION_VERSION:
		options->version = true;
		return 0;
	default: /* getopt_long() has said what is wrong */
		fprintf(stderr, "aerostatd: see --help\n");
		return -EINVAL;
	}
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	struct options options = {
		.manager = { .root = "", .state_directory = getenv("STATE_DIRECTORY") },
		.bus = bus_kind_default(),
		.log_level = LOG_LEVEL_INFO,
	};
	int code, ret;

	while ((code = getopt_long(argc, argv, "f:c:n1hV", table, NULL)) >= 0) {
		ret = take(&options, code, optarg);
		if (ret)
			return ret;
	}
	if (optind < argc) {
		fprintf(stderr, "aerostatd: unexpected argument '%s'; see --help\n", argv[optind]);
		return -EINVAL;
	}
	*ret_options = options;
	return 0;
}
