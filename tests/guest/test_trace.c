// SPDX-License-Identifier: GPL-2.0
/*
 * What an administrator can see: the events in tracefs, and the counters in debugfs. The one must add
 * up to what the balloon has done, and the other to the one.
 */
#include "faults.h"
#include "harness/lines.h"

#include <string.h>

#define TRACING	   "/sys/kernel/tracing/"
#define TAKE_KIB   (40u * KIB_PER_MIB)
#define FLOOR_MIB  180u
#define PARAMETERS "/sys/module/aerostat/parameters/"
#define AT_FLOOR   "the guest is down to its floor"
#define GREEDY_MIB 150u

/* Sums over the events of one name. */
struct events {
	unsigned int count;
	uint64_t pages, told_pages;
	uint64_t actual_frames, target_frames; /* of the last */
	char last[256];
};

static uint64_t field(const char *line, const char *name)
{
	const char *place = strstr(line, name);

	return place ? strtoull(place + strlen(name), NULL, 10) : 0;
}

/* The events of this name so far. */
static void read_events(struct test *t, const char *name, struct events *ret_events)
{
	char what[32], *text, *next;
	int length;

	*ret_events = (struct events){ .count = 0 };
	snprintf(what, sizeof(what), " %s: virtio", name);
	require_ok(t, guest_ask(t->guest, &text, "read " TRACING "trace"));
	for (char *line = text; *line; line = next) {
		length = (int)strcspn(line, "\n");
		next = line + length + (line[length] == '\n');
		line[length] = '\0';
		if (*line == '#' || !strstr(line, what))
			continue;
		ret_events->count++;
		ret_events->pages += field(line, " pages=");
		ret_events->told_pages += field(line, " told_pages=");
		ret_events->actual_frames = field(line, " actual_frames=");
		ret_events->target_frames = field(line, " target_frames=");
		snprintf(ret_events->last, sizeof(ret_events->last), "%s", line);
	}
	free(text);
}

static void trace(struct test *t, bool on)
{
	require_ok(t, guest_ask(t->guest, NULL, "write " TRACING "events/aerostat/enable %d", on));
}

/* Only what comes now. */
static void trace_anew(struct test *t)
{
	require_ok(t, guest_ask(t->guest, NULL, "write " TRACING "trace 0"));
}

static void check_path(struct test *t, const char *path, bool told)
{
	uint64_t pages = TAKE_KIB / PAGE_KIB;
	struct events events;
	char expected[32];

	require_ok(t, guest_ask(t->guest, NULL, "write " PARAMETERS "inflate_path %s", path));
	trace_anew(t);
	if (t->failed)
		return;
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB - TAKE_KIB));
	read_events(t, "inflate", &events);
	if (t->failed)
		return;
	require_equal(t, events.pages, pages, "pages in events `inflate`");
	require_equal(t, events.actual_frames, pages, "actual in the last of them");
	require_equal(t, events.target_frames, pages, "target in the last of them");
	snprintf(expected, sizeof(expected), " path=%s ", path);
	require(t, strstr(events.last, expected), "expected%s, got: %s", expected, events.last);
	read_events(t, "ack", &events);
	if (t->failed)
		return;
	require(t, events.count > 0, "events `ack`: none");
	require(t, strstr(events.last, " in_flight=0 err=0"), "expected success, got: %s",
		events.last);

	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	read_events(t, "deflate", &events);
	if (t->failed)
		return;
	require_equal(t, events.pages, pages, "pages in events `deflate`");
	require_equal(t, events.told_pages, told ? pages : 0, "told_pages in them");
	require_equal(t, events.actual_frames, 0, "actual in the last of them");
}

