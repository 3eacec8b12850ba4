/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which figures of the daemon's status are beyond the daemon's thresholds, which the status has, too:
 * so what the tool calls wrong and what the daemon raises alarms for are the same. The tool differs
 * only in not waiting: to the daemon it must have been so for [alarms] hold.
 */
#ifndef AEROSTAT_CTL_THRESHOLDS_H
#define AEROSTAT_CTL_THRESHOLDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* A figure with a threshold. */
struct threshold {
	const char *figure; /* key, of the host or a VM */
	const char *limit; /* key, of the host */
	const char *alarm; /* its name */
};

/* Whether this alarm of the host or VM is raised. */
bool alarm_is_raised(const json_t *object, const char *alarm);

/*
 * Whether the figure is known and above its threshold, or its alarm is raised: that is over only
 * well below the threshold.
 */
bool is_beyond(const json_t *object, const json_t *host, const struct threshold *threshold);

#define NAMED_MOST 3 /* of those with the same complaint */

/* The VMs whose figure is beyond, the worst first. */
struct beyond {
	size_t n; /* how many there are */
	const json_t *worst[NAMED_MOST];
};

struct beyond find_beyond(const json_t *vms, const json_t *host, const struct threshold *threshold);

bool is_among_worst(const struct beyond *beyond, const json_t *vm);

#endif
