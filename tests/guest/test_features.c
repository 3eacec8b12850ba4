// SPDX-License-Identifier: GPL-2.0
/*
 * Devices with fewer features than usual, and with one that QEMU has not. What is negotiated decides
 * how long the configuration is, which queues there are and how they are numbered; everything else
 * must be as ever.
 */
#include "checks.h"
#include "device_log.h"

#include <string.h>

#define FULL_KIB (256u * KIB_PER_MIB)
#define HALF_KIB (128u * KIB_PER_MIB)

/* The answer of a device that offers MUST_TELL_HOST as well is put into the driver's mouth. */
#define FN_GET_FEATURES "vp_get_features"

static void binds(struct test *t)
{
	check_bound(t, true);
}

static void inflates_and_deflates(struct test *t)
{
	check_inflate_deflate(t, false);
}

static void stats_agree(struct test *t)
{
	check_stats(t);
}

static const struct guest_test essentials[] = {
	{ .name = "binds", .run = binds },
	{ .name = "inflates-and-deflates", .run = inflates_and_deflates },
	{ .name = "stats-agree", .run = stats_agree },
};

static const char *const iothread[] = { "-object", "iothread,id=io0", NULL };

/* num_pages and actual only. */
static struct guest_group config_8 = {
	.name = "config-8",
	.config = { .device = "virtio-balloon-pci,id=balloon0,page-poison=off" },
	GUEST_TESTS(essentials),
};
GUEST_GROUP(config_8)

/* No poison_val; and hinting without reporting. */
static struct guest_group config_12 = {
	.name = "config-12",
	.config = { .device = "virtio-balloon-pci,id=balloon0,page-poison=off,free-page-hint=on,"
			      "iothread=io0",
		    .options = iothread },
	GUEST_TESTS(essentials),
};
GUEST_GROUP(config_12)

/* Reporting without hinting: its queue has the number that hinting's has otherwise. */
static struct guest_group reporting_only = {
	.name = "reporting-only",
	.config = { .device = "virtio-balloon-pci,id=balloon0,page-poison=off,"
			      "free-page-reporting=on" },
	GUEST_TESTS(essentials),
};
GUEST_GROUP(reporting_only)

/* All that QEMU has. */
static struct guest_group everything = {
	.name = "all-features",
	.config = { .device = "virtio-balloon-pci,id=balloon0,page-poison=on,free-page-hint=on,"
			      "free-page-reporting=on,iothread=io0",
		    .options = iothread },
	GUEST_TESTS(essentials),
};
GUEST_GROUP(everything)

/* --- MUST_TELL_HOST --- */

static unsigned long negotiated(struct test *t)
{
	unsigned long features = 0;

	for (unsigned int bit = 0; bit < 64; bit++)
		if (check_has_feature(t, bit))
			features |= 1ul << bit;
	return features;
}

/*
 * The driver is told that the device offers MUST_TELL_HOST. QEMU, which does not, takes no harm. Such
 * a device gets frame numbers though it takes ranges, and its pages are told before they are used.
 */
static void tells_host(struct test *t)
{
	unsigned long features = negotiated(t);
	uint64_t before, after, pages;

	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "rmmod aerostat"));
	require_ok(t,
		   guest_ask(t->guest, NULL, "insmod fault symbol=" FN_GET_FEATURES " retval=%ld",
			     (long)(features | 1ul << FEATURE_MUST_TELL_HOST)));
	require_ok(t, guest_ask(t->guest, NULL, "insmod aerostat"));
	require_ok(t, guest_ask(t->guest, NULL, "rmmod fault"));
	require(t, check_has_feature(t, FEATURE_MUST_TELL_HOST),
		"feature MUST_TELL_HOST: not taken");
	require(t, check_has_feature(t, FEATURE_REPORTING), "feature REPORTING: not taken");
	check_state(t, "path", "pfn");
	if (t->failed)
		return;
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_ok(t, guest_state_number(t->guest, "deflate_buffers", &before));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	require_ok(t, guest_state_number(t->guest, "deflate_buffers", &after));
	pages = (FULL_KIB - HALF_KIB) / PAGE_KIB;
	/* 256 at most in a buffer. */
	require(t, after - before >= pages / 256,
		"buffers in the deflate queue: expected %" PRIu64 ", got %" PRIu64, pages / 256,
		after - before);
	check_inflate_deflate(t, false);
	if (t->failed)
		return;
	/* Who insists on ranges gets them. */
	require_ok(t, guest_ask(t->guest, NULL,
				"write /sys/module/aerostat/parameters/inflate_path range"));
	check_state(t, "path", "range");
	if (!t->failed)
		check_inflate_deflate(t, false);
	if (t->failed)
		return;
	check_reload(t, "");
}

