// SPDX-License-Identifier: GPL-2.0
/*
 * Guests that the emulator lost as they woke from memory.
 *
 * Under QEMU 7.2 without KVM, on a busy host, about one in a thousand wake-ups goes wrong before any
 * driver has been resumed, with the stock balloon driver as with ours, on q35 as on i440FX, and only
 * with kernel 6.12 so far: the processor comes back with flags that no processor can hold, and the
 * kernel dies of what follows (a fault at a pushf in 64-bit code as if it were in virtual-8086 mode, a
 * debug trap nobody asked for, interrupts where they are off), or the machine resets itself before the
 * kernel's first line. That says nothing about the driver, so the test deserves another guest: but only
 * on that evidence, which the kernel's own reports give.
 */
#include "harness/guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESET_TIMEOUT_MS 1000

/*
 * Bits of EFLAGS that 64-bit code never sees set: 3, 5, 15 and 22 to 31 are reserved and read as 0, 17
 * is virtual-8086 mode. Intel's manual, volume 1, 3.4.3.
 */
#define EFLAGS_IMPOSSIBLE 0xffc28028ul

struct waking {
	bool asleep; /* no word since the last suspend */
	bool bad_flags;
};

static bool follow(const char *line, void *data)
{
	static const char name[] = "EFLAGS: ";
	struct waking *waking = data;
	const char *flags = strstr(line, name);

	if (strstr(line, "PM: suspend entry (deep)"))
		waking->asleep = true;
	if (strstr(line, "Low-level resume complete"))
		waking->asleep = false;
	if (flags && (strtoul(flags + strlen(name), NULL, 16) & EFLAGS_IMPOSSIBLE))
		waking->bad_flags = true;
	return waking->bad_flags;
}

/* Whether the machine has reset itself. */
static bool was_reset(struct guest *guest)
{
	json_t *data = NULL;
	const char *reason;
	bool reset;

	if (qmp_wait_event(guest->qmp, RESET_TIMEOUT_MS, "SHUTDOWN", &data) < 0)
		return false;
	reason = json_string_value(json_object_get(data, "reason"));
	reset = reason && strcmp(reason, "guest-reset") == 0;
	json_decref(data);
	return reset;
}

bool guest_lost_waking(struct guest *guest, const struct console *console)
{
	struct waking waking = { .asleep = false };

	if (qmp_wait_event(guest->qmp, 0, "WAKEUP", NULL) < 0)
		return false;
	console_each(console, follow, &waking);
	return waking.bad_flags || (waking.asleep && was_reset(guest));
}
