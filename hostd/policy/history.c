// SPDX-License-Identifier: GPL-2.0
/*
 * What a VM usually needs: the 95th percentile of its need over a sliding window.
 *
 * A histogram with bins of equal width over the VM's maximum, in slices of the window: time is
 * counted into the newest slice, and when that is full the oldest is emptied and becomes the
 * newest. So the window slides by slices, and a VM costs the same memory for ever. Time is
 * counted, not reports, because guests report more or less often.
 *
 * Until HISTORY_LEAST_MS of it are known, a percentile says nothing and is unknown.
 */
#include "policy/internal.h"

#define PERCENTILE_PERMILLE 950
#define HISTORY_LEAST_MS    ((uint64_t)60 * 60 * 1000)
#define LONGEST_ENTRY_MS    ((uint64_t)60 * 1000) /* nothing is known of what was between */

static uint32_t bin_of(uint64_t kib, uint64_t max_kib)
{
	uint64_t bin = scale_u64(kib, HISTORY_BINS, max_u64(max_kib, 1));

	return (uint32_t)min_u64(bin, HISTORY_BINS - 1);
}

static void next_slice(struct vm_history *history, uint64_t now_ms)
{
	history->newest = (history->newest + 1) % HISTORY_SLICES;
	for (size_t i = 0; i < HISTORY_BINS; i++)
		history->ms[history->newest][i] = 0;
	history->since_ms = now_ms;
}

void history_note(struct vm_history *history, uint64_t now_ms, uint64_t elapsed_ms,
		  uint64_t window_ms, uint64_t need_kib, uint64_t max_kib)
{
	uint32_t *ms;

	/* A VM whose maximum has changed is another VM. */
	if (history->max_kib != max_kib) {
		*history = (struct vm_history){ .max_kib = max_kib, .since_ms = now_ms };
	} else if (now_ms - history->since_ms >= window_ms / HISTORY_SLICES) {
		next_slice(history, now_ms);
	}
	ms = &history->ms[history->newest][bin_of(need_kib, max_kib)];
	*ms = (uint32_t)min_u64(*ms + min_u64(elapsed_ms, LONGEST_ENTRY_MS), UINT32_MAX);
}

/* The upper end of the bin below which the VM's need was for 95 % of the time. */
static struct opt_u64 percentile(const struct vm_history *history)
{
	uint64_t total_ms = 0, below_ms = 0, wanted_ms;
	uint64_t bins_ms[HISTORY_BINS] = { 0 };
	uint64_t bin;

	for (size_t slice = 0; slice < HISTORY_SLICES; slice++) {
		for (size_t i = 0; i < HISTORY_BINS; i++) {
			bins_ms[i] += history->ms[slice][i];
			total_ms += history->ms[slice][i];
		}
	}
	if (total_ms < HISTORY_LEAST_MS)
		return opt_none();
	wanted_ms = scale_u64(total_ms, PERCENTILE_PERMILLE, WHOLE_PERMILLE);
	for (bin = 0; bin < HISTORY_BINS - 1; bin++) {
		below_ms += bins_ms[bin];
		if (below_ms >= wanted_ms)
			break;
	}
	return opt_some(scale_u64(history->max_kib, bin + 1, HISTORY_BINS));
}

struct opt_u64 history_usual(struct vm_history *history, uint64_t now_ms)
{
	if (!history->usual_ms || now_ms - history->usual_ms >= LONGEST_ENTRY_MS) {
		history->usual_kib = percentile(history);
		history->usual_ms = now_ms;
	}
	return history->usual_kib;
}
