// SPDX-License-Identifier: GPL-2.0
/*
 * How far the balloon may go, and when it may try again.
 *
 * Four dangers, four answers:
 *
 * - A target below what the guest needs to live. The guest keeps a size that depends on the one it
 *   was given (guard_floor_bytes), or what the administrator says.
 * - A target that the guest cannot afford now. Before each step the available memory is looked at
 *   afresh; inflation takes only what lies above a small reserve (guard_allowance_bytes).
 * - A target that cannot be reached now. Trying for ever burns a CPU, so each stop in a row doubles
 *   the wait, from one second up to a minute (guard_stopped). A new target starts anew, and so does
 *   memory that has become available (guard_look) or was added (guard_memory_changed).
 * - A guest that runs out of memory although the balloon gave way. It gets what it lacks, at least
 *   so much, and twice as much while one OOM follows the other; for a while nothing is taken
 *   (guard_oom), and what it got is left to it for longer (guard_remembered_bytes).
 *
 * Pure: no clock, no lock, no allocation, no kernel interface, so that userspace can compile and
 * test it. The caller serialises and passes the time.
 */
#include "guard.h"

#define MIB (1ull << 20)

/*
 * The reserve of available memory: 1/32 of the guest, between these. The bounds are a choice, not a
 * measurement: enough to start a program in a small guest, no more than a large one will miss.
 */
#define RESERVE_DIVISOR	    32
#define RESERVE_LEAST_BYTES (16 * MIB)
#define RESERVE_MOST_BYTES  (64 * MIB)

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
	guard->told = 0;
}

/* The guest has got more memory: try at once. */
void guard_memory_changed(struct guard *guard)
{
	guard_new_target(guard);
}

/* So much went into the balloon in one step: the next wait, if there must be one, is a short one. */
void guard_moved(struct guard *guard, uint64_t bytes)
{
	if (bytes >= GUARD_PROGRESS_BYTES)
		guard->delay_ms = GUARD_DELAY_FIRST_MS;
}

/* Whether more available memory would help. */
static bool waits_for_memory(enum guard_stop stop)
{
	return stop == GUARD_AVAILABLE || stop == GUARD_ALLOCATION;
}

/*
 * While waiting: so much is available now. Ends the wait when that is clearly more than when
 * inflation stopped. Return: whether it did.
 */
bool guard_look(struct guard *guard, uint64_t available_bytes)
{
	if (!waits_for_memory(guard->stop) ||
	    available_bytes < guard->stop_available_bytes + GUARD_RISE_BYTES)
		return false;
	guard_memory_changed(guard);
	return true;
}

/*
 * Inflation had to stop for @why with so much available. Sets when it may go on. An episode lasts until
 * the target is reached.
 * Return: whether this is its first stop for that reason, which is worth a line in the log.
 */
bool guard_stopped(struct guard *guard, enum guard_stop why, uint64_t available_bytes,
		   uint64_t now_ms)
{
	bool first = !(guard->told & 1u << why);

	guard->told |= 1u << why;
	guard->stop = why;
	guard->stop_available_bytes = available_bytes;
	guard->retry_at_ms = now_ms + guard->delay_ms;
	guard->delay_ms *= 2;
	if (guard->delay_ms > GUARD_DELAY_LAST_MS)
		guard->delay_ms = GUARD_DELAY_LAST_MS;
	return first;
}

/*
 * The guest has run out of memory. Sets the hold.
 * Return: the bytes to give back: what is missing of the reserve, but at least a part that doubles
 * while the last hold is still on.
 */
uint64_t guard_oom(struct guard *guard, const struct guard_memory *memory, uint64_t now_ms)
{
	uint64_t reserve_bytes = guard_reserve_bytes(memory->total_bytes);
	uint64_t missing_bytes = 0, least_bytes;

	if (now_ms >= guard->oom_until_ms)
		guard->relief_bytes = GUARD_RELIEF_FIRST_BYTES;
	least_bytes = guard->relief_bytes;
	if (guard->relief_bytes <= GUARD_RELIEF_LAST_BYTES / 2)
		guard->relief_bytes *= 2;
	if (memory->available_bytes < reserve_bytes)
		missing_bytes = reserve_bytes - memory->available_bytes;
	guard->oom_bytes = guard_remembered_bytes(guard, now_ms);
	guard->oom_until_ms = now_ms + GUARD_OOM_HOLD_MS;
	guard->stop = GUARD_OOM;
	/* The hold takes the place of what was waited for before, which is another guest's by now. */
	guard_new_target(guard);
	return missing_bytes > least_bytes ? missing_bytes : least_bytes;
}

