// SPDX-License-Identifier: GPL-2.0
/*
 * A guest seen from the host: what QEMU takes of its memory, and what the device's registers hold.
 */
#include "harness/guest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of QEMU's virtio PCI devices: the fifth memory region, and in it the device's configuration. */
#define CONFIG_BAR    4
#define CONFIG_OFFSET 0x2000u

static int read_status_kib(const struct guest *guest, const char *field, uint64_t *ret_kib)
{
	size_t length = strlen(field);
	char path[64], line[256];
	int r = -ENOENT;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)guest->pid);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (r < 0 && fgets(line, sizeof(line), file)) {
		if (strncmp(line, field, length) != 0 || line[length] != ':')
			continue;
		*ret_kib = strtoull(line + length + 1, NULL, 10);
		r = 0;
	}
	fclose(file);
	return r;
}

int guest_resident_kib(const struct guest *guest, uint64_t *ret_kib)
{
	return read_status_kib(guest, "VmRSS", ret_kib);
}

int guest_resident_peak_kib(const struct guest *guest, uint64_t *ret_kib)
{
	return read_status_kib(guest, "VmHWM", ret_kib);
}

int guest_reset_resident_peak(const struct guest *guest)
{
	char path[64];
	FILE *file;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)guest->pid);
	file = fopen(path, "we");
	if (!file)
		return -errno;
	/* 5: the peak becomes what is resident now. */
	if (fputs("5", file) == EOF || fflush(file) == EOF)
		r = -errno;
	fclose(file);
	return r;
}

/* The guest-physical address of the device's configuration. */
static int config_address(struct guest *guest, uint64_t *ret_address)
{
	char name[64], *text, *line, *rest;
	int r;

	r = guest_balloon_device(guest, name, sizeof(name));
	if (r == 0)
		r = guest_ask(guest, &text, "read /sys/bus/virtio/devices/%s/../resource", name);
	if (r < 0)
		return r;
	line = strtok_r(text, "\n", &rest);
	for (int i = 0; line && i < CONFIG_BAR; i++)
		line = strtok_r(NULL, "\n", &rest);
	if (line)
		*ret_address = strtoull(line, NULL, 16) + CONFIG_OFFSET;
	free(text);
	return line ? 0 : -ENODEV;
}

int guest_physical(struct guest *guest, uint64_t address, uint32_t *ret_value)
{
	char command[64];
	const char *colon;
	json_t *result;
	int r;

	/* The monitor reads memory as a bus master would, and so the registers behind it. */
	snprintf(command, sizeof(command), "xp /1wx 0x%" PRIx64, address);
	r = qmp_command(guest->qmp, QMP_TIMEOUT_MS, &result, "human-monitor-command", "{s:s}",
			"command-line", command);
	if (r < 0)
		return r;
	colon = json_string_value(result) ? strchr(json_string_value(result), ':') : NULL;
	if (colon)
		*ret_value = (uint32_t)strtoul(colon + 1, NULL, 16);
	json_decref(result);
	return colon ? 0 : -EINVAL;
}

int guest_device_config(struct guest *guest, unsigned int offset_bytes, uint32_t *ret_value)
{
	uint64_t address;
	int r;

	r = config_address(guest, &address);
	return r < 0 ? r : guest_physical(guest, address + offset_bytes, ret_value);
}
