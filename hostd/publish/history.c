// SPDX-License-Identifier: GPL-2.0
/*
 * Rings of points at three resolutions. A sample goes into the sums of all three; when a span is
 * over, its averages become a point of that ring. Points keep sizes in 65534ths of the VM's
 * maximum, in two bytes each; that is finer than any balloon moves.
 */
#include "publish/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "publish/by_vm.h"

#define MINUTE_MS ((uint64_t)60 * 1000)
#define UNKNOWN	  UINT16_MAX
#define SCALE	  (UINT16_MAX - 1)

enum { SERIES_ACTUAL, SERIES_TARGET, SERIES_DEMAND, SERIES_USED, SERIES_ };

enum { RING_HOUR, RING_DAY, RING_WEEK, RINGS_ };

#define POINTS_HOUR 60
#define POINTS_DAY  96
#define POINTS_WEEK 84
#define POINTS	    (POINTS_HOUR + POINTS_DAY + POINTS_WEEK)

static const struct {
	uint64_t span_ms;
	uint32_t first; /* of its points */
	uint32_t n;
} rings[RINGS_] = {
	[RING_HOUR] = { MINUTE_MS, 0, POINTS_HOUR },
	[RING_DAY] = { 15 * MINUTE_MS, POINTS_HOUR, POINTS_DAY },
	[RING_WEEK] = { 120 * MINUTE_MS, POINTS_HOUR + POINTS_DAY, POINTS_WEEK },
};

struct sums {
	uint64_t sum[SERIES_]; /* in SCALE of the maximum */
	uint32_t n[SERIES_];
};

struct entry {
	char uuid[VM_UUID_LEN];
	uint64_t max_kib; /* what the points are parts of */
	struct sums sums[RINGS_];
	uint32_t filled[RINGS_]; /* points written in all */
	uint16_t points[POINTS][SERIES_];
};

struct history {
	struct by_vm vms; /* of struct entry */
	uint64_t began_ms[RINGS_]; /* the span that is being summed up */
};

struct history *history_new(void)
{
	struct history *history = calloc(1, sizeof(*history));

	if (history)
		history->vms.size = sizeof(struct entry);
	return history;
}

void history_free(struct history *history)
{
	if (!history)
		return;
	by_vm_clear(&history->vms);
	free(history);
}

static void add(struct entry *entry, unsigned int series, struct opt_u64 size)
{
	uint64_t kib, scaled;

	if (!opt_get(size, &kib) || !entry->max_kib)
		return;
	if (kib > entry->max_kib)
		kib = entry->max_kib;
	scaled = (uint64_t)((__uint128_t)kib * SCALE / entry->max_kib);
	for (size_t ring = 0; ring < RINGS_; ring++) {
		entry->sums[ring].sum[series] += scaled;
		entry->sums[ring].n[series]++;
	}
}

static void note(struct entry *entry, const struct vm *vm)
{
	const struct vm_decision *decision = &vm->decision;
	bool needs = vm->decided_ms && decision->demand_kib.known;

	/* Another maximum, another VM. */
	if (entry->max_kib != vm->sample.max_kib) {
		*entry = (struct entry){ .max_kib = vm->sample.max_kib };
		memcpy(entry->uuid, vm->sample.uuid, sizeof(entry->uuid));
	}
	add(entry, SERIES_ACTUAL, vm->sample.actual_kib);
	add(entry, SERIES_TARGET, vm->asked_kib);
	if (!needs)
		return;
	add(entry, SERIES_DEMAND, decision->demand_kib);
	add(entry, SERIES_USED, opt_some(decision->need.use_kib));
}

static void close_span(struct entry *entry, unsigned int ring)
{
	uint16_t *point = entry->points[rings[ring].first + entry->filled[ring] % rings[ring].n];
	struct sums *sums = &entry->sums[ring];

	for (size_t i = 0; i < SERIES_; i++)
		point[i] = sums->n[i] ? (uint16_t)(sums->sum[i] / sums->n[i]) : UNKNOWN;
	entry->filled[ring]++;
	*sums = (struct sums){ 0 };
}

int history_tick(struct history *history, const struct status *status, uint64_t now_ms)
{
	if (by_vm_follow(&history->vms, status->fleet, NULL))
		return -ENOMEM;
	for (unsigned int ring = 0; ring < RINGS_; ring++) {
		if (!history->began_ms[ring])
			history->began_ms[ring] = now_ms;
		/* After a pause as long as several spans they become one: nothing is invented. */
		if (now_ms - history->began_ms[ring] < rings[ring].span_ms)
			continue;
		for (size_t i = 0; i < history->vms.n; i++)
			close_span(by_vm_at(&history->vms, i), ring);
		history->began_ms[ring] = now_ms;
	}
	for (size_t i = 0; i < status->fleet->n_vms; i++)
		note(by_vm_at(&history->vms, i), status->fleet->vms[i]);
	return 0;
}

static struct opt_u64 unscaled(const struct entry *entry, uint16_t part)
{
	if (part == UNKNOWN)
		return opt_none();
	return opt_some((uint64_t)((__uint128_t)part * entry->max_kib / SCALE));
}

/* Point `back` of a ring: 0 is the latest. */
static struct history_point point_of(const struct history *history, const struct entry *entry,
				     unsigned int ring, uint32_t back, uint64_t now_ms)
{
	uint32_t slot = (entry->filled[ring] - 1 - back) % rings[ring].n;
	const uint16_t *point = entry->points[rings[ring].first + slot];

	return (struct history_point){
		.age_ms = now_ms - history->began_ms[ring] + back * rings[ring].span_ms,
		.span_ms = rings[ring].span_ms,
		.actual_kib = unscaled(entry, point[SERIES_ACTUAL]),
		.target_kib = unscaled(entry, point[SERIES_TARGET]),
		.demand_kib = unscaled(entry, point[SERIES_DEMAND]),
		.used_kib = unscaled(entry, point[SERIES_USED]),
	};
}

static uint32_t points_in(const struct entry *entry, unsigned int ring)
{
	return entry->filled[ring] < rings[ring].n ? entry->filled[ring] : rings[ring].n;
}

/* How far back a ring's points reach. */
static uint64_t reach_ms(const struct history *history, const struct entry *entry,
			 unsigned int ring, uint64_t now_ms)
{
	uint32_t n = points_in(entry, ring);

	return n ? now_ms - history->began_ms[ring] + n * rings[ring].span_ms : 0;
}

int history_each(const struct history *history, const char *uuid, uint64_t now_ms,
		 uint64_t since_ms, history_fn take, void *userdata)
{
	const struct entry *entry = by_vm_find(&history->vms, uuid);

	for (unsigned int coarse = 0; entry && coarse < RINGS_; coarse++) {
		unsigned int ring = RINGS_ - 1 - coarse;
		uint64_t finer_ms = ring ? reach_ms(history, entry, ring - 1, now_ms) : 0;

		for (uint32_t back = points_in(entry, ring); back-- > 0;) {
			struct history_point point = point_of(history, entry, ring, back, now_ms);
			int ret;

			if (point.age_ms > since_ms || point.age_ms < finer_ms)
				continue;
			ret = take(userdata, &point);
			if (ret < 0)
				return ret;
		}
	}
	return 0;
}
