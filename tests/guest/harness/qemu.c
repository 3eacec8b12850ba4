// SPDX-License-Identifier: GPL-2.0
/*
 * One QEMU process: its command line, its life and its end.
 *
 * Monitor and agent port are socket pairs handed down by number: no path, so no limit on its
 * length, nothing to wait for and nothing to remove; when one side dies, the other reads the end.
 */
#include "harness/qemu.h"
#include "harness/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Descriptors in the child; below them are the standard ones. */
#define QMP_FD	 10
#define AGENT_FD 11

#define ARGUMENTS_MAX 64

struct command_line {
	char *argv[ARGUMENTS_MAX + 1];
	size_t argc;
};

static void add(struct command_line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct command_line *line, const char *format, ...)
{
	va_list args;

	if (line->argc == ARGUMENTS_MAX)
		abort();
	va_start(args, format);
	if (vasprintf(&line->argv[line->argc++], format, args) < 0)
		abort();
	va_end(args);
	line->argv[line->argc] = NULL;
}

static void add_option(struct command_line *line, const char *option, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add_option(struct command_line *line, const char *option, const char *format, ...)
{
	char value[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	add(line, "%s", option);
	add(line, "%s", value);
}

static void free_command_line(struct command_line *line)
{
	for (size_t i = 0; i < line->argc; i++)
		free(line->argv[i]);
}

/*
 * The pace of the time stamp counter, which an emulated guest has from the host; 0 where there is
 * none. Measured over a time that makes it good to a thousandth.
 */
static uint64_t host_tsc_khz(void)
{
#ifdef __x86_64__
	struct timespec before, after;
	uint64_t ticks, ns;

	clock_gettime(CLOCK_MONOTONIC, &before);
	ticks = __builtin_ia32_rdtsc();
	usleep(50000);
	clock_gettime(CLOCK_MONOTONIC, &after);
	ticks = __builtin_ia32_rdtsc() - ticks;
	ns = (uint64_t)(after.tv_sec - before.tv_sec) * 1000000000u + (uint64_t)after.tv_nsec -
	     (uint64_t)before.tv_nsec;
	return ticks * 1000000u / ns;
#else
	return 0;
#endif
}

/*
 * A microvm has neither HPET nor PM timer, and on a busy host the guest often fails to calibrate
 * its counter against the PIT; Linux 6.1 then waits for ever for its first tick. So it is told; and
 * not to check the counter against lost ticks, as without it there is no clock at all.
 */
static void add_tsc(char *append, size_t size)
{
	uint64_t khz = host_tsc_khz();
	size_t used = strlen(append);

	if (khz)
		snprintf(append + used, size - used, " tsc_early_khz=%" PRIu64 " tsc=reliable",
			 khz);
}

/* The serial ports: the kernel's console and the agent's. */
static void add_ports(struct command_line *line, bool arm64, const char *console)
{
	add_option(line, "-chardev", "file,id=console,path=%s", console);
	add_option(line, "-chardev", "socket,id=agent,fd=%d", AGENT_FD);
	if (arm64) {
		/* The machine has one of its own, of another kind. */
		add_option(line, "-serial", "chardev:console");
		add_option(line, "-device", "pci-serial,chardev=agent");
	} else {
		add_option(line, "-device", "isa-serial,chardev=console,index=0");
		add_option(line, "-device", "isa-serial,chardev=agent,index=1");
	}
}

static void make_command_line(struct command_line *line, const struct guest_config *config,
			      const struct qemu_files *files, const char *driver)
{
	bool arm64 = config->arm64;
	const char *machine = config->machine ? config->machine : arm64 ? "virt" : "q35";
	const char *device = config->device ? config->device : "virtio-balloon-pci,id=balloon0";
	bool microvm = strcmp(machine, "microvm") == 0;
	bool kvm = strcmp(files->accel, "kvm") == 0;
	/*
	 * A booting kernel counts the ticks of its timer for some milliseconds, and panics without
	 * any; a running one complains when a processor does nothing for 21 s, or twice 10. An
	 * emulated one may have to wait longer than that for its host.
	 */
	const char *patience = " no_timer_check rcupdate.rcu_cpu_stall_timeout=120"
			       " watchdog_thresh=60";
	/*
	 * How interrupts of i440FX are routed is found out by a method of its firmware, in a hundred
	 * steps, each an allocation or more: a minute and more with the debug kernel.
	 */
	const char *quick_irqs = files->extra_mib && strcmp(machine, "pc") == 0 ? " acpi=noirq"
										: "";
	char append[1024];

	add(line, arm64 ? "qemu-system-aarch64" : "qemu-system-x86_64");
	add_option(line, "-accel", "%s", files->accel);
	add_option(line, "-cpu", "%s", kvm ? "host" : arm64 ? "cortex-a72" : "max");
	/* A microvm's own serial port would take the place of ours; the clock wakes sleepers. */
	add_option(line, "-machine", "%s%s", machine,
		   microvm ? ",isa-serial=off,rtc=on,acpi=on" : "");
	add_option(line, "-m", "%uk",
		   ((config->memory_mib ? config->memory_mib : 256) + files->extra_mib) * 1024 -
			   config->memory_less_kib);
	add_option(line, "-smp", "%u", config->vcpus ? config->vcpus : 2);
	add(line, "-nodefaults");
	add(line, "-no-user-config");
	add(line, "-nographic");
	add(line, "-no-reboot");
	add_option(line, "-kernel", "%s", files->kernel);
	add_option(line, "-initrd", "%s", files->initrd);
	snprintf(append, sizeof(append),
		 "console=%s no_console_suspend loglevel=5 panic=-1%s%s agent.module=%s%s%s %s",
		 arm64 ? "ttyAMA0 agent.port=ttyS0" : "ttyS0,115200", kvm ? "" : patience,
		 quick_irqs, driver, config->params ? " agent.params=" : "",
		 config->params ? config->params : "", config->append ? config->append : "");
	if (microvm && !kvm)
		add_tsc(append, sizeof(append));
	add_option(line, "-append", "%s", append);
	add_ports(line, arm64, files->console);
	add_option(line, "-chardev", "socket,id=qmp,fd=%d", QMP_FD);
	add_option(line, "-mon", "chardev=qmp,mode=control");
	if (config->global)
		add_option(line, "-global", "%s", config->global);
	for (const char *const *option = config->options; option && *option; option++)
		add(line, "%s", *option);
	if (config->incoming)
		add_option(line, "-incoming", "%s", config->incoming);
	if (files->disk)
		add_option(line, "-drive", "if=virtio,format=raw,cache=unsafe,file=%s",
			   files->disk);
	add_option(line, "-device", "%s", device);
}

/* In the child: never returns. */
static void become_qemu(char **argv, pid_t parent, int qmp_fd, int agent_fd, int errors_fd)
{
	int null_fd = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent may have died before that took effect. */
	if (getppid() != parent)
		_exit(1);
	/* dup2 leaves the copies open across exec; the originals close. */
	if (null_fd < 0 || dup2(null_fd, 0) < 0 || dup2(errors_fd, 1) < 0 ||
	    dup2(errors_fd, 2) < 0 || dup2(qmp_fd, QMP_FD) < 0 || dup2(agent_fd, AGENT_FD) < 0)
		_exit(126);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* A descriptor above those the child uses, so that placing one there cannot close another. */
static int move_up(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, AGENT_FD + 1);

	close(fd);
	return high;
}

static int open_pair(int *ret_ours, int *ret_theirs)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	*ret_ours = move_up(fds[0]);
	*ret_theirs = move_up(fds[1]);
	return 0;
}

int qemu_spawn(const struct guest_config *config, const struct qemu_files *files,
	       const char *driver, pid_t *ret_pid, int *ret_qmp_fd, int *ret_agent_fd)
{
	int qmp[2] = { -1, -1 }, agent[2] = { -1, -1 }, errors_fd = -1, r;
	struct command_line line = { .argc = 0 };
	pid_t pid = -1, parent = getpid();

	make_command_line(&line, config, files, driver);
	errors_fd = open(files->errors, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (errors_fd < 0) {
		r = -errno;
		goto out;
	}
	for (size_t i = 0; i < line.argc; i++)
		dprintf(errors_fd, "%s%s", line.argv[i], i + 1 < line.argc ? " " : "\n");
	errors_fd = move_up(errors_fd);
	r = open_pair(&qmp[0], &qmp[1]);
	if (r == 0)
		r = open_pair(&agent[0], &agent[1]);
	if (r < 0)
		goto out;
	pid = fork();
	if (pid == 0)
		become_qemu(line.argv, parent, qmp[1], agent[1], errors_fd);
	if (pid < 0)
		r = -errno;
out:
	free_command_line(&line);
	if (errors_fd >= 0)
		close(errors_fd);
	if (qmp[1] >= 0)
		close(qmp[1]);
	if (agent[1] >= 0)
		close(agent[1]);
	if (r < 0) {
		if (qmp[0] >= 0)
			close(qmp[0]);
		if (agent[0] >= 0)
			close(agent[0]);
		return r;
	}
	*ret_pid = pid;
	*ret_qmp_fd = qmp[0];
	*ret_agent_fd = agent[0];
	return 0;
}

void qemu_kill(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int look_for_end(pid_t pid, siginfo_t *ret_info)
{
	ret_info->si_pid = 0;
	if (waitid(P_PID, (id_t)pid, ret_info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return -errno;
	return ret_info->si_pid == pid ? 0 : -EAGAIN;
}

int qemu_wait_exit(pid_t pid, uint64_t timeout_ms)
{
	uint64_t deadline_ms = clock_ms() + timeout_ms;
	siginfo_t info;
	int r;

	while ((r = look_for_end(pid, &info)) == -EAGAIN) {
		if (clock_ms() >= deadline_ms)
			return -ETIMEDOUT;
		usleep(20000);
	}
	return r;
}

int qemu_how_it_ended(pid_t pid, char *text, size_t size)
{
	siginfo_t info;
	int r = look_for_end(pid, &info);

	if (r == 0)
		snprintf(text, size, "QEMU has ended, %s %d",
			 info.si_code == CLD_EXITED ? "with status" : "by signal", info.si_status);
	return r;
}