/*
 * The same device does not acknowledge that it has been told: no page comes back to the guest until
 * the driver has reset it.
 */
static void waits_for_ack(struct test *t)
{
	unsigned long features = negotiated(t);
	uint64_t total_kib, now_kib;

	if (t->failed)
		return;
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, guest_ask(t->guest, NULL, "rmmod aerostat"));
	require_ok(t,
		   guest_ask(t->guest, NULL, "insmod fault symbol=" FN_GET_FEATURES " retval=%ld",
			     (long)(features | 1ul << FEATURE_MUST_TELL_HOST)));
	require_ok(t, guest_ask(t->guest, NULL, "insmod aerostat ack_timeout_ms=1000"));
	require_ok(t, guest_ask(t->guest, NULL, "rmmod fault"));
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_ok(t, guest_ask(t->guest, NULL, "insmod fault symbol=virtqueue_kick retval=1"));
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB));
	check_state(t, "state", "failed");
	if (t->failed)
		return;
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib - HALF_KIB, "MemTotal, KiB, unacknowledged");
	require_ok(t, guest_ask(t->guest, NULL, "rmmod aerostat"));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib, "MemTotal, KiB, without driver");
	require_ok(t, guest_ask(t->guest, NULL, "rmmod fault"));
	require_ok(t, guest_ask(t->guest, NULL, "insmod aerostat"));
}

static const struct guest_test must_tell_tests[] = {
	{ .name = "tells-host", .run = tells_host },
	{ .name = "waits-for-ack", .run = waits_for_ack },
};

static struct guest_group must_tell = {
	.name = "must-tell-host",
	.config = { .device = "virtio-balloon-pci,id=balloon0,free-page-reporting=on" },
	GUEST_TESTS(must_tell_tests),
};
GUEST_GROUP(must_tell)

/* --- PAGE_POISON --- */

#define CONFIG_POISON_VAL 12
#define POISON		  0xaaaaaaaau /* of PAGE_POISONING, in Linux */

static void check_poison(struct test *t, uint32_t expected)
{
	uint32_t value;

	require(t, check_has_feature(t, FEATURE_PAGE_POISON), "feature PAGE_POISON: not taken");
	require_ok(t, guest_device_config(t->guest, CONFIG_POISON_VAL, &value));
	require_equal(t, value, expected, "poison_val");
}

/* Nobody cares what is in a free page: the device is not told anything. */
static void no_poison(struct test *t)
{
	require(t, !check_has_feature(t, FEATURE_PAGE_POISON),
		"feature PAGE_POISON: taken without need");
	inflates_and_deflates(t);
}

static void poison_zero(struct test *t)
{
	check_poison(t, 0);
	if (!t->failed)
		check_state(t, "path", "range");
	if (!t->failed)
		inflates_and_deflates(t);
	if (!t->failed)
		check_bound(t, true);
}

