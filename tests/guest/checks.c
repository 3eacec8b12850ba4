// SPDX-License-Identifier: GPL-2.0
/*
 * See checks.h.
 */
#include "checks.h"
#include "harness/lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * How far free memory may be from what the balloon accounts for: slabs that grow or shrink meanwhile,
 * and the agent's own. The debug kernel keeps records of every allocation besides.
 */
#define SLACK_KIB (3 * KIB_PER_MIB)

#define STEADY_LOOKS   5
#define STEADY_LOOK_US 300000

/* Other positions in the string of 0s and 1s that sysfs shows, the lowest bit first. */
enum feature_bit {
	FEATURE_TRANSPORT_FIRST = 24,
	FEATURE_VERSION_1 = 32,
};

#define LARGE_ORDER 9u

/* What this guest's device has, and its kernel a use for: a poison value only where it fills pages. */
static bool feature_expected(const struct guest_config *config, unsigned int bit)
{
	static const char *const options[] = {
		[FEATURE_DEFLATE_ON_OOM] = ",deflate-on-oom=on",
		[FEATURE_FREE_PAGE_HINT] = ",free-page-hint=on",
		[FEATURE_PAGE_POISON] = ",page-poison=on",
		[FEATURE_REPORTING] = ",free-page-reporting=on",
	};
	bool fills = config->append && strstr(config->append, "init_on_free=1");

	if (bit == FEATURE_STATS_VQ)
		return true;
	if (bit >= sizeof(options) / sizeof(*options) || !options[bit])
		return false;
	return strstr(config->device, options[bit]) && (bit != FEATURE_PAGE_POISON || fills);
}

void check_bound(struct test *t, bool modern)
{
	char name[64], features[128], *text;
	int r;

	require(t, guest_balloon_bound(t->guest), "driver %s: expected to be bound, it is not",
		t->guest->source->driver);
	require_ok(t, guest_balloon_device(t->guest, name, sizeof(name)));
	r = guest_ask(t->guest, &text, "read /sys/bus/virtio/devices/%s/features", name);
	require_ok(t, r);
	snprintf(features, sizeof(features), "%s", text);
	free(text);
	require(t, strlen(features) >= 64, "features: expected 64 bits, got '%s'", features);
	require_equal(t, features[FEATURE_VERSION_1] == '1', modern, "feature VERSION_1");
	for (unsigned int bit = 0; bit < FEATURE_TRANSPORT_FIRST; bit++)
		require(t, (features[bit] == '1') == feature_expected(t->guest->config, bit),
			"feature %u: %s", bit,
			features[bit] == '1' ? "taken, expected not to be" : "not taken");
}

void check_large_blocks(struct test *t)
{
	uint64_t large, held;
	char *counts, *place;

	require_ok(t, guest_state_number(t->guest, "held_pages", &held));
	require_ok(t, guest_state(t->guest, "blocks_by_order", &counts));
	place = counts;
	for (unsigned int order = 0; order < LARGE_ORDER; order++)
		strtoul(place, &place, 10);
	large = strtoul(place, NULL, 10) << LARGE_ORDER;
	free(counts);
	require(t, held && large >= held / 4 * 3,
		"pages in blocks of 2 MiB: expected most of %" PRIu64 ", got %" PRIu64, held,
		large);
}

/*
 * Free page reporting takes up to 128 MiB at a time off the free lists while the device looks at them.
 * So where there is such a thing, wait until the number has stood still for a while.
 */
static int settled_free_kib(struct test *t, uint64_t *ret_kib)
{
	uint64_t deadline_ms = clock_ms() + REACH_TIMEOUT_MS, last_kib = 0, kib = 0;
	bool reports = check_has_feature(t, FEATURE_REPORTING);
	int r, steady = 0;

	r = guest_free_kib(t->guest, &kib);
	while (r == 0 && reports && steady < STEADY_LOOKS && clock_ms() < deadline_ms) {
		steady = last_kib < kib + KIB_PER_MIB && kib < last_kib + KIB_PER_MIB ? steady + 1
										      : 0;
		last_kib = kib;
		usleep(STEADY_LOOK_US);
		r = guest_free_kib(t->guest, &kib);
	}
	if (r == 0)
		*ret_kib = kib;
	return r;
}