/* After guard_oom(): so much was really given back. */
void guard_oom_relieved(struct guard *guard, uint64_t given_bytes)
{
	guard->oom_bytes += given_bytes;
}

/* Return: what OOMs got and the guest is to keep for now, in bytes. */
uint64_t guard_remembered_bytes(const struct guard *guard, uint64_t now_ms)
{
	uint64_t halvings;

	if (now_ms <= guard->oom_until_ms)
		return guard->oom_bytes;
	halvings = (now_ms - guard->oom_until_ms) / GUARD_OOM_MEMORY_MS;
	return halvings < 64 ? guard->oom_bytes >> halvings : 0;
}

/* Return: milliseconds until inflation may go on; 0 when it may now. */
uint32_t guard_wait_ms(const struct guard *guard, uint64_t now_ms)
{
	uint64_t until_ms = guard->retry_at_ms;

	if (guard->oom_until_ms > until_ms)
		until_ms = guard->oom_until_ms;
	return until_ms > now_ms ? (uint32_t)(until_ms - now_ms) : 0;
}

/*
 * Return: milliseconds until there is something to do: the end of the wait, or where more memory
 * would end it, the next look.
 */
uint32_t guard_pause_ms(const struct guard *guard, uint64_t now_ms)
{
	uint32_t wait_ms = guard_wait_ms(guard, now_ms);

	if (wait_ms > GUARD_LOOK_MS && waits_for_memory(guard_wait_reason(guard, now_ms)))
		return GUARD_LOOK_MS;
	return wait_ms;
}

/*
 * As above for a deflation: no wait is for its sake, but a queue that takes nothing, or pages that
 * are being moved, need not be tried again at once. The host waits for this memory, and so might the
 * guest.
 */
uint32_t guard_deflate_pause_ms(const struct guard *guard, uint64_t now_ms)
{
	uint32_t wait_ms = guard_wait_ms(guard, now_ms);

	return wait_ms && wait_ms < GUARD_DEFLATE_MS ? wait_ms : GUARD_DEFLATE_MS;
}

/* Return: what guard_wait_ms() is waiting for; GUARD_NONE when there is no wait. */
enum guard_stop guard_wait_reason(const struct guard *guard, uint64_t now_ms)
{
	if (guard->oom_until_ms > now_ms)
		return GUARD_OOM;
	return guard->retry_at_ms > now_ms ? guard->stop : GUARD_NONE;
}

/*
 * Return: the size a guest is left with whatever the host wants. Piecewise linear as in the
 * hv_balloon driver: 128 MiB keep 72, 512 keep 168, 2 GiB keep 360, 8 GiB keep 744, 32 GiB keep 1512.
 */
uint64_t guard_floor_bytes(uint64_t total_bytes)
{
	if (total_bytes < 128 * MIB)
		return 8 * MIB + total_bytes / 2;
	if (total_bytes < 512 * MIB)
		return 40 * MIB + total_bytes / 4;
	if (total_bytes < 2048 * MIB)
		return 104 * MIB + total_bytes / 8;
	if (total_bytes < 8192 * MIB)
		return 232 * MIB + total_bytes / 16;
	return 488 * MIB + total_bytes / 32;
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

static uint64_t above(uint64_t bytes, uint64_t limit_bytes)
{
	return bytes > limit_bytes ? bytes - limit_bytes : 0;
}

/*
 * Return: the bytes that may be taken from the guest now, and in @ret_limit what bounds them:
 * GUARD_FLOOR or GUARD_AVAILABLE.
 */
uint64_t guard_allowance_bytes(const struct guard *guard, const struct guard_memory *memory,
			       uint64_t now_ms, enum guard_stop *ret_limit)
{
	uint64_t size_bytes = above(memory->total_bytes, memory->balloon_bytes);
	uint64_t by_floor_bytes = above(size_bytes, memory->floor_bytes);
	uint64_t by_available_bytes =
		above(memory->available_bytes, guard_reserve_bytes(memory->total_bytes) +
						       guard_remembered_bytes(guard, now_ms));

	if (by_floor_bytes <= by_available_bytes) {
		*ret_limit = GUARD_FLOOR;
		return by_floor_bytes;
	}
	*ret_limit = GUARD_AVAILABLE;
	return by_available_bytes;
}

/* Return: a word or two for logs and debugfs. */
const char *guard_stop_name(enum guard_stop why)
{
	switch (why) {
	case GUARD_NONE:
		return "none";
	case GUARD_FLOOR:
		return "the guest is down to its floor";
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
