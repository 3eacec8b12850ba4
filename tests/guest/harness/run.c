// SPDX-License-Identifier: GPL-2.0
/*
 * The runner of the guest tests.
 *
 * Several processes run guests side by side, each the next group of tests that none has taken yet, of
 * the first kernel that has one left; their verdicts come back through one pipe and get their numbers
 * here. Guests die with the process that started them, and those with this one, so that no end of it
 * leaves a guest behind.
 *
 * A guest waits as much as it works, so there are half as many again as processors.
 */
#include "harness/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KERNELS_MAX 8
#define JOBS_MAX    8u /* by default: a guest may have 4 GiB */

static const char usage_text[] =
	"usage: run --kernel SERIES[=PATTERN]... [OPTION...]\n"
	"\n"
	"Runs the guest tests and prints TAP.\n"
	"\n"
	"  --kernel SERIES[=PATTERN]\n"
	"                    a kernel of build/kernels, whose image tests/guest/check has made;\n"
	"                    PATTERN takes the place of --filter for it\n"
	"  --absent SERIES=REASON\n"
	"                    a kernel that is not there: its tests are skipped, for this reason\n"
	"  --jobs N          guests at a time (default: 3 for two processors, 8 at most)\n"
	"  --filter PATTERN  only tests whose GROUP/TEST matches, as in 'target/*' or\n"
	"                    '@(target|sleep)/*'\n"
	"  --driver NAME     the module to test (default: aerostat)\n"
	"  --accel NAME      kvm or tcg (default: what scripts/qemu-accel says, else tcg)\n"
	"  --stress N        random targets in a stress test (default: 60)\n"
	"  --seed N          where their random numbers begin (default: 1)\n"
	"  --list            print the names of the tests and stop\n"
	"\n"
	"Exit status: 0 all passed, 1 a test failed, 2 wrong usage, 3 the tests could not be run.\n";

struct kernel {
	const char *series;
	const char *filter; /* for this kernel; NULL: the one for all */
	const char *absent; /* why it is not tested, or NULL */
	atomic_uint *next_group; /* shared by all processes */
};

struct options {
	struct kernel kernels[KERNELS_MAX];
	size_t kernel_count;
	unsigned int jobs;
	const char *filter;
	const char *driver;
	unsigned int stress_targets;
	uint32_t stress_seed;
	const char *accel;
	bool list;
};

/* Takes SERIES or SERIES=REST; ret_rest: REST or NULL. */
static int add_kernel(struct options *options, char *argument, struct kernel **ret_kernel,
		      const char **ret_rest)
{
	struct kernel *kernel;
	char *equals = strchr(argument, '=');

	if (options->kernel_count == KERNELS_MAX)
		return -EINVAL;
	if (equals)
		*equals = '\0';
	kernel = &options->kernels[options->kernel_count++];
	kernel->series = argument;
	*ret_kernel = kernel;
	*ret_rest = equals ? equals + 1 : NULL;
	return 0;
}

static int parse_number(const char *text, uint32_t *ret_number)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || end == text || *end || number > UINT32_MAX)
		return -EINVAL;
	*ret_number = (uint32_t)number;
	return 0;
}

/* 0, 1 to stop successfully, or -EINVAL. */
static int parse_options(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ "kernel", required_argument, NULL, 'k' },
		{ "absent", required_argument, NULL, 'A' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "stress", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'S' },
		{ "filter", required_argument, NULL, 'f' },
		{ "driver", required_argument, NULL, 'd' },
		{ "accel", required_argument, NULL, 'a' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct kernel *kernel;
	const char *rest;
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 'k':
			if (add_kernel(options, optarg, &kernel, &rest) < 0)
				return -EINVAL;
			kernel->filter = rest;
			break;
		case 'A':
			if (add_kernel(options, optarg, &kernel, &rest) < 0)
				return -EINVAL;
			kernel->absent = rest ? rest : "not there";
			break;
		case 'j':
			if (parse_number(optarg, &options->jobs) < 0 || !options->jobs)
				return -EINVAL;
			break;
		case 's':
			if (parse_number(optarg, &options->stress_targets) < 0)
				return -EINVAL;
			break;
		case 'S':
			if (parse_number(optarg, &options->stress_seed) < 0)
				return -EINVAL;
			break;
		case 'f':
			options->filter = optarg;
			break;
		case 'd':
			options->driver = optarg;
			break;
		case 'a':
			options->accel = optarg;
			break;
		case 'l':
			options->list = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 1;
		default:
			return -EINVAL;
		}
	}
	if (optind < argc || (!options->list && !options->kernel_count))
		return -EINVAL;
	return 0;
}

/* The build directory: this program is build/tests/guest/run. */
static int find_build(char *ret_build)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0)
		return -errno;
	path[n] = '\0';
	for (int i = 0; i < 3; i++) {
		char *slash = strrchr(path, '/');

		if (!slash)
			return -ENOENT;
		*slash = '\0';
	}
	strcpy(ret_build, path);
	return 0;
}

