// SPDX-License-Identifier: GPL-2.0
/*
 * See migration.h.
 */
#include "migration.h"
#include "harness/lines.h"

#include <string.h>
#include <unistd.h>

#define KEEP_MIB 32u
#define POLL_US	 50000

#define BLOCK_KIB 2048u
#define SLACK_KIB (6u * KIB_PER_MIB)

const char *const hint_thread[] = { "-object", "iothread,id=io0", NULL };

int set_bandwidth(struct guest *guest, uint64_t bytes_s)
{
	return qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "migrate-set-parameters", "{s:I}",
			   "max-bandwidth", (json_int_t)bytes_s);
}

int start_migration(struct guest *guest, const char *to, uint64_t bytes_s)
{
	int r = set_bandwidth(guest, bytes_s);

	return r < 0 ? r
		     : qmp_command(guest->qmp, QMP_TIMEOUT_MS, NULL, "migrate", "{s:s}", "uri", to);
}

void wait_migration(struct test *t, const char *expected, uint64_t *ret_moved_bytes)
{
	uint64_t deadline_ms = clock_ms() + 2 * REACH_TIMEOUT_MS;
	char status[32] = "";
	json_t *result;

	while (strcmp(status, expected) != 0) {
		require_ok(t, qmp_command(t->guest->qmp, QMP_TIMEOUT_MS, &result, "query-migrate",
					  NULL));
		snprintf(status, sizeof(status), "%s",
			 json_string_value(json_object_get(result, "status")));
		if (ret_moved_bytes)
			*ret_moved_bytes = (uint64_t)json_integer_value(
				json_object_get(json_object_get(result, "ram"), "transferred"));
		json_decref(result);
		require(t, strcmp(status, "failed") != 0, "the migration has failed");
		require(t, clock_ms() < deadline_ms, "migration: expected '%s', got '%s'", expected,
			status);
		usleep(POLL_US);
	}
}

void start_hinted(struct test *t, const char *to, uint64_t bytes_s)
{
	uint64_t deadline_ms = clock_ms() + REACH_TIMEOUT_MS, pages, before;

	require_ok(t, guest_state_number(t->guest, "hinted_pages_total", &before));
	require_ok(t, start_migration(t->guest, to, bytes_s));
	for (pages = before; pages == before;) {
		require_ok(t, guest_state_number(t->guest, "hinted_pages_total", &pages));
		require(t, clock_ms() < deadline_ms, "hints: expected some, got none");
		usleep(POLL_US);
	}
}

void cancel_migration(struct test *t)
{
	require_ok(t, qmp_command(t->guest->qmp, QMP_TIMEOUT_MS, NULL, "migrate_cancel", NULL));
	wait_migration(t, "cancelled", NULL);
}

void use_memory(struct test *t)
{
	require_ok(t, guest_ask(t->guest, NULL, "hog keeper %u", KEEP_MIB));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait keeper"));
	require_ok(t, guest_ask(t->guest, NULL, "hog user %u", USED_MIB));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait user"));
	require_ok(t, guest_ask(t->guest, NULL, "hog-free user"));
}

void check_hog_kept(struct test *t, const char *name)
{
	char *text;

	require_ok(t, guest_ask(t->guest, &text, "hog-check %s", name));
	require(t, strstr(text, " bad_pages=0 "), "memory of %s: %s", name, text);
	free(text);
}

void check_free(struct test *t, uint64_t free_kib)
{
	uint64_t now_kib, in_flight = 0;

	/* What the device has in its queue it may not look at before the next migration. */
	if (guest_state_number(t->guest, "hinting_in_flight", &in_flight) < 0)
		in_flight = 0; /* not loaded */
	require_ok(t, guest_free_kib(t->guest, &now_kib));
	now_kib += in_flight * BLOCK_KIB;
	require(t, now_kib + SLACK_KIB >= free_kib,
		"free memory: expected about %" PRIu64 " KiB, got %" PRIu64, free_kib, now_kib);
}

void check_released(struct test *t, uint64_t free_kib)
{
	check_state(t, "hinted_pages", "0");
	if (!t->failed)
		check_free(t, free_kib);
}
