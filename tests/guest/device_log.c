// SPDX-License-Identifier: GPL-2.0
/*
 * See device_log.h.
 */
#include "device_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_READ     "virtio_balloon_handle_output"
#define CONFIG_WRITTEN "virtio_balloon_set_config"
#define STATUS_WRITTEN "virtio_set_status"

#define STATUS_DRIVER_OK 4u

static int trace(struct guest *guest, const char *event, bool on)
{
	return qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "trace-event-set-state", "{s:s, s:b}",
			   "name", event, "enable", (int)on);
}

/* Calls `each` for all lines of the log, until it returns an error, which is returned. */
static int read_log(struct guest *guest, int (*each)(const char *line, void *data), void *data)
{
	FILE *file = fopen(guest->errors_path, "re");
	char *line = NULL;
	size_t size = 0;
	int r = 0;

	if (!file)
		return -errno;
	while (r == 0 && getline(&line, &size, file) > 0)
		r = each(line, data);
	free(line);
	fclose(file);
	return r;
}

int device_log(struct guest *guest, bool on)
{
	return trace(guest, FRAME_READ, on);
}

struct addresses {
	uint64_t *room;
	size_t most, count;
};

static int read_address(const char *line, void *data)
{
	struct addresses *addresses = data;
	const char *address;

	if (!strstr(line, FRAME_READ) || !(address = strstr(line, "gpa: ")))
		return 0;
	if (addresses->count == addresses->most)
		return -ENOSPC;
	addresses->room[addresses->count++] = strtoull(address + strlen("gpa: "), NULL, 16);
	return 0;
}

int device_log_read(struct guest *guest, uint64_t *ret_addresses, size_t most, size_t *ret_count)
{
	struct addresses addresses = { .room = ret_addresses, .most = most };
	int r = read_log(guest, read_address, &addresses);

	*ret_count = addresses.count;
	return r;
}

int device_log_writes(struct guest *guest, bool on)
{
	int r = trace(guest, CONFIG_WRITTEN, on);

	return r < 0 ? r : trace(guest, STATUS_WRITTEN, on);
}

struct writes {
	struct device_writes since_reset;
	bool ok;
};

static int read_write(const char *line, void *data)
{
	struct writes *writes = data;
	const char *place;
	unsigned int actual, before, status;

	if ((place = strstr(line, STATUS_WRITTEN)) && (place = strstr(place, " val ")) &&
	    sscanf(place, " val %u", &status) == 1) {
		if (!status)
			*writes = (struct writes){ .ok = false };
		writes->ok = status & STATUS_DRIVER_OK;
	} else if ((place = strstr(line, CONFIG_WRITTEN)) && (place = strstr(place, " actual: ")) &&
		   sscanf(place, " actual: %u oldactual: %u", &actual, &before) == 2) {
		if (!writes->ok)
			writes->since_reset.before_ok++;
		else if (actual != before)
			writes->since_reset.changed++;
		else
			writes->since_reset.unchanged++;
	}
	return 0;
}

int device_log_read_writes(struct guest *guest, struct device_writes *ret_writes)
{
	struct writes writes = { .ok = false };
	int r = read_log(guest, read_write, &writes);

	*ret_writes = writes.since_reset;
	return r;
}
