// SPDX-License-Identifier: GPL-2.0
/*
 * How far the balloon may go, and when it may try again.
 *
 * Three dangers, three answers:
 *
 * - A target the guest cannot afford. Before each step the available memory is looked at afresh;
 *   inflation takes only what lies above a small reserve (guard_allowance_bytes).
 * - A target that cannot be reached now. Trying for ever burns a CPU, so each stop in a row doubles
 *   the wait, from one second up to a minute (guard_stopped). A new target starts anew. An attempt
 *   that got somewhere before the kernel ran out of pages is no failure: page cache gives way bit
 *   by bit, so the next one follows soon.
 * - A guest that runs out of memory although the balloon gave way. What one OOM gets back doubles
 *   while they follow each other, and for a while nothing is taken (guard_oom).
 *
 * Pure: no clock, no lock, no allocation, no kernel interface, so that userspace can compile and
 * test it. The caller serialises and passes the time.
 */
#include "guard.h"

/*
 * The reserve: 1/32 of the guest, between these. The bounds are a choice, not a
 * measurement: enough to start a program in a small guest, no more than a large one will miss.
 */
#define RESERVE_DIVISOR	    32
#define RESERVE_LEAST_BYTES (16ull << 20)
#define RESERVE_MOST_BYTES  (64ull << 20)

void guard_init(struct guard *guard)
{
	*guard = (struct guard){
		.stop = GUARD_NONE,
		.delay_ms = GUARD_DELAY_FIRST_MS,
		.relief_bytes = GUARD_RELIEF_FIRST_BYTES,
	};
}

/* The host asks for something else: try at once. A hold after an OOM stays in force. */
void guard_new_target(struct guard *guard)
{
	guard->retry_at_ms = 0;
	guard->delay_ms = GUARD_DELAY_FIRST_MS;
}

/* The balloon is where it should be: the episode, if there was one, is over. */
void guard_at_target(struct guard *guard)
{
	guard_new_target(guard);
	guard->stop = GUARD_NONE;
	guard->told = false;
}

/* So many bytes went into the balloon. */
void guard_moved(struct guard *guard, uint64_t bytes)
{
	guard->moved_bytes += bytes;
}

/*
 * Inflation had to stop for @why. Sets when it may go on.
 * Return: whether this begins an episode, which is worth a line in the log.
 */
bool guard_stopped(struct guard *guard, enum guard_stop why, uint64_t now_ms)
{
	bool progress = guard->moved_bytes >= GUARD_PROGRESS_BYTES;
	bool first = !guard->told || guard->stop != why;

	guard->stop = why;
	guard->moved_bytes = 0;
	if (why == GUARD_ALLOCATION && progress) {
		guard->retry_at_ms = now_ms + GUARD_DELAY_RECLAIM_MS;
		guard->delay_ms = GUARD_DELAY_FIRST_MS;
		return false;
	}
	guard->told = true;
	guard->retry_at_ms = now_ms + guard->delay_ms;
	guard->delay_ms *= 2;
	if (guard->delay_ms > GUARD_DELAY_LAST_MS)
		guard->delay_ms = GUARD_DELAY_LAST_MS;
	return first;
}

/*
 * The guest has run out of memory. Sets the hold.
 * Return: the bytes to give back; twice as many as last time while the last hold is still on.
 */
uint32_t guard_oom(struct guard *guard, uint64_t now_ms)
{
	uint32_t relief_bytes;

	if (now_ms >= guard->oom_until_ms)
		guard->relief_bytes = GUARD_RELIEF_FIRST_BYTES;
	relief_bytes = guard->relief_bytes;
	if (guard->relief_bytes <= GUARD_RELIEF_LAST_BYTES / 2)
		guard->relief_bytes *= 2;
	guard->oom_until_ms = now_ms + GUARD_OOM_HOLD_MS;
	guard->stop = GUARD_OOM;
	return relief_bytes;
}

/* Return: milliseconds until inflation may go on; 0 when it may now. */
uint32_t guard_wait_ms(const struct guard *guard, uint64_t now_ms)
{
	uint64_t until_ms = guard->retry_at_ms;

	if (guard->oom_until_ms > until_ms)
		until_ms = guard->oom_until_ms;
	return until_ms > now_ms ? (uint32_t)(until_ms - now_ms) : 0;
}

/* Return: what guard_wait_ms() is waiting for; GUARD_NONE when there is no wait. */
enum guard_stop guard_wait_reason(const struct guard *guard, uint64_t now_ms)
{
	if (guard->oom_until_ms > now_ms)
		return GUARD_OOM;
	return guard->retry_at_ms > now_ms ? guard->stop : GUARD_NONE;
}

/* Return: the available memory a guest of this size is left with. */
uint64_t guard_reserve_bytes(uint64_t total_bytes)
{
	uint64_t reserve_bytes = total_bytes / RESERVE_DIVISOR;

	if (reserve_bytes < RESERVE_LEAST_BYTES)
		return RESERVE_LEAST_BYTES;
	if (reserve_bytes > RESERVE_MOST_BYTES)
		return RESERVE_MOST_BYTES;
	return reserve_bytes;
}

/*
 * Return: the bytes that may be taken from a guest with so much available. @total_bytes is its size
 * with an empty balloon.
 */
uint64_t guard_allowance_bytes(uint64_t available_bytes, uint64_t total_bytes)
{
	uint64_t reserve_bytes = guard_reserve_bytes(total_bytes);

	return available_bytes > reserve_bytes ? available_bytes - reserve_bytes : 0;
}

/* Return: a word or two for logs and debugfs. */
const char *guard_stop_name(enum guard_stop why)
{
	switch (why) {
	case GUARD_NONE:
		return "none";
	case GUARD_AVAILABLE:
		return "available memory is down to the reserve";
	case GUARD_ALLOCATION:
		return "the kernel has no page to give";
	case GUARD_REACH:
		return "the page is beyond the reach of the device";
	case GUARD_OOM:
		return "the guest ran out of memory";
	case GUARD_QUEUE:
		return "the queue takes nothing";
	case GUARD_DEVICE:
		return "the device has failed";
	}
	return "unknown";
}