/* The value, zero or not, is written before the driver says that it is ready, and not again. */
static void poison_written_once(struct test *t)
{
	struct device_writes writes;

	require_ok(t, device_log_writes(t->guest, true));
	/* A reset makes the device forget. */
	check_reload(t, "");
	if (!t->failed)
		inflates_and_deflates(t);
	if (t->failed)
		return;
	require_ok(t, device_log_writes(t->guest, false));
	require_ok(t, device_log_read_writes(t->guest, &writes));
	require_equal(t, writes.before_ok, 1, "writes before DRIVER_OK");
	require_equal(t, writes.unchanged, 0, "writes after it of anything but a new `actual`");
	check_poison(t, 0);
}

/* Reported pages would lose their pattern: the kernel's checks say so, on the console. */
static void poison_pattern(struct test *t)
{
	char *text;

	check_poison(t, POISON);
	if (!t->failed)
		check_state(t, "path", "pfn");
	for (int i = 0; i < 3 && !t->failed; i++) {
		require_ok(t, guest_ask(t->guest, NULL, "hog user 64"));
		require_ok(t, guest_ask(t->guest, NULL, "hog-wait user"));
		require_ok(t, guest_ask(t->guest, &text, "hog-check user"));
		require(t, strstr(text, " bad_pages=0 "), "memory: %s", text);
		free(text);
		require_ok(t, guest_ask(t->guest, NULL, "hog-free user"));
		inflates_and_deflates(t);
	}
	if (!t->failed)
		check_poison(t, POISON);
	if (t->failed)
		return;
	require_ok(t, guest_balloon_to(t->guest, HALF_KIB));
	require_ok(t, guest_sleep(t->guest, "mem"));
	check_poison(t, POISON);
	if (t->failed)
		return;
	require_ok(t, guest_wait_actual(t->guest, HALF_KIB, NULL));
}

/* Debian's kernels are built without it. */
static const char *without_poisoning(const struct guest_source *source)
{
	return strcmp(source->series, "debug") == 0
		       ? NULL
		       : "this kernel has no page poisoning; make check-debug has";
}

#define POISON_DEVICE "virtio-balloon-pci,id=balloon0,page-poison=on,free-page-reporting=on"

/*
 * A kernel that fills free pages, and a device that cannot be told with what: what it gets back from
 * such a device is not what it filled in, so it must not report any.
 */
static void reports_nothing(struct test *t)
{
	require(t, !check_has_feature(t, FEATURE_REPORTING),
		"feature REPORTING: taken, where reported pages would not be what the kernel filled in");
	check_state(t, "path", "pfn");
	if (!t->failed)
		inflates_and_deflates(t);
}

static const struct guest_test unoffered_tests[] = {
	{ .name = "reports-nothing", .run = reports_nothing },
};

static struct guest_group poison_unoffered = {
	.name = "poison-unoffered",
	.config = { .device = "virtio-balloon-pci,id=balloon0,page-poison=off,"
			      "free-page-reporting=on",
		    .append = "init_on_free=1" },
	GUEST_TESTS(unoffered_tests),
};
GUEST_GROUP(poison_unoffered)

static const struct guest_test no_poison_tests[] = { { .name = "not-taken", .run = no_poison } };

static struct guest_group poison_none = {
	.name = "poison-none",
	.config = { .device = POISON_DEVICE },
	GUEST_TESTS(no_poison_tests),
};
GUEST_GROUP(poison_none)

static const struct guest_test poison_zero_tests[] = {
	{ .name = "zero", .run = poison_zero },
	{ .name = "written-once", .run = poison_written_once },
};

static struct guest_group poison_free = {
	.name = "poison-init-on-free",
	.config = { .device = POISON_DEVICE, .append = "init_on_free=1" },
	GUEST_TESTS(poison_zero_tests),
};
GUEST_GROUP(poison_free)

static const struct guest_test poison_tests[] = { { .name = "pattern", .run = poison_pattern } };

static struct guest_group poison_page = {
	.name = "poison-pages",
	.config = { .machine = SLEEPING_MACHINE,
		    .device = POISON_DEVICE,
		    .append = "page_poison=1" },
	.missing = without_poisoning,
	GUEST_TESTS(poison_tests),
};
GUEST_GROUP(poison_page)