static uint64_t slack(const struct test *t, uint64_t usual)
{
	return t->guest->source->extra_mib ? 2 * usual : usual;
}

void check_inflate_deflate(struct test *t, bool deflate_on_oom)
{
	uint64_t full_kib = (uint64_t)t->guest->memory_mib * KIB_PER_MIB, take_kib = full_kib / 2;
	uint64_t total_kib, free_kib, total_after_kib, free_after_kib;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	require_ok(t, settled_free_kib(t, &free_kib));

	require_ok(t, guest_balloon_to(t->guest, full_kib - take_kib));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_after_kib));
	require_ok(t, settled_free_kib(t, &free_after_kib));
	require_equal(t, total_after_kib, deflate_on_oom ? total_kib : total_kib - take_kib,
		      "MemTotal, KiB, inflated");
	require_near(t, free_after_kib, free_kib - take_kib, slack(t, SLACK_KIB),
		     "free memory, KiB, inflated");

	require_ok(t, guest_balloon_to(t->guest, full_kib));
	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_after_kib));
	require_ok(t, settled_free_kib(t, &free_after_kib));
	require_equal(t, total_after_kib, total_kib, "MemTotal, KiB, deflated");
	require_near(t, free_after_kib, free_kib, slack(t, SLACK_KIB),
		     "free memory, KiB, deflated");
}

/* All that the named hog wrote is as it was, and that is all there was to write. */
static void check_hog(struct test *t, const char *name, unsigned int mib, const char *what)
{
	char expected[64], *text;

	snprintf(expected, sizeof(expected), "pages=%u bad_pages=0 ", mib * KIB_PER_MIB / PAGE_KIB);
	require_ok(t, guest_ask(t->guest, &text, "hog-check %s", name));
	require(t, strstr(text, expected), "%s: %s", what, text);
	free(text);
}

void check_content(struct test *t, unsigned int keeper_mib, uint64_t inflated_kib,
		   uint64_t deflated_kib, unsigned int fresh_mib)
{
	require_ok(t, guest_ask(t->guest, NULL, "hog keeper %u", keeper_mib));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait keeper"));
	for (int i = 0; i < 3; i++) {
		require_ok(t, guest_balloon_to(t->guest, inflated_kib));
		require_ok(t, guest_balloon_to(t->guest, deflated_kib));
		require_ok(t, guest_ask(t->guest, NULL, "hog fresh %u", fresh_mib));
		require_ok(t, guest_ask(t->guest, NULL, "hog-wait fresh"));
		check_hog(t, "fresh", fresh_mib, "memory after the balloon");
		if (t->failed)
			return;
		require_ok(t, guest_ask(t->guest, NULL, "hog-free fresh"));
	}
	check_hog(t, "keeper", keeper_mib, "memory beside the balloon");
}

/* Memory that comes and goes between the guest's look and ours. */
#define STATS_SLACK_BYTES (8ull << 20)

static void check_stats_memory(struct test *t, const struct balloon_stats *stats)
{
	static const struct {
		unsigned int tag;
		const char *field;
		uint64_t slack_bytes;
	} same[] = {
		{ 4, "MemFree", STATS_SLACK_BYTES },
		{ 5, "MemTotal", 0 },
		{ 6, "MemAvailable", STATS_SLACK_BYTES },
	};
	uint64_t kib, cached_kib, buffers_kib;

	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		require_ok(t, guest_meminfo_kib(t->guest, same[i].field, &kib));
		require_near(t, stats->value[same[i].tag], kib * 1024,
			     slack(t, same[i].slack_bytes), stats_tag_name(same[i].tag));
	}
	require_ok(t, guest_meminfo_kib(t->guest, "Cached", &cached_kib));
	require_ok(t, guest_meminfo_kib(t->guest, "Buffers", &buffers_kib));
	require_near(t, stats->value[7], (cached_kib + buffers_kib) * 1024,
		     slack(t, STATS_SLACK_BYTES), stats_tag_name(7));
}

