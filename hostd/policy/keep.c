// SPDX-License-Identifier: GPL-2.0
/* Copies, and differences of times (keep.h). */
#include "policy/keep.h"

#include <string.h>

#include "policy/internal.h"

#define LONGEST_MS ((uint64_t)400 * 60 * 60 * 1000) /* the longest window and back-off there are */

void vm_keep(const struct vm_state *state, uint64_t now_ms, struct vm_kept *ret_kept)
{
	const struct vm_movement *movement = &state->movement;
	const struct vm_history *history = &state->history;

	*ret_kept = (struct vm_kept){
		.max_kib = history->max_kib,
		.slice_age_ms = min_u64(now_ms - history->since_ms, LONGEST_MS),
		.newest = history->newest,
		.stuck = movement->stuck,
		.stuck_growing = movement->stuck_growing,
		.retry_ms = movement->retry_ms,
		.retry_in_ms = movement->stuck ? sub_u64(movement->retry_at_ms, now_ms) : 0,
	};
	memcpy(ret_kept->ms, history->ms, sizeof(ret_kept->ms));
}

void vm_take_back(const struct vm_kept *kept, uint64_t now_ms, uint64_t elapsed_ms,
		  struct vm_state *state)
{
	struct vm_movement *movement = &state->movement;
	struct vm_history *history = &state->history;
	uint64_t age_ms = add_u64(kept->slice_age_ms, elapsed_ms);

	if (kept->max_kib && kept->newest < HISTORY_SLICES) {
		*history = (struct vm_history){
			.max_kib = bound_kib(kept->max_kib),
			/* Only differences of times count, so this may be before the host's start. */
			.since_ms = now_ms - min_u64(age_ms, LONGEST_MS),
			.newest = kept->newest,
		};
		memcpy(history->ms, kept->ms, sizeof(history->ms));
	}
	movement->retry_ms = min_u64(kept->retry_ms, LONGEST_MS);
	movement->stuck = kept->stuck;
	movement->stuck_growing = kept->stuck_growing;
	movement->retry_at_ms =
		now_ms + sub_u64(min_u64(kept->retry_in_ms, LONGEST_MS), elapsed_ms);
}
