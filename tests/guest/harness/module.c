// SPDX-License-Identifier: GPL-2.0
/*
 * What aerostat says about itself: the `key: value` lines of its state in debugfs.
 */
#include "harness/guest.h"
#include "harness/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_US 50000

int guest_state(struct guest *guest, const char *key, char **ret_value)
{
	char device[64], start[64], *text, *line, *value;
	int r;

	r = guest_balloon_device(guest, device, sizeof(device));
	if (r == 0)
		r = guest_ask(guest, &text, "read /sys/kernel/debug/aerostat/%s/state", device);
	if (r < 0)
		return r;
	snprintf(start, sizeof(start), "\n%s: ", key);
	line = strstr(text, start);
	if (!strncmp(text, start + 1, strlen(start + 1)))
		line = text - 1;
	value = line ? strndup(line + strlen(start), strcspn(line + strlen(start), "\n")) : NULL;
	free(text);
	if (!value)
		return -ENOENT;
	*ret_value = value;
	return 0;
}

int guest_state_number(struct guest *guest, const char *key, uint64_t *ret_number)
{
	char *value;
	int r;

	r = guest_state(guest, key, &value);
	if (r < 0)
		return r;
	*ret_number = strtoull(value, NULL, 10);
	free(value);
	return 0;
}

int guest_wait_state(struct guest *guest, const char *key, const char *expected, char *ret_last,
		     size_t size)
{
	uint64_t deadline_ms = clock_ms() + REACH_TIMEOUT_MS;
	char *value;
	int r;

	for (;;) {
		r = guest_state(guest, key, &value);
		if (r < 0)
			return r;
		snprintf(ret_last, size, "%s", value);
		free(value);
		if (strcmp(ret_last, expected) == 0)
			return 0;
		if (clock_ms() >= deadline_ms)
			return -ETIMEDOUT;
		usleep(POLL_US);
	}
}