static uint64_t page_bytes(const struct test *t)
{
	return (uint64_t)t->guest->source->page_kib * 1024;
}

void check_stats(struct test *t)
{
	static const struct {
		unsigned int tag;
		const char *field;
		bool bytes; /* where the field is pages */
	} counters[] = {
		{ 0, "pswpin", true },
		{ 1, "pswpout", true },
		{ 2, "pgmajfault", false },
		{ 3, "pgfault", false },
		{ 8, "htlb_buddy_alloc_success", false },
		{ 9, "htlb_buddy_alloc_fail", false },
	};
	uint64_t before[sizeof(counters) / sizeof(*counters)], after;
	struct balloon_stats stats, first;

	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++)
		require_ok(t, guest_vmstat(t->guest, counters[i].field, &before[i]));
	require_ok(t, guest_stats(t->guest, &first));
	require_ok(t, guest_set_stats_interval(t->guest, 1));
	/*
	 * A request may have been under way when the counters were read. That of the second answer
	 * was made after the first had come, and so after they were.
	 */
	require_ok(t, guest_wait_stats(t->guest, first.last_update_s, &first));
	require_ok(t, guest_wait_stats(t->guest, first.last_update_s, &stats));
	for (unsigned int tag = 0; stats_tag_name(tag); tag++)
		require(t, stats.has[tag], "%s: expected a number, got none", stats_tag_name(tag));
	check_stats_memory(t, &stats);
	if (t->failed)
		return;
	for (size_t i = 0; i < sizeof(counters) / sizeof(*counters); i++) {
		uint64_t value =
			stats.value[counters[i].tag] / (counters[i].bytes ? page_bytes(t) : 1);

		require_ok(t, guest_vmstat(t->guest, counters[i].field, &after));
		require(t, value >= before[i] && value <= after,
			"%s: expected %" PRIu64 " to %" PRIu64 ", got %" PRIu64,
			stats_tag_name(counters[i].tag), before[i], after, value);
	}
}

/* The sum of the fields of /proc/vmstat whose name begins so. */
static int vmstat_sum(const char *vmstat, const char *prefix, uint64_t *ret_sum)
{
	size_t length = strlen(prefix);
	uint64_t sum = 0;
	bool found = false;

	for (const char *line = vmstat; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, prefix, length) != 0)
			continue;
		found = true;
		sum += strtoull(line + strcspn(line, " \n"), NULL, 10);
	}
	if (!found)
		return -ENOENT;
	*ret_sum = sum;
	return 0;
}

