// SPDX-License-Identifier: GPL-2.0
/*
 * The balloon as the host sees it: target, actual and statistics, through QEMU's monitor.
 */
#include "harness/guest.h"
#include "harness/lines.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define BALLOON_PATH "/machine/peripheral/balloon0"
#define POLL_MS	     50

static const char *const tag_names[] = {
	[0] = "stat-swap-in",	       [1] = "stat-swap-out",	 [2] = "stat-major-faults",
	[3] = "stat-minor-faults",     [4] = "stat-free-memory", [5] = "stat-total-memory",
	[6] = "stat-available-memory", [7] = "stat-disk-caches", [8] = "stat-htlb-pgalloc",
	[9] = "stat-htlb-pgfail",
};

const char *stats_tag_name(unsigned int tag)
{
	return tag < sizeof(tag_names) / sizeof(*tag_names) ? tag_names[tag] : NULL;
}

/* A test counts the memory its guest was configured with, and so do target and actual. */
static uint64_t extra_kib(const struct guest *guest)
{
	return (uint64_t)guest->source->extra_mib * 1024;
}

int guest_set_target_kib(struct guest *guest, uint64_t target_kib)
{
	return qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "balloon", "{s:I}", "value",
			   (json_int_t)((target_kib + extra_kib(guest)) * 1024));
}

int guest_actual_kib(struct guest *guest, uint64_t *ret_actual_kib)
{
	uint64_t actual_kib;
	json_t *result;
	int r;

	r = qmp_command(guest->qmp, QMP_TIMEOUT_MS, &result, "query-balloon", NULL);
	if (r < 0)
		return r;
	actual_kib = (uint64_t)json_integer_value(json_object_get(result, "actual")) / 1024;
	*ret_actual_kib = actual_kib > extra_kib(guest) ? actual_kib - extra_kib(guest) : 0;
	json_decref(result);
	return 0;
}

/* A balloon that gets where it has not been yet is slow; one that does not any more hangs. */
struct progress {
	uint64_t lowest_kib, highest_kib, last_ms;
};

static bool hangs(struct progress *progress, uint64_t actual_kib)
{
	if (!progress->last_ms || actual_kib < progress->lowest_kib) {
		progress->lowest_kib = actual_kib;
		progress->last_ms = clock_ms();
	}
	if (actual_kib > progress->highest_kib) {
		progress->highest_kib = actual_kib;
		progress->last_ms = clock_ms();
	}
	return clock_ms() - progress->last_ms >= REACH_TIMEOUT_MS;
}

int guest_wait_actual(struct guest *guest, uint64_t target_kib, uint64_t *ret_actual_kib)
{
	struct progress progress = { .last_ms = 0 };
	uint64_t actual_kib;
	int r;

	do {
		r = guest_actual_kib(guest, &actual_kib);
		if (r < 0)
			return r;
		if (ret_actual_kib)
			*ret_actual_kib = actual_kib;
		if (actual_kib == target_kib)
			return 0;
		usleep(POLL_MS * 1000);
	} while (!hangs(&progress, actual_kib));
	return -ETIMEDOUT;
}

int guest_balloon_to(struct guest *guest, uint64_t target_kib)
{
	int r = guest_set_target_kib(guest, target_kib);

	return r < 0 ? r : guest_wait_actual(guest, target_kib, NULL);
}

int guest_wait_settled(struct guest *guest, uint64_t settle_ms, uint64_t *ret_actual_kib)
{
	uint64_t changed_ms = clock_ms(), actual_kib, last_kib = UINT64_MAX;
	struct progress progress = { .last_ms = 0 };
	int r;

	do {
		r = guest_actual_kib(guest, &actual_kib);
		if (r < 0)
			return r;
		if (actual_kib != last_kib)
			changed_ms = clock_ms();
		last_kib = actual_kib;
		if (clock_ms() - changed_ms >= settle_ms) {
			*ret_actual_kib = actual_kib;
			return 0;
		}
		usleep(POLL_MS * 1000);
	} while (!hangs(&progress, actual_kib));
	return -ETIMEDOUT;
}

int guest_set_stats_interval(struct guest *guest, uint64_t interval_s)
{
	return qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "qom-set", "{s:s, s:s, s:I}", "path",
			   BALLOON_PATH, "property", "guest-stats-polling-interval", "value",
			   (json_int_t)interval_s);
}

int guest_stats(struct guest *guest, struct balloon_stats *ret_stats)
{
	struct balloon_stats stats = { .last_update_s = 0 };
	json_t *result, *values, *value;
	int r;

	r = qmp_command(guest->qmp, QMP_TIMEOUT_MS, &result, "qom-get", "{s:s, s:s}", "path",
			BALLOON_PATH, "property", "guest-stats");
	if (r < 0)
		return r;
	stats.last_update_s = (uint64_t)json_integer_value(json_object_get(result, "last-update"));
	values = json_object_get(result, "stats");
	for (unsigned int tag = 0; stats_tag_name(tag); tag++) {
		value = json_object_get(values, stats_tag_name(tag));
		stats.value[tag] = (uint64_t)json_integer_value(value);
		/* QEMU shows all ones for a tag it has not been told. */
		stats.has[tag] = json_is_integer(value) && stats.value[tag] != UINT64_MAX;
	}
	json_decref(result);
	*ret_stats = stats;
	return 0;
}

int guest_wait_stats(struct guest *guest, uint64_t after_s, struct balloon_stats *ret_stats)
{
	uint64_t deadline_ms = clock_ms() + REACH_TIMEOUT_MS;
	struct balloon_stats stats;
	int r;

	do {
		r = guest_stats(guest, &stats);
		if (r < 0)
			return r;
		if (stats.last_update_s > after_s) {
			*ret_stats = stats;
			return 0;
		}
		usleep(POLL_MS * 1000);
	} while (clock_ms() < deadline_ms);
	return -ETIMEDOUT;
}
