// SPDX-License-Identifier: GPL-2.0
/*
 * A running guest: boot, end, and what tests ask of its agent.
 */
#include "harness/guest.h"
#include "harness/agent_client.h"
#include "harness/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * An emulated guest on a busy host may die while it boots: it loses ticks, or one of its processors
 * runs code that another has half patched. As long as the driver has not been loaded that says
 * nothing about it, and another attempt is made, so many in all.
 */
#define BOOTS_MOST 3

/* Of the balloon, in the virtio specification. */
#define VIRTIO_ID_BALLOON 5

/* The last line QEMU wrote about itself, for a message; empty when there is none. */
static void last_words(const char *path, char *ret_text, size_t size)
{
	char *line = NULL;
	size_t line_size = 0;
	FILE *file = fopen(path, "re");

	ret_text[0] = '\0';
	if (!file)
		return;
	/* The first line is the command. */
	if (getline(&line, &line_size, file) > 0)
		while (getline(&line, &line_size, file) > 0)
			snprintf(ret_text, size, "%.*s", (int)strcspn(line, "\n"), line);
	free(line);
	fclose(file);
}

/* A guest that comes from elsewhere must not be spoken to before it is all there. */
static int wait_running(struct guest *guest)
{
	uint64_t deadline_ms = clock_ms() + BOOT_TIMEOUT_MS;
	bool running = false;
	json_t *result;
	int r;

	while (!running) {
		r = qmp_command(guest->qmp, QMP_TIMEOUT_MS, &result, "query-status", NULL);
		if (r < 0)
			return r;
		running = json_is_true(json_object_get(result, "running"));
		json_decref(result);
		if (!running && clock_ms() >= deadline_ms)
			return -ETIMEDOUT;
		if (!running)
			usleep(50000);
	}
	return 0;
}

static int connect_guest(struct guest *guest, const struct qemu_files *files, const char *driver)
{
	int qmp_fd, agent_fd, r;

	r = qemu_spawn(guest->config, files, driver, &guest->pid, &qmp_fd, &agent_fd);
	if (r < 0)
		return r;
	r = qmp_new(qmp_fd, guest->qmp_log, QMP_TIMEOUT_MS, &guest->qmp);
	if (r < 0) {
		close(agent_fd);
		return r;
	}
	if (guest->config->incoming)
		r = wait_running(guest);
	if (r < 0) {
		close(agent_fd);
		return r;
	}
	return agent_new(agent_fd, guest->agent_log, BOOT_TIMEOUT_MS, guest->config->incoming,
			 &guest->agent, &guest->module_errno);
}

/* An empty disk, unless an earlier guest of this directory has left one. */
static int make_disk(const struct guest *guest, char *ret_path, size_t size)
{
	int fd, r = 0;

	snprintf(ret_path, size, "%s/disk", guest->dir);
	if (!guest->config->disk_mib)
		return 0;
	fd = open(ret_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)guest->config->disk_mib << 20) < 0)
		r = -errno;
	close(fd);
	return r;
}

static int boot_once(const struct guest_source *source, const struct guest_config *config,
		     const char *log_dir, struct guest **ret_guest, char *ret_why, size_t why_size)
{
	const char *driver = config->driver ? config->driver : source->driver;
	struct guest *guest = calloc(1, sizeof(*guest));
	char path[600], disk[600], words[256];
	struct qemu_files files;
	int r;

	if (!guest)
		return -ENOMEM;
	guest->source = source;
	guest->config = config;
	guest->memory_mib = config->memory_mib ? config->memory_mib : 256;
	snprintf(guest->dir, sizeof(guest->dir), "%s", log_dir);
	snprintf(guest->console.path, sizeof(guest->console.path), "%s/console.log", log_dir);
	snprintf(guest->errors_path, sizeof(guest->errors_path), "%s/qemu.log", log_dir);
	snprintf(path, sizeof(path), "%s/qmp.log", log_dir);
	guest->qmp_log = fopen(path, "we");
	snprintf(path, sizeof(path), "%s/agent.log", log_dir);
	guest->agent_log = fopen(path, "we");
	if (!guest->qmp_log || !guest->agent_log) {
		r = -errno;
		goto fail;
	}
	setlinebuf(guest->qmp_log);
	setlinebuf(guest->agent_log);
	r = make_disk(guest, disk, sizeof(disk));
	if (r < 0)
		goto fail;
	files = (struct qemu_files){ .accel = source->accel,
				     .kernel = source->kernel,
				     .initrd = source->initrd,
				     .console = guest->console.path,
				     .errors = guest->errors_path,
				     .disk = config->disk_mib ? disk : NULL,
				     .extra_mib = source->extra_mib };
	r = connect_guest(guest, &files, driver);
	if (r < 0)
		goto fail;
	*ret_guest = guest;
	return 0;
fail:
	last_words(guest->errors_path, words, sizeof(words));
	snprintf(ret_why, why_size, "the guest did not boot: %s%s%s; see %s", strerror(-r),
		 *words ? "; QEMU said: " : "", words, log_dir);
	guest_free(guest);
	return r;
}

/* Whether its console names the module under test: it had been loaded. */
static bool had_driver(const struct guest_source *source, const char *log_dir)
{
	struct console console = { 0 };
	char text[64];

	snprintf(console.path, sizeof(console.path), "%s/console.log", log_dir);
	snprintf(text, sizeof(text), "%s: loading", source->driver);
	return console_wait(&console, 0, text, NULL) == 0;
}

