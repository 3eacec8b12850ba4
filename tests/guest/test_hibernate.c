// SPDX-License-Identifier: GPL-2.0
/*
 * The guest hibernates with a full balloon, to a disk, and wakes up in another QEMU whose device has
 * seen nothing of it: it still has its memory, the device is told of the balloon's pages anew, and
 * the poison value is there before anything else.
 */
#include "checks.h"
#include "harness/agent_client.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An image needs as much free memory as the guest has in use, the debug kernel a lot. */
#define GUEST_MIB    512u
#define FULL_KIB     (GUEST_MIB * KIB_PER_MIB)
#define INFLATED_KIB (FULL_KIB - 80 * KIB_PER_MIB)
#define DISK_MIB     512u

#define CONFIG_POISON_VAL 12
#define POISON		  0xaaaaaaaau /* of PAGE_POISONING, in Linux */

#define SAVE_TIMEOUT_MS (2 * BOOT_TIMEOUT_MS)
#define PING_EVERY_MS	3000u
#define PINGS		60

/* A request whose reply comes from elsewhere, or not at all. */
static int start(struct guest *guest, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int start(struct guest *guest, const char *format, ...)
{
	uint64_t number;
	va_list args;
	int r;

	va_start(args, format);
	r = agent_vstart(guest->agent, &number, format, args);
	va_end(args);
	return r;
}

static int run(struct guest *guest, const char *command)
{
	char *text;
	int r;

	r = guest_ask(guest, &text, "run /bin/busybox %s", command);
	if (r < 0)
		return r;
	r = strncmp(text, "status=0", 8) == 0 ? 0 : -EIO;
	free(text);
	return r;
}

/* The disk's driver, where it is a module. */
static int find_disk(struct guest *guest)
{
	int r = guest_ask(guest, NULL, "insmod virtio_blk");

	return r == -EEXIST || r == -ENOENT ? 0 : r;
}

/* What is sent before the guest has taken up its image is lost with the one that read it. */
static int wait_awake(struct guest *guest)
{
	int r = -ETIMEDOUT;

	for (int i = 0; r == -ETIMEDOUT && i < PINGS; i++)
		r = guest_ask_within(guest, PING_EVERY_MS, NULL, "ping");
	return r;
}

/* Hands the disk to a new QEMU, boots it as far as the agent, and makes it take up the image. */
static int wake(struct test *t, char *ret_why, size_t why_size)
{
	static struct guest_config config;
	char dir[560], from[600], to[600], *device;
	struct guest *woken;
	int r;

	snprintf(dir, sizeof(dir), "%s/woken", t->guest->dir);
	snprintf(from, sizeof(from), "%s/disk", t->guest->dir);
	snprintf(to, sizeof(to), "%s/disk", dir);
	config = *t->guest->config;
	config.driver = "none";
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (rename(from, to) < 0)
		return -errno;
	r = guest_boot(t->guest->source, &config, dir, &woken, ret_why, why_size);
	if (r < 0)
		return r;
	guest_free(t->guest);
	t->guest = woken;
	/* Open for as long as QEMU has it. */
	unlink(to);
	snprintf(ret_why, why_size, "the image was not taken up");
	r = guest_set_target_kib(woken, INFLATED_KIB);
	if (r == 0)
		r = find_disk(woken);
	if (r == 0)
		r = guest_ask(woken, &device, "read /sys/class/block/vda/dev");
	if (r < 0)
		return r;
	device[strcspn(device, "\n")] = '\0';
	r = start(woken, "write /sys/power/resume %s", device);
	free(device);
	return r < 0 ? r : wait_awake(woken);
}

static void check_poison(struct test *t)
{
	uint32_t value;

	if (!check_has_feature(t, FEATURE_PAGE_POISON))
		return;
	require_ok(t, guest_device_config(t->guest, CONFIG_POISON_VAL, &value));
	require_equal(t, value, POISON, "poison_val");
}

/* Not what they say: page cache is coming and going as the disk's is dropped. */
static void check_stats_continue(struct test *t)
{
	struct balloon_stats stats;
	uint64_t total_kib;

	require_ok(t, guest_set_stats_interval(t->guest, 1));
	require_ok(t, guest_stats(t->guest, &stats));
	for (int i = 0; i < 3; i++)
		require_ok(t, guest_wait_stats(t->guest, stats.last_update_s, &stats));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_equal(t, stats.value[5], total_kib * 1024, stats_tag_name(5));
}

static void hibernate(struct test *t)
{
	/* The image takes all memory but a little: the disk's driver asks for more, and does without. */
	static const char *const expected[] = { "page allocation failure", "Call Trace" };
	uint64_t total_kib, now_kib;
	char *text, *line, why[1024] = "";
	int r;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, find_disk(t->guest));
	require_ok(t, run(t->guest, "mkswap /dev/vda"));
	require_ok(t, run(t->guest, "swapon /dev/vda"));
	require_ok(t, guest_ask(t->guest, NULL, "write /sys/power/disk shutdown"));
	require_ok(t, guest_ask(t->guest, NULL, "hog keeper 32"));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait keeper"));
	require_ok(t, guest_balloon_to(t->guest, INFLATED_KIB));
	check_poison(t);
	if (t->failed)
		return;
	require_ok(t, start(t->guest, "suspend disk"));
	require(t, qemu_wait_exit(t->guest->pid, SAVE_TIMEOUT_MS) == 0,
		"the guest did not hibernate");
	require(t,
		!console_unwell(&t->guest->console, expected, sizeof(expected) / sizeof(*expected),
				&line),
		"the console says: %s", line);

	r = wake(t, why, sizeof(why));
	require(t, r == 0, "%s (%s)", why, strerror(-r));
	require_ok(t, guest_ask(t->guest, &text, "hog-check keeper"));
	require(t, strstr(text, " bad_pages=0 "), "memory over the sleep: %s", text);
	free(text);
	require_ok(t, guest_wait_actual(t->guest, INFLATED_KIB, NULL));
	check_poison(t);
	if (t->failed)
		return;
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib - (FULL_KIB - INFLATED_KIB), "MemTotal, KiB, awake");
	check_stats_continue(t);
	if (t->failed)
		return;
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
	require_equal(t, now_kib, total_kib, "MemTotal, KiB, deflated");
}

static const struct guest_test tests[] = {
	{ .name = "inflated", .run = hibernate, .alone = true },
};

/* The poison is taken by kernels that have page poisoning; see scripts/source-kernel. */
static struct guest_group hibernate_group = {
	.name = "hibernate",
	.config = { .device = "virtio-balloon-pci,id=balloon0,page-poison=on",
		    .append = "page_poison=1",
		    .memory_mib = GUEST_MIB,
		    .disk_mib = DISK_MIB },
	GUEST_TESTS(tests),
};
GUEST_GROUP(hibernate_group)
