// SPDX-License-Identifier: GPL-2.0
/*
 * See device_log.h.
 */
#include "device_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENT "virtio_balloon_handle_output"

int device_log(struct guest *guest, bool on)
{
	return qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "trace-event-set-state", "{s:s, s:b}",
			   "name", EVENT, "enable", (int)on);
}

int device_log_read(struct guest *guest, uint64_t *ret_addresses, size_t most, size_t *ret_count)
{
	FILE *file = fopen(guest->errors_path, "re");
	const char *address;
	size_t size = 0, count = 0;
	char *line = NULL;
	int r = 0;

	if (!file)
		return -errno;
	while (r == 0 && getline(&line, &size, file) > 0) {
		if (!strstr(line, EVENT) || !(address = strstr(line, "gpa: ")))
			continue;
		if (count < most)
			ret_addresses[count++] = strtoull(address + strlen("gpa: "), NULL, 16);
		else
			r = -ENOSPC;
	}
	free(line);
	fclose(file);
	*ret_count = count;
	return r;
}