int guest_boot(const struct guest_source *source, const struct guest_config *config,
	       const char *log_dir, struct guest **ret_guest, char *ret_why, size_t why_size)
{
	int r, boots = 0;

	do {
		r = boot_once(source, config, log_dir, ret_guest, ret_why, why_size);
		if (r == 0 || config->incoming || had_driver(source, log_dir))
			return r;
		fprintf(stderr, "run: a boot failed before there was a balloon driver: %s\n",
			ret_why);
	} while (++boots < BOOTS_MOST);
	return r;
}

void guest_free(struct guest *guest)
{
	if (!guest)
		return;
	qemu_kill(guest->pid);
	agent_free(guest->agent);
	qmp_free(guest->qmp);
	if (guest->qmp_log)
		fclose(guest->qmp_log);
	if (guest->agent_log)
		fclose(guest->agent_log);
	free(guest);
}

/* Whether QEMU ends when its guest is to boot anew, as all do (see qemu.c), or lets it. */
static int end_at_reset(struct guest *guest, bool end)
{
	return qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "set-action", "{s:s}", "reboot",
			   end ? "shutdown" : "reset");
}

int guest_reset(struct guest *guest)
{
	int r;

	r = end_at_reset(guest, false);
	if (r == 0)
		r = qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "system_reset", NULL);
	if (r == 0)
		r = agent_wait_ready(guest->agent, BOOT_TIMEOUT_MS, &guest->module_errno);
	if (r == 0 && guest->module_errno)
		r = -ENOEXEC;
	return r < 0 ? r : end_at_reset(guest, true);
}

int guest_ask(struct guest *guest, char **ret_text, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = agent_vask(guest->agent, ASK_TIMEOUT_MS, ret_text, format, args);
	va_end(args);
	return r;
}

int guest_ask_within(struct guest *guest, uint64_t timeout_ms, char **ret_text, const char *format,
		     ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = agent_vask(guest->agent, timeout_ms, ret_text, format, args);
	va_end(args);
	return r;
}

int guest_read_u64(struct guest *guest, const char *path, uint64_t *ret_value)
{
	uint64_t value;
	char *text, *end;
	int r;

	r = guest_ask(guest, &text, "read %s", path);
	if (r < 0)
		return r;
	errno = 0;
	value = strtoull(text, &end, 0);
	if (errno || end == text)
		r = -EINVAL;
	else
		*ret_value = value;
	free(text);
	return r;
}

/* A number behind a name at the start of a line of a file. */
static int read_field(struct guest *guest, const char *path, const char *name, char separator,
		      uint64_t *ret_value)
{
	size_t length = strlen(name);
	char *text, *line, *rest;
	int r;

	r = guest_ask(guest, &text, "read %s", path);
	if (r < 0)
		return r;
	r = -ENOENT;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, name, length) == 0 && line[length] == separator) {
			*ret_value = strtoull(line + length + 1, NULL, 10);
			r = 0;
			break;
		}
	}
	free(text);
	return r;
}

int guest_meminfo_kib(struct guest *guest, const char *field, uint64_t *ret_kib)
{
	return read_field(guest, "/proc/meminfo", field, ':', ret_kib);
}

int guest_vmstat(struct guest *guest, const char *field, uint64_t *ret_value)
{
	return read_field(guest, "/proc/vmstat", field, ' ', ret_value);
}

bool guest_has_dir(struct guest *guest, const char *path)
{
	return guest_ask(guest, NULL, "ls %s", path) == 0;
}

int guest_mark(struct guest *guest, const char *text)
{
	int r;

	r = guest_ask(guest, NULL, "write /dev/kmsg %s", text);
	if (r < 0)
		return r;
	return console_wait(&guest->console, ASK_TIMEOUT_MS, text, NULL);
}

int guest_balloon_device(struct guest *guest, char *ret_name, size_t size)
{
	char *names, *name, *rest;
	uint64_t id;
	int r;

	r = guest_ask(guest, &names, "ls /sys/bus/virtio/devices");
	if (r < 0)
		return r;
	r = -ENODEV;
	for (name = strtok_r(names, "\n", &rest); name && r < 0;
	     name = strtok_r(NULL, "\n", &rest)) {
		char path[256];

		snprintf(path, sizeof(path), "/sys/bus/virtio/devices/%s/device", name);
		if (guest_read_u64(guest, path, &id) < 0 || id != VIRTIO_ID_BALLOON)
			continue;
		snprintf(ret_name, size, "%s", name);
		r = 0;
	}
	free(names);
	return r;
}

bool guest_driver_bound(struct guest *guest, const char *driver)
{
	char name[64], path[256];

	if (guest_balloon_device(guest, name, sizeof(name)) < 0)
		return false;
	snprintf(path, sizeof(path), "/sys/bus/virtio/drivers/%s/%s", driver, name);
	return guest_has_dir(guest, path);
}

bool guest_balloon_bound(struct guest *guest)
{
	return guest_driver_bound(guest, guest->source->driver);
}

/* Pages on per-CPU lists, which MemFree does not count: the `count:` lines of zoneinfo. */
static int percpu_free_pages(struct guest *guest, uint64_t *ret_pages)
{
	uint64_t pages = 0;
	char *text, *line, *rest;
	int r;

	r = guest_ask(guest, &text, "read /proc/zoneinfo");
	if (r < 0)
		return r;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		line += strspn(line, " ");
		if (strncmp(line, "count:", 6) == 0)
			pages += strtoull(line + 6, NULL, 10);
	}
	free(text);
	*ret_pages = pages;
	return 0;
}

int guest_free_kib(struct guest *guest, uint64_t *ret_kib)
{
	uint64_t free_kib, pages;
	int r;

	r = guest_meminfo_kib(guest, "MemFree", &free_kib);
	if (r == 0)
		r = percpu_free_pages(guest, &pages);
	if (r == 0)
		*ret_kib = free_kib + pages * guest->source->page_kib;
	return r;
}
