// SPDX-License-Identifier: GPL-2.0
/*
 * See hints.h. Memory is read by QEMU's monitor.
 */
#include "hints.h"
#include "faults.h"
#include "harness/lines.h"
#include "migration.h"
#include "sent.h"

#include <unistd.h>

#define STOP	 0u
#define FIRST_ID 2u
#define REQUESTS 3
#define POLL_US	 50000

/* How many hinted blocks are looked at. */
#define SAMPLES_MOST  24
#define SAMPLES_LEAST 8

/* Until the driver has hinted all it has: the last word is STOP, after `requests` numbers. */
static void wait_stop(struct test *t, unsigned int requests)
{
	uint64_t deadline_ms = clock_ms() + REACH_TIMEOUT_MS;
	struct sent buffer, last;
	unsigned int numbers;
	const char *place;
	char *text;

	for (;;) {
		text = sent_read(t);
		if (!text)
			return;
		last = (struct sent){ .out = false };
		numbers = 0;
		for (place = text; sent_next(&place, &buffer);) {
			numbers += buffer.out && buffer.what >= FIRST_ID;
			last = buffer;
		}
		free(text);
		if (numbers >= requests && last.out && last.what == STOP)
			return;
		require(t, clock_ms() < deadline_ms, "STOP after request %u: never sent", requests);
		usleep(POLL_US);
	}
}

static void check_sequence(struct test *t, const char *text)
{
	unsigned int requests = 0, blocks = 0;
	uint64_t ids[REQUESTS];
	struct sent buffer;
	bool open = false;

	while (sent_next(&text, &buffer)) {
		if (!buffer.out) {
			require(t, open, "a block: sent outside of a request");
			blocks++;
			continue;
		}
		require_equal(t, buffer.bytes, 4, "bytes in an output buffer");
		if (buffer.what == STOP) {
			require(t, open, "STOP: sent outside of a request");
			require(t, blocks > 0, "blocks before STOP: expected some, got none");
			open = false;
			continue;
		}
		require(t, buffer.what >= FIRST_ID, "a request's number: got %" PRIu64,
			buffer.what);
		require(t, requests < REQUESTS, "requests: expected %d, got more", REQUESTS);
		for (unsigned int i = 0; i < requests; i++)
			require(t, ids[i] != buffer.what, "number %" PRIu64 ": sent twice",
				buffer.what);
		ids[requests++] = buffer.what;
		open = true;
		blocks = 0;
	}
	require_equal(t, requests, REQUESTS, "requests answered");
}

void hints_keep_protocol(struct test *t)
{
	char *text, frames[16];

	use_memory(t);
	if (t->failed || !sent_watch(t, HINT_QUEUE))
		return;
	for (unsigned int i = 1; i <= REQUESTS; i++) {
		require_ok(t, start_migration(t->guest, NOWHERE, SLOW_BYTES_S / 8));
		wait_stop(t, i);
		if (t->failed)
			return;
		/* A change of the configuration that is not about hints. */
		require_ok(t, guest_set_target_kib(t->guest, FULL_KIB - i * KIB_PER_MIB));
		snprintf(frames, sizeof(frames), "%u", i * (KIB_PER_MIB / PAGE_KIB));
		check_state(t, "target_frames", frames);
		if (!t->failed)
			cancel_migration(t);
		if (!t->failed)
			check_state(t, "hinted_pages", "0");
		if (t->failed)
			return;
	}
	text = sent_read(t);
	if (text)
		check_sequence(t, text);
	free(text);
	if (t->failed)
		return;
	require_ok(t, sent_end(t));
}

/* Of so many blocks, how many do not begin with what a fresh page holds. */
static unsigned int count_used(struct test *t, const uint64_t *addresses, unsigned int count)
{
	unsigned int used = 0;
	uint32_t word;

	for (unsigned int i = 0; i < count; i++) {
		if (guest_physical(t->guest, addresses[i], &word) < 0) {
			test_fail(t, __FILE__, __LINE__, "the guest's memory cannot be read");
			return 0;
		}
		used += word != 0;
	}
	return used;
}

/* Blocks that a program has written to, so that one can see whether they are written again. */
static unsigned int sample(struct test *t, const char *text, uint64_t *ret_addresses)
{
	unsigned int count = 0;
	struct sent buffer;

	while (count < SAMPLES_MOST && sent_next(&text, &buffer)) {
		if (buffer.out)
			continue;
		ret_addresses[count] = buffer.what;
		count += count_used(t, &buffer.what, 1);
	}
	return count;
}

void hints_filled_early(struct test *t)
{
	uint64_t addresses[SAMPLES_MOST], early;
	unsigned int count, used;
	char *text;

	use_memory(t);
	if (t->failed || !sent_watch(t, HINT_QUEUE))
		return;
	require_ok(t, guest_state_number(t->guest, "hinted_pages_shrunk", &early));
	require_ok(t, start_migration(t->guest, NOWHERE, SLOW_BYTES_S / 8));
	wait_stop(t, 1);
	if (t->failed)
		return;
	text = sent_read(t);
	count = text ? sample(t, text, addresses) : 0;
	free(text);
	if (t->failed)
		return;
	require(t, count >= SAMPLES_LEAST, "hinted blocks with content: expected %d, got %u",
		SAMPLES_LEAST, count);
	/* The kernel asks for all that can be shrunk. */
	require_ok(t, guest_ask(t->guest, NULL, "write /proc/sys/vm/drop_caches 2"));
	require(t, state_number(t, "hinted_pages_shrunk") > early,
		"hinted pages given back early: expected some");
	check_state(t, "hinted_pages", "0");
	if (t->failed)
		return;
	used = count_used(t, addresses, count);
	if (t->failed)
		return;
	test_note(t, "%u of %u blocks with content, given back early", used, count);
	/* One or another may be in use again. */
	require(t, used <= count / 4, "blocks with their old content: expected none of %u, got %u",
		count, used);
	cancel_migration(t);
	if (t->failed)
		return;
	require_ok(t, sent_end(t));
	check_hog_kept(t, "keeper");
}
