// SPDX-License-Identifier: GPL-2.0
/*
 * The stock driver has the device already: ours says how to hand it over, and the script that it
 * names does so, and back.
 */
#include "checks.h"

#include <string.h>

#define FULL_KIB     (256u * KIB_PER_MIB)
#define INFLATED_KIB (FULL_KIB - 100 * KIB_PER_MIB)

/* Runs the script with these arguments; fails the test unless it ends with this status. */
static void run_take_over(struct test *t, const char *arguments, int status)
{
	char *text, wanted[32];

	/* Its tools are busybox's here: it must not need more than a small guest has. */
	require_ok(t,
		   guest_ask(t->guest, &text, "run /bin/busybox sh /sbin/take-over %s", arguments));
	snprintf(wanted, sizeof(wanted), "status=%d\n", status);
	require(t, strncmp(text, wanted, strlen(wanted)) == 0,
		"take-over %s: expected %.*s, got %s", arguments, (int)strcspn(wanted, "\n"),
		wanted, text);
	free(text);
}

static void take_over_and_back(struct test *t)
{
	char name[64], *line;

	if (strcmp(t->guest->source->driver, "aerostat") != 0) {
		test_skip(t, "only aerostat takes over");
		return;
	}
	require_ok(t, guest_ask(t->guest, NULL, "run /bin/busybox --install -s /bin"));
	require_ok(t, guest_balloon_device(t->guest, name, sizeof(name)));
	require(t, guest_driver_bound(t->guest, "virtio_balloon"), "the stock driver is not bound");
	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));

	/* Without our driver the script cannot help, and harms nothing. */
	run_take_over(t, "", 1);
	if (t->failed)
		return;
	require(t, guest_driver_bound(t->guest, "virtio_balloon"), "the stock driver was unbound");

	require_ok(t, guest_ask(t->guest, NULL, "insmod aerostat"));
	require_ok(t, console_wait(&t->guest->console, ASK_TIMEOUT_MS, "scripts/take-over", &line));
	require(t, strstr(line, "aerostat") && strstr(line, name) && strstr(line, "virtio_balloon"),
		"the message should name driver, device and holder: %s", line);
	free(line);
	require(t, guest_driver_bound(t->guest, "virtio_balloon"), "the stock driver was unbound");

	run_take_over(t, name, 0);
	if (t->failed)
		return;
	require(t, guest_driver_bound(t->guest, "aerostat"), "aerostat is not bound");
	require_ok(t, guest_wait_actual(t->guest, INFLATED_KIB, NULL));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	check_inflate_deflate(t, false);
	if (t->failed)
		return;

	run_take_over(t, "", 0);
	run_take_over(t, "--back", 0);
	if (t->failed)
		return;
	require(t, guest_driver_bound(t->guest, "virtio_balloon"), "the stock driver is not back");
	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
	run_take_over(t, "virtio99", 3);
	run_take_over(t, "--no-such-option", 2);
}

static const struct guest_test tests[] = {
	{ .name = "take-over-and-back", .run = take_over_and_back, .alone = true },
};

static struct guest_group takeover = {
	.name = "takeover",
	.config = { .device = "virtio-balloon-pci,id=balloon0", .driver = "virtio_balloon" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(takeover)