/* Both ways in and out; debugfs counts the same. */
static void moves(struct test *t)
{
	uint64_t inflated, deflated, by_range, pages = TAKE_KIB / PAGE_KIB;

	inflated = state_number(t, "inflated_pages");
	deflated = state_number(t, "deflated_pages");
	by_range = state_number(t, "inflated_by_range_pages");
	trace(t, true);
	if (!t->failed)
		check_path(t, "range", false);
	if (!t->failed)
		check_path(t, "pfn", true);
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "write " PARAMETERS "inflate_path auto"));
	require_equal(t, state_number(t, "inflated_pages") - inflated, 2 * pages, "inflated_pages");
	require_equal(t, state_number(t, "deflated_pages") - deflated, 2 * pages, "deflated_pages");
	require_equal(t, state_number(t, "inflated_by_range_pages") - by_range, pages,
		      "inflated_by_range_pages");
	require(t, state_number(t, "inflate_us") > 0, "inflate_us: expected some");
	require(t, state_number(t, "deflate_us") > 0, "deflate_us: expected some");
}

/* The reason in the event is that in debugfs, and how often. */
static void stops(struct test *t)
{
	struct events events;
	uint64_t counted;
	char *reason;

	counted = state_number(t, "stops");
	trace(t, true);
	if (!t->failed)
		trace_anew(t);
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "write " PARAMETERS "floor_mib %u",
				FLOOR_MIB + t->guest->source->extra_mib));
	require_ok(t, guest_set_target_kib(t->guest, FULL_KIB / 2));
	check_state(t, "stop", AT_FLOOR);
	if (t->failed)
		return;
	require_ok(t, guest_ask(t->guest, NULL, "write " PARAMETERS "floor_mib 0"));
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB));
	read_events(t, "stop", &events);
	if (t->failed)
		return;
	require(t, events.count > 0, "events `stop`: none");
	require_equal(t, state_number(t, "stops") - counted, events.count, "stops in debugfs");
	require(t, strstr(events.last, " reason='" AT_FLOOR "' retry_ms="), "got: %s", events.last);
	require_equal(t, events.target_frames, FULL_KIB / 2 / PAGE_KIB, "target in the event");
	require_ok(t, guest_state(t->guest, "last_stop", &reason));
	require(t, strcmp(reason, AT_FLOOR) == 0, "last_stop: %s", reason);
	free(reason);
	require(t, state_number(t, "last_stop_ms_ago") < 2 * REACH_TIMEOUT_MS,
		"last_stop_ms_ago: expected less than two minutes");
}

static void relief(struct test *t)
{
	uint64_t calls = state_number(t, "oom_calls"), pages = state_number(t, "oom_pages");
	struct events events;

	trace(t, true);
	if (!t->failed)
		trace_anew(t);
	if (t->failed)
		return;
	require_ok(t, guest_balloon_to(t->guest, FULL_KIB / 2));
	require_ok(t, guest_ask(t->guest, NULL, "hog greedy %u", GREEDY_MIB));
	require_ok(t, guest_ask(t->guest, NULL, "hog-wait greedy"));
	read_events(t, "oom", &events);
	if (t->failed)
		return;
	require(t, events.count > 0 && events.pages > 0, "events `oom` with pages: none");
	require(t, field(events.last, " wanted_bytes=") > 0, "wanted_bytes: expected some: %s",
		events.last);
	require_equal(t, state_number(t, "oom_calls") - calls, events.count, "oom_calls");
	require_equal(t, state_number(t, "oom_pages") - pages, events.pages, "oom_pages");
}

/* Nobody asked: nothing is written. */
static void off(struct test *t)
{
	struct events events;

	trace(t, false);
	if (!t->failed)
		trace_anew(t);
	if (t->failed)
		return;
	check_works(t);
	if (!t->failed)
		read_events(t, "inflate", &events);
	if (!t->failed)
		require_equal(t, events.count, 0, "events while they are off");
}

static const struct guest_test tests[] = {
	{ .name = "moves", .run = moves },
	{ .name = "off", .run = off },
	{ .name = "stops", .run = stops },
	{ .name = "relief", .run = relief },
};

static struct guest_group trace_group = {
	.name = "trace",
	.config = { .device = "virtio-balloon-pci,id=balloon0,deflate-on-oom=on,"
			      "free-page-reporting=on" },
	GUEST_TESTS(tests),
};
GUEST_GROUP(trace_group)
