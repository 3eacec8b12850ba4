// SPDX-License-Identifier: GPL-2.0
/* Sums, averages, and each time told once, by the finest points there are (history_internal.h). */
#include "publish/history_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS ((uint64_t)60 * 1000)

const struct history_ring history_rings[RINGS_] = {
	[RING_HOUR] = { MINUTE_MS, 0, POINTS_HOUR },
	[RING_DAY] = { 15 * MINUTE_MS, POINTS_HOUR, POINTS_DAY },
	[RING_WEEK] = { 120 * MINUTE_MS, POINTS_HOUR + POINTS_DAY, POINTS_WEEK },
};

struct history *history_new(void)
{
	struct history *history = calloc(1, sizeof(*history));

	if (history)
		history->vms.size = history->before.size = sizeof(struct history_entry);
	return history;
}

void history_free(struct history *history)
{
	if (!history)
		return;
	by_vm_clear(&history->vms);
	by_vm_clear(&history->before);
	free(history);
}

static void add(struct history_entry *entry, unsigned int series, struct opt_u64 size)
{
	uint64_t kib, scaled;

	if (!opt_get(size, &kib) || !entry->max_kib)
		return;
	if (kib > entry->max_kib)
		kib = entry->max_kib;
	scaled = (uint64_t)((__uint128_t)kib * SCALE / entry->max_kib);
	for (size_t ring = 0; ring < RINGS_; ring++) {
		struct history_sums *sums = &entry->sums[ring];

		if (sums->n[series] == UINT32_MAX)
			continue; /* only a file says so */
		sums->sum[series] += scaled;
		sums->n[series]++;
	}
}

static void note(struct history_entry *entry, const struct vm *vm)
{
	const struct vm_decision *decision = &vm->decision;
	bool needs = vm->decided_ms && decision->demand_kib.known;

	if (!vm->sample.max_kib)
		return; /* its numbers have not come yet */
	/* Another maximum, another VM. */
	if (entry->max_kib != vm->sample.max_kib) {
		*entry = (struct history_entry){ .max_kib = vm->sample.max_kib };
		memcpy(entry->uuid, vm->sample.uuid, sizeof(entry->uuid));
	}
	add(entry, SERIES_ACTUAL, vm->sample.actual_kib);
	add(entry, SERIES_TARGET, vm->asked_kib);
	if (!needs)
		return;
	add(entry, SERIES_DEMAND, decision->demand_kib);
	add(entry, SERIES_USED, opt_some(decision->need.use_kib));
}

void history_close_span(struct history_entry *entry, unsigned int ring)
{
	const struct history_ring *spans = &history_rings[ring];
	uint32_t slot = entry->filled[ring] % spans->n;
	uint16_t *point = entry->points[spans->first + slot];
	struct history_sums *sums = &entry->sums[ring];

	for (size_t i = 0; i < SERIES_; i++)
		point[i] = sums->n[i] ? (uint16_t)(sums->sum[i] / sums->n[i]) : UNKNOWN;
	if (entry->filled[ring] < spans->n)
		entry->filled[ring]++;
	else
		entry->filled[ring] = spans->n + (slot + 1) % spans->n;
	*sums = (struct history_sums){ 0 };
}

/* Of a VM that is found, and was there before the daemon was restarted. */
static void on_come(void *userdata, void *entry)
{
	const struct history *history = userdata;
	const struct history_entry *before =
		by_vm_find(&history->before, ((struct history_entry *)entry)->uuid);

	if (before)
		memcpy(entry, before, sizeof(*before));
}

static void close_spans(struct by_vm *table, unsigned int ring)
{
	for (size_t i = 0; i < table->n; i++)
		history_close_span(by_vm_at(table, i), ring);
}

int history_tick(struct history *history, const struct status *status, uint64_t now_ms)
{
	const struct by_vm_observer observer = { .come = on_come, .userdata = history };

	if (by_vm_follow(&history->vms, status->fleet, &observer))
		return -ENOMEM;
	if (now_ms >= history->before_until_ms)
		by_vm_clear(&history->before);
	for (unsigned int ring = 0; ring < RINGS_; ring++) {
		if (!history->began_ms[ring])
			history->began_ms[ring] = now_ms;
		/* After a pause as long as several spans they become one: nothing is invented. */
		if (now_ms - history->began_ms[ring] < history_rings[ring].span_ms)
			continue;
		close_spans(&history->vms, ring);
		close_spans(&history->before, ring);
		history->began_ms[ring] = now_ms;
	}
	for (size_t i = 0; i < status->fleet->n_vms; i++)
		note(by_vm_at(&history->vms, i), status->fleet->vms[i]);
	return 0;
}

static struct opt_u64 unscaled(const struct history_entry *entry, uint16_t part)
{
	if (part == UNKNOWN)
		return opt_none();
	return opt_some((uint64_t)((__uint128_t)part * entry->max_kib / SCALE));
}

/* Point `back` of a ring: 0 is the latest. */
static struct history_point point_of(const struct history *history,
				     const struct history_entry *entry, unsigned int ring,
				     uint32_t back, uint64_t now_ms)
{
	uint32_t slot = (entry->filled[ring] - 1 - back) % history_rings[ring].n;
	const uint16_t *point = entry->points[history_rings[ring].first + slot];

	return (struct history_point){
		.age_ms = now_ms - history->began_ms[ring] + back * history_rings[ring].span_ms,
		.span_ms = history_rings[ring].span_ms,
		.actual_kib = unscaled(entry, point[SERIES_ACTUAL]),
		.target_kib = unscaled(entry, point[SERIES_TARGET]),
		.demand_kib = unscaled(entry, point[SERIES_DEMAND]),
		.used_kib = unscaled(entry, point[SERIES_USED]),
	};
}

static uint32_t points_in(const struct history_entry *entry, unsigned int ring)
{
	return entry->filled[ring] < history_rings[ring].n ? entry->filled[ring]
							   : history_rings[ring].n;
}

/* How far back a ring's points reach. */
static uint64_t reach_ms(const struct history *history, const struct history_entry *entry,
			 unsigned int ring, uint64_t now_ms)
{
	uint32_t n = points_in(entry, ring);

	return n ? now_ms - history->began_ms[ring] + n * history_rings[ring].span_ms : 0;
}

/* The same of all rings that are finer. Of a young VM a coarse one may reach further than the next. */
static uint64_t finer_reach_ms(const struct history *history, const struct history_entry *entry,
			       unsigned int ring, uint64_t now_ms)
{
	uint64_t furthest_ms = 0;

	while (ring-- > 0) {
		uint64_t ms = reach_ms(history, entry, ring, now_ms);

		if (ms > furthest_ms)
			furthest_ms = ms;
	}
	return furthest_ms;
}

int history_each(const struct history *history, const char *uuid, uint64_t now_ms,
		 uint64_t since_ms, history_fn take, void *userdata)
{
	const struct history_entry *entry = by_vm_find(&history->vms, uuid);

	for (unsigned int coarse = 0; entry && coarse < RINGS_; coarse++) {
		unsigned int ring = RINGS_ - 1 - coarse;
		uint64_t finer_ms = finer_reach_ms(history, entry, ring, now_ms);

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
