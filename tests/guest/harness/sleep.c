// SPDX-License-Identifier: GPL-2.0
/*
 * Sending a guest to sleep and waking it.
 *
 * Suspended to memory, QEMU knows that the guest sleeps, says so, and wakes it on request.
 * Suspended to idle, nobody outside can tell; so the power button is pressed, gently, until the
 * guest answers. A press that comes before the guest is asleep keeps it awake (-EBUSY): then it is
 * sent to sleep once more.
 */
#include "harness/agent_client.h"
#include "harness/guest.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define PRESS_EVERY_MS 1500u
#define PRESSES_MAX    40
#define TRIES_MAX      5

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
 * The serial port may lose an interrupt over this sleep, and then keeps the reply until the next
 * one: a request that asks for nothing brings it about.
 */
static int finish_awake(struct guest *guest, uint64_t number)
{
	uint64_t nudge;
	int r = -ETIMEDOUT;

	for (int i = 0; i < PRESSES_MAX && r == -ETIMEDOUT; i++) {
		r = agent_finish(guest->agent, PRESS_EVERY_MS, number, NULL);
		if (r == -ETIMEDOUT && start(guest, &nudge, "ping") < 0)
			return -EPIPE;
	}
	return r;
}

static int sleep_to_memory(struct guest *guest)
{
	uint64_t number;
	int r;

	r = start(guest, &number, "suspend mem");
	if (r == 0)
		r = qmp_wait_event(guest->qmp, QMP_TIMEOUT_MS, "SUSPEND", NULL);
	if (r == 0)
		r = qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "system_wakeup", NULL);
	return r < 0 ? r : finish_awake(guest, number);
}

static int sleep_to_idle(struct guest *guest)
{
	uint64_t number;
	int r;

	r = start(guest, &number, "suspend freeze");
	for (int i = 0; r == 0 && i < PRESSES_MAX; i++) {
		r = agent_finish(guest->agent, PRESS_EVERY_MS, number, NULL);
		if (r != -ETIMEDOUT)
			return r;
		r = qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "system_powerdown", NULL);
	}
	return r < 0 ? r : -ETIMEDOUT;
}

int guest_sleep(struct guest *guest, const char *state)
{
	int r;

	if (strcmp(state, "mem") == 0)
		return sleep_to_memory(guest);
	/* The button's driver; loaded once. */
	r = guest_ask(guest, NULL, "insmod button");
	if (r < 0 && r != -EEXIST)
		return r;
	for (int i = 0; i < TRIES_MAX; i++) {
		r = sleep_to_idle(guest);
		if (r != -EBUSY)
			break;
	}
	return r;
}
