/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hear of the host's memory pressure when it begins, instead of at the next tick: a trigger on the
 * kernel's pressure stall information.
 */
#ifndef AEROSTAT_SOURCE_PRESSURE_H
#define AEROSTAT_SOURCE_PRESSURE_H

#include <stdint.h>
#include <systemd/sd-event.h>

/* What has happened when it fires: so much of a window was stalled, at least. */
#define PRESSURE_STALL_PERMILLE 150

struct pressure;

/*
 * Call `fired` on the loop's thread whenever tasks stalled for PRESSURE_STALL_PERMILLE of a window;
 * the kernel does so once a window at most, as long as it lasts. `root`: "" for the real /proc; a
 * tree for tests has no triggers. Returns 0, or a negative errno where the kernel has none or does
 * not grant one: then the regular ticks have to do.
 */
int pressure_new(sd_event *event, const char *root, void (*fired)(void *userdata), void *userdata,
		 struct pressure **ret_pressure);

void pressure_free(struct pressure *pressure); /* takes NULL */

#endif
