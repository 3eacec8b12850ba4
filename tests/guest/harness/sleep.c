// SPDX-License-Identifier: GPL-2.0
/*
 * Sending a guest to sleep and waking it.
 *
 * Whether a guest sleeps cannot be told from outside in every state: suspended to idle it looks
 * like any idle guest, and under emulation QEMU says so only for the first suspend to memory. So
 * nobody asks; the guest is woken, gently, until it answers. The power button wakes it from idle,
 * the monitor from memory; each leaves a guest that is awake alone. A wake-up that comes before
 * the guest is asleep keeps it awake (-EBUSY): then it is sent to sleep once more.
 */
#include "harness/agent_client.h"
#include "harness/guest.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

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

static int wake(struct guest *guest)
{
	uint64_t number;
	int r;

	r = qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "system_powerdown", NULL);
	if (r == 0)
		r = qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "system_wakeup", NULL);
	/* It is not suspended to memory. */
	if (r == -EREMOTEIO)
		r = 0;
	/*
	 * The serial port may lose an interrupt over the sleep, and then keeps the reply until the
	 * next one: a request that asks for nothing brings it about.
	 */
	return r < 0 ? r : start(guest, &number, "ping");
}

static int sleep_once(struct guest *guest, const char *state)
{
	uint64_t number;
	int r;

	r = start(guest, &number, "suspend %s", state);
	for (int i = 0; r == 0 && i < WAKES_MAX; i++) {
		r = agent_finish(guest->agent, WAKE_EVERY_MS, number, NULL);
		if (r != -ETIMEDOUT)
			return r;
		r = wake(guest);
	}
	return r < 0 ? r : -ETIMEDOUT;
}

int guest_sleep(struct guest *guest, const char *state)
{
	int r;

	/* The button's driver; loaded once. */
	r = guest_ask(guest, NULL, "insmod button");
	if (r < 0 && r != -EEXIST)
		return r;
	for (int i = 0; i < TRIES_MAX; i++) {
		r = sleep_once(guest, state);
		if (r != -EBUSY)
			break;
	}
	return r;
}
