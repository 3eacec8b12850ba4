/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How far the balloon may go: pure decisions, see guard.c.
 */
#ifndef AEROSTAT_GUARD_H
#define AEROSTAT_GUARD_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
#endif

/* The first wait after inflation had to stop, and the longest. */
#define GUARD_DELAY_FIRST_MS 1000
#define GUARD_DELAY_LAST_MS  60000

/* While it waits for memory, how often to look whether there is more, and how much more counts. */
#define GUARD_LOOK_MS	 1000
#define GUARD_RISE_BYTES (16u << 20)

/* A deflation that could not proceed is tried again after this, at the latest. */
#define GUARD_DEFLATE_MS 1000

/* Inflation that moves so much in one step is going well: waits begin anew. */
#define GUARD_PROGRESS_BYTES (1u << 20)

/* After the guest has run out of memory, no inflation for this long. */
#define GUARD_OOM_HOLD_MS 30000

/* What it was given back then is left to it on top of the reserve; half of it after each of these. */
#define GUARD_OOM_MEMORY_MS 60000

/* What one call of the OOM notifier gives back, at first and at most. */
#define GUARD_RELIEF_FIRST_BYTES (16u << 20)
#define GUARD_RELIEF_LAST_BYTES	 (256u << 20)

/* Why the balloon is not at its target, or that it is. */
enum guard_stop {
	GUARD_NONE, /* nothing keeps it */
	GUARD_FLOOR, /* the guest is down to its floor */
	GUARD_AVAILABLE, /* the guest's available memory is down to its reserve */
	GUARD_ALLOCATION, /* the kernel would not give another page */
	GUARD_REACH, /* the page lies beyond the frame numbers of the device */
	GUARD_OOM, /* the guest has run out of memory a short while ago */
	GUARD_QUEUE, /* the device's queue took nothing */
	GUARD_DEVICE, /* the device has failed; only a reset helps */
};

/* What is remembered between steps. Times are milliseconds of any clock that does not jump back. */
struct guard {
	enum guard_stop stop; /* why the last step ended short */
	uint32_t
		told; /* bit by reason: those that ended a step since the target was last reached */
	uint64_t retry_at_ms; /* no inflation before this */
	uint32_t delay_ms; /* the wait after the next stop */
	uint64_t stop_available_bytes; /* what was available at the last stop */
	uint64_t oom_until_ms; /* no inflation before this either */
	uint32_t relief_bytes; /* what the next OOM gets at least */
	uint64_t oom_bytes; /* what OOMs got, as far as remembered at oom_until_ms */
};

/* What a guest has, now. */
struct guard_memory {
	uint64_t total_bytes; /* its size with an empty balloon */
	uint64_t balloon_bytes; /* of that, in the balloon */
	uint64_t available_bytes; /* of the rest, to be had without swapping */
	uint64_t
		floor_bytes; /* the size it is to keep, guard_floor_bytes() or the administrator's */
};

void guard_init(struct guard *guard);
void guard_new_target(struct guard *guard);
void guard_at_target(struct guard *guard);
void guard_memory_changed(struct guard *guard);
void guard_moved(struct guard *guard, uint64_t bytes);
bool guard_look(struct guard *guard, uint64_t available_bytes);
bool guard_stopped(struct guard *guard, enum guard_stop why, uint64_t available_bytes,
		   uint64_t now_ms);
uint64_t guard_oom(struct guard *guard, const struct guard_memory *memory, uint64_t now_ms);
void guard_oom_relieved(struct guard *guard, uint64_t given_bytes);
uint32_t guard_wait_ms(const struct guard *guard, uint64_t now_ms);
uint32_t guard_pause_ms(const struct guard *guard, uint64_t now_ms);
uint32_t guard_deflate_pause_ms(const struct guard *guard, uint64_t now_ms);
enum guard_stop guard_wait_reason(const struct guard *guard, uint64_t now_ms);
uint64_t guard_floor_bytes(uint64_t total_bytes);
uint64_t guard_reserve_bytes(uint64_t total_bytes);
uint64_t guard_remembered_bytes(const struct guard *guard, uint64_t now_ms);
uint64_t guard_allowance_bytes(const struct guard *guard, const struct guard_memory *memory,
			       uint64_t now_ms, enum guard_stop *ret_limit);
const char *guard_stop_name(enum guard_stop why);

#endif
