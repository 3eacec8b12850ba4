/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The service manager's watchdog (WatchdogSec= in the unit). It is fed only while the loop goes on and
 * its rounds end, so a daemon that runs but does nothing is restarted, too, and one that waits for
 * libvirt is not; one that is ended says what it was at.
 */
#ifndef AEROSTAT_WATCHDOG_H
#define AEROSTAT_WATCHDOG_H

#include <stdbool.h>
#include <systemd/sd-event.h>

/*
 * Feed it from the loop as often as it wants, as long as `proceeds` says true. Nothing happens
 * where no watchdog is asked for. Returns 0 or a negative errno.
 */
int watchdog_start(sd_event *event, bool (*proceeds)(void *userdata), void *userdata);

/*
 * What the loop's thread is at from now on: a literal that completes "stuck while ...". Said when
 * the service manager ends this process for want of feeding. Costs one store.
 */
void watchdog_phase(const char *doing);

#endif