static int make_dirs(const char *path)
{
	char part[PATH_MAX];

	for (size_t i = 1; path[i - 1]; i++) {
		if (path[i] && path[i] != '/')
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/*
 * What the debug kernel needs for itself beyond the others: shadow memory, records of every page,
 * lock and allocation, and its own code.
 */
#define DEBUG_EXTRA_MIB 128u

static uint32_t extra_mib(const char *series)
{
	return strcmp(series, "debug") == 0 ? DEBUG_EXTRA_MIB : 0;
}

/* Of the kernels of source-kernel, one is for another machine, with large pages. */
static bool is_arm64(const char *series)
{
	return strcmp(series, "64k") == 0;
}

/* In a child: what is left of the suite of one kernel. */
static int run_kernel(const struct options *options, const char *build, const struct kernel *chosen)
{
	char kernel[PATH_MAX + 64], initrd[PATH_MAX + 64], logs[PATH_MAX + 64];
	const char *series = chosen->series;
	bool arm64 = is_arm64(series);
	struct guest_source source = { .series = chosen->series,
				       .accel = arm64 ? "tcg" : options->accel,
				       .kernel = kernel,
				       .initrd = initrd,
				       .driver = options->driver,
				       .extra_mib = extra_mib(chosen->series),
				       .arm64 = arm64,
				       .page_kib = arm64 ? 64 : 4,
				       .stress_targets = options->stress_targets,
				       .stress_seed = options->stress_seed };
	int r;

	snprintf(kernel, sizeof(kernel), "%s/kernels/%s/vmlinuz", build, series);
	snprintf(initrd, sizeof(initrd), "%s/tests/guest/%s.cpio.gz", build, series);
	snprintf(logs, sizeof(logs), "%s/check/guest/%s", build, series);
	if (access(kernel, R_OK) < 0 || access(initrd, R_OK) < 0) {
		fprintf(stderr, "run: there is no kernel or image %s; use tests/guest/check\n",
			series);
		return -ENOENT;
	}
	r = make_dirs(logs);
	return r < 0 ? r
		     : suite_run(&source, logs, chosen->filter ? chosen->filter : options->filter,
				 chosen->next_group);
}

/* In a child: what is left to do of each kernel. Returns whether all could be run. */
static bool run_kernels(const struct options *options, const char *build)
{
	bool good = true;

	for (size_t i = 0; i < options->kernel_count; i++) {
		const struct kernel *kernel = &options->kernels[i];

		if (!kernel->absent)
			good = run_kernel(options, build, kernel) == 0 && good;
		else if (atomic_fetch_add(kernel->next_group, 1) == 0)
			dprintf(1, "ok - guest/%s # SKIP %s\n", kernel->series, kernel->absent);
	}
	return good;
}

static pid_t start_job(const struct options *options, const char *build)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(3);
	_exit(run_kernels(options, build) ? 0 : 3);
}

/* In a child: all jobs. Returns whether all could be run. */
static bool run_jobs(const struct options *options, const char *build)
{
	unsigned int started = 0;
	bool good = true;
	int status;

	while (started < options->jobs && start_job(options, build) > 0)
		started++;
	good = started > 0;
	while (wait(&status) > 0)
		good = good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return good;
}

static pid_t start_jobs(const struct options *options, const char *build, int output)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || dup2(output, 1) < 0)
		_exit(3);
	close(output);
	_exit(run_jobs(options, build) ? 0 : 3);
}

/* Numbers the verdicts as they come; returns whether all were good. */
static bool number_verdicts(FILE *input)
{
	unsigned int number = 0;
	bool good = true;
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, input) > 0) {
		char *dash = strstr(line, " - ");

		if (*line == '#' || !dash) {
			fputs(line, stdout);
		} else {
			good = good && strncmp(line, "ok", 2) == 0;
			printf("%.*s %u%s", (int)(dash - line), line, ++number, dash);
		}
		fflush(stdout);
	}
	free(line);
	printf("1..%u\n", number);
	return good && number > 0;
}

static const char *ask_accel(const char *build)
{
	static char answer[16] = "tcg";
	char command[PATH_MAX + 64];
	FILE *pipe;

	snprintf(command, sizeof(command), "'%s/../scripts/qemu-accel'", build);
	pipe = popen(command, "re");
	if (pipe && fscanf(pipe, "%15s", answer) != 1)
		strcpy(answer, "tcg");
	if (pipe)
		pclose(pipe);
	return answer;
}

/* A counter for each kernel, which all processes see. */
static int share_counters(struct options *options)
{
	atomic_uint *counters = mmap(NULL, KERNELS_MAX * sizeof(*counters), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (counters == MAP_FAILED)
		return -errno;
	for (size_t i = 0; i < options->kernel_count; i++)
		options->kernels[i].next_group = &counters[i];
	return 0;
}

static unsigned int default_jobs(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int jobs = processors > 0 ? ((unsigned int)processors * 3 + 1) / 2 : 1;

	return jobs < JOBS_MAX ? jobs : JOBS_MAX;
}

int main(int argc, char **argv)
{
	struct options options = {
		.driver = "aerostat",
		.jobs = default_jobs(),
		.stress_targets = 60,
		.stress_seed = 1,
	};
	pid_t child;
	bool good = true;
	char build[PATH_MAX];
	int fds[2], status, r;
	FILE *input;

	r = parse_options(argc, argv, &options);
	if (r != 0) {
		if (r < 0)
			fputs(usage_text, stderr);
		return r < 0 ? 2 : 0;
	}
	if (options.list) {
		suite_list(options.filter);
		return 0;
	}
	r = find_build(build);
	if (r == 0)
		r = share_counters(&options);
	if (r < 0 || pipe2(fds, O_CLOEXEC) < 0) {
		fprintf(stderr, "run: %s\n", strerror(r < 0 ? -r : errno));
		return 3;
	}
	if (!options.accel)
		options.accel = ask_accel(build);
	child = start_jobs(&options, build, fds[1]);
	close(fds[1]);
	input = fdopen(fds[0], "r");
	good = input && number_verdicts(input);
	if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) != 0) {
		fputs("run: not all tests could be run\n", stderr);
		return 3;
	}
	return good ? 0 : 1;
}