/* Reclaim is provoked first, to have something to compare. */
void check_newer_stats(struct test *t)
{
	static const struct {
		unsigned int tag;
		bool bytes; /* where the fields are pages */
		const char *prefix; /* of the fields of /proc/vmstat that add up to it */
	} tags[] = {
		{ 10, false, "oom_kill" },	{ 11, false, "allocstall_" },
		{ 12, true, "pgscan_kswapd" },	{ 13, true, "pgscan_direct " },
		{ 14, true, "pgsteal_kswapd" }, { 15, true, "pgsteal_direct" },
	};
	unsigned int mib = t->guest->memory_mib * 6 / 10;
	char name[64], *text, *before, *after;
	uint64_t value[16], low, high;
	bool has[16] = { false };

	if (strcmp(t->guest->source->driver, "aerostat") != 0) {
		test_skip(t, "only aerostat shows what it tells");
		return;
	}
	require_ok(t, guest_ask(t->guest, NULL, "cache %u", mib));
	require_ok(t, guest_ask(t->guest, NULL, "hog presser %u", mib));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait presser"));
	require_ok(t, guest_balloon_device(t->guest, name, sizeof(name)));
	require_ok(t, guest_ask(t->guest, &before, "read /proc/vmstat"));
	require_ok(t, guest_ask(t->guest, &text, "read /sys/kernel/debug/aerostat/%s/statistics",
				name));
	require_ok(t, guest_ask(t->guest, &after, "read /proc/vmstat"));
	for (char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		unsigned long tag = strtoul(line, NULL, 10);

		require(t, tag < 16 && !has[tag], "unknown or repeated tag: %.40s", line);
		has[tag] = true;
		value[tag] = strtoull(line + strcspn(line, " \n"), NULL, 10);
	}
	for (unsigned int tag = 0; tag < 10; tag++)
		require(t, has[tag], "tag %u: expected a value, got none", tag);
	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
		uint64_t unit = tags[i].bytes ? page_bytes(t) : 1;

		if (vmstat_sum(before, tags[i].prefix, &low) < 0 ||
		    vmstat_sum(after, tags[i].prefix, &high) < 0) {
			require(t, !has[tags[i].tag], "tag %u: this kernel has no %s", tags[i].tag,
				tags[i].prefix);
			continue;
		}
		require(t, has[tags[i].tag], "tag %u: expected %" PRIu64 ", got none", tags[i].tag,
			low);
		require(t, value[tags[i].tag] >= low * unit && value[tags[i].tag] <= high * unit,
			"tag %u: expected %" PRIu64 " to %" PRIu64 ", got %" PRIu64, tags[i].tag,
			low * unit, high * unit, value[tags[i].tag]);
	}
	require(t, value[12] + value[13] > 0, "no page was scanned: nothing was compared");
	free(text);
	free(before);
	free(after);
}

void check_state(struct test *t, const char *key, const char *expected)
{
	char last[128] = "";
	int r = guest_wait_state(t->guest, key, expected, last, sizeof(last));

	require(t, r == 0, "%s: expected '%s', got '%s' (%s)", key, expected, last, strerror(-r));
}

bool check_has_feature(struct test *t, unsigned int bit)
{
	char name[64], *text;
	bool has = false;
	int r;

	r = guest_balloon_device(t->guest, name, sizeof(name));
	if (r == 0)
		r = guest_ask(t->guest, &text, "read /sys/bus/virtio/devices/%s/features", name);
	if (r < 0) {
		test_fail(t, __FILE__, __LINE__, "features: %s", strerror(-r));
		return false;
	}
	has = strlen(text) > bit && text[bit] == '1';
	free(text);
	return has;
}

void check_reload(struct test *t, const char *params)
{
	require_ok(t, guest_ask(t->guest, NULL, "rmmod %s", t->guest->source->driver));
	require_ok(t, guest_ask(t->guest, NULL, "insmod %s %s", t->guest->source->driver, params));
	require(t, guest_balloon_bound(t->guest), "the driver is not bound");
}

void check_unload_inflated(struct test *t, uint64_t inflated_kib)
{
	uint64_t total_kib, now_kib;

	require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &total_kib));
	for (int i = 0; i < 4; i++) {
		require_ok(t, guest_set_target_kib(t->guest, inflated_kib));
		if (i)
			require_ok(t, guest_ask(t->guest, NULL, "sleep %d", i * 20));
		else
			require_ok(t, guest_wait_actual(t->guest, inflated_kib, NULL));
		require_ok(t, guest_ask(t->guest, NULL, "rmmod %s", t->guest->source->driver));
		require_ok(t, guest_meminfo_kib(t->guest, "MemTotal", &now_kib));
		require_equal(t, now_kib, total_kib, "MemTotal, KiB, without driver");
		require_ok(t, guest_ask(t->guest, NULL, "insmod %s", t->guest->source->driver));
	}
	require_ok(t, guest_wait_actual(t->guest, inflated_kib, NULL));
}
