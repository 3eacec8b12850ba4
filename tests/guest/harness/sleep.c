// SPDX-License-Identifier: GPL-2.0
/*
 * Sending a guest to sleep and waking it.
 *
 * Suspended to memory, QEMU says so, and the monitor wakes the guest: once, as it sleeps for certain.
 *
 * Suspended to idle it looks like any idle guest. So nobody asks; the power button is pressed, now and
 * then, until the guest answers. It leaves a guest that is awake alone, but one that has not quite
 * gone to sleep yet stays awake (-EBUSY): then it is sent to sleep once more.
 */
#include "harness/agent_client.h"
#include "harness/guest.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define LOOK_EVERY_MS 100u
#define LOOKS_MAX     600
#define WAKE_EVERY_MS 1500u
#define WAKES_MAX     40
#define TRIES_MAX     5

static int start(struct guest *guest, uint64_t *ret_number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int start(struct guest *guest, uint64_t *ret_number, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = agent_vstart(guest->agent, ret_number, format, args);
	va_end(args);
	return r;
}

/*
 * The reply to the request that put the guest to sleep. The serial port may lose an interrupt over the
 * sleep, and then keeps what is to be sent until the next one: a request that asks for nothing brings
 * it about.
 */
static int awake(struct guest *guest, uint64_t number)
{
	uint64_t other;
	int r = -ETIMEDOUT;

	for (int i = 0; r == -ETIMEDOUT && i < WAKES_MAX; i++) {
		r = agent_finish(guest->agent, WAKE_EVERY_MS, number, NULL);
		if (r == -ETIMEDOUT && start(guest, &other, "ping") < 0)
			return -EPIPE;
	}
	return r;
}

/* Until QEMU says that it sleeps. A reply that comes first says why it does not. */
static int wait_asleep(struct guest *guest, uint64_t number)
{
	int r = -ETIMEDOUT;

	for (int i = 0; r == -ETIMEDOUT && i < LOOKS_MAX; i++) {
		r = qmp_wait_event(guest->qmp, LOOK_EVERY_MS, "SUSPEND", NULL);
		if (r != -ETIMEDOUT)
			return r;
		r = agent_finish(guest->agent, 0, number, NULL);
	}
	/* It says that it has slept, and QEMU does not know of it. */
	return r == 0 ? -EPROTO : r;
}

static int sleep_in_memory(struct guest *guest)
{
	uint64_t number;
	int r;

	r = start(guest, &number, "suspend mem");
	if (r == 0)
		r = wait_asleep(guest, number);
	if (r == 0)
		r = qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "system_wakeup", NULL);
	return r < 0 ? r : awake(guest, number);
}

static int idle_once(struct guest *guest)
{
	uint64_t number, other;
	int r;

	r = start(guest, &number, "suspend freeze");
	for (int i = 0; r == 0 && i < WAKES_MAX; i++) {
		r = agent_finish(guest->agent, WAKE_EVERY_MS, number, NULL);
		if (r != -ETIMEDOUT)
			return r;
		r = qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "system_powerdown", NULL);
		/* As in awake(). */
		if (r == 0)
			r = start(guest, &other, "ping");
	}
	return r < 0 ? r : -ETIMEDOUT;
}

static int sleep_idle(struct guest *guest)
{
	int r;

	/* The button's driver; loaded once. */
	r = guest_ask(guest, NULL, "insmod button");
	if (r < 0 && r != -EEXIST)
		return r;
	for (int i = 0; i < TRIES_MAX; i++) {
		r = idle_once(guest);
		if (r != -EBUSY)
			break;
	}
	return r;
}

int guest_sleep(struct guest *guest, const char *state)
{
	return strcmp(state, "mem") == 0 ? sleep_in_memory(guest) : sleep_idle(guest);
}
