// SPDX-License-Identifier: GPL-2.0
/*
 * The form of the history's file:
 *
 *   header     magic, version, number of VMs, wall time of writing, and of each ring how long ago the
 *              span that is being summed up began
 *   a VM each  UUID, maximum; of each ring points written and sums; all points
 *   checksum   of all before it
 *
 * VMs are in the order of their UUIDs. Numbers only: nothing depends on them but pictures.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "publish/history_internal.h"
#include "store/bytes.h"

#define MAGIC	      "AEROHIST"
#define MAGIC_LEN     8
#define VERSION	      1
#define HEADER_LEN    (MAGIC_LEN + 4 + 3 * 4 + 2 * 8 + RINGS_ * 8)
#define RING_LEN      (4 + SERIES_ * (8 + 4))
#define VM_LEN	      (BYTES_UUID_LEN + 8 + RINGS_ * RING_LEN + POINTS * SERIES_ * 2)
#define VMS_MAX	      100000
#define LONGEST_MS    (UINT64_MAX / 4) /* sums of two do not overflow */
#define BEFORE_FOR_MS ((uint64_t)60 * 60 * 1000)

static size_t length_for(size_t n_vms)
{
	return HEADER_LEN + n_vms * VM_LEN + BYTES_CHECKSUM_LEN;
}

static void put_entry(unsigned char **at, const struct history_entry *entry)
{
	bytes_put_uuid(at, entry->uuid);
	bytes_put(at, entry->max_kib, 8);
	for (size_t ring = 0; ring < RINGS_; ring++) {
		bytes_put(at, entry->filled[ring], 4);
		for (size_t i = 0; i < SERIES_; i++) {
			bytes_put(at, entry->sums[ring].sum[i], 8);
			bytes_put(at, entry->sums[ring].n[i], 4);
		}
	}
	for (size_t point = 0; point < POINTS; point++)
		for (size_t i = 0; i < SERIES_; i++)
			bytes_put(at, entry->points[point][i], 2);
}

static bool take_entry(const unsigned char **at, struct history_entry *entry)
{
	bool valid = bytes_take_uuid(at, entry->uuid);

	entry->max_kib = bytes_take(at, 8);
	for (size_t ring = 0; ring < RINGS_; ring++) {
		entry->filled[ring] = (uint32_t)bytes_take(at, 4);
		for (size_t i = 0; i < SERIES_; i++) {
			struct history_sums *sums = &entry->sums[ring];

			sums->sum[i] = bytes_take(at, 8);
			sums->n[i] = (uint32_t)bytes_take(at, 4);
			/* An average above the maximum is no average of parts of it. */
			valid = valid && sums->sum[i] <= (uint64_t)SCALE * sums->n[i];
		}
	}
	for (size_t point = 0; point < POINTS; point++)
		for (size_t i = 0; i < SERIES_; i++)
			entry->points[point][i] = (uint16_t)bytes_take(at, 2);
	return valid;
}

static bool says_something(const struct history_entry *entry)
{
	for (size_t ring = 0; ring < RINGS_; ring++) {
		const struct history_ring *points = &history_rings[ring];
		size_t n = entry->filled[ring] < points->n ? entry->filled[ring] : points->n;

		for (size_t i = 0; i < SERIES_; i++) {
			if (entry->sums[ring].n[i])
				return true;
			for (size_t point = 0; point < n; point++)
				if (entry->points[points->first + point][i] != UNKNOWN)
					return true;
		}
	}
	return false;
}

/* The next of those in the file that this run began with which comes before `uuid` (NULL: any). */
static const struct history_entry *next_before(const struct history *history, size_t *at,
					       const char *uuid)
{
	while (*at < history->before.n) {
		const struct history_entry *entry = by_vm_at(&history->before, *at);
		int order = uuid ? strcmp(entry->uuid, uuid) : -1;

		if (order > 0)
			break;
		(*at)++;
		if (order < 0 && says_something(entry))
			return entry;
	}
	return NULL;
}

/*
 * Who is kept, in the order of their UUIDs: those that are there, and of those that may still be found
 * who has points yet. `kept` has room for all. Returns how many.
 */
static size_t find_kept(const struct history *history, const struct history_entry **kept)
{
	const struct history_entry *entry;
	size_t n = 0, at = 0;

	if (history->vms.n + history->before.n > VMS_MAX)
		at = history->before.n;
	for (size_t i = 0; i < history->vms.n && n < VMS_MAX; i++) {
		const struct history_entry *vm = by_vm_at(&history->vms, i);

		while ((entry = next_before(history, &at, vm->uuid)))
			kept[n++] = entry;
		kept[n++] = vm;
	}
	while ((entry = next_before(history, &at, NULL)))
		kept[n++] = entry;
	return n;
}

int history_encode(const struct history *history, uint64_t now_ms, uint64_t wall_ms,
		   void **ret_bytes, size_t *ret_length)
{
	const struct history_entry **kept =
		calloc(history->vms.n + history->before.n + 1, sizeof(*kept));
	size_t n = kept ? find_kept(history, kept) : 0;
	size_t length = length_for(n);
	unsigned char *bytes = kept ? malloc(length) : NULL, *at;

	if (!bytes) {
		free(kept);
		return -ENOMEM;
	}
	memcpy(bytes, MAGIC, MAGIC_LEN);
	at = bytes + MAGIC_LEN;
	bytes_put(&at, VERSION, 4);
	bytes_put(&at, RINGS_, 4);
	bytes_put(&at, POINTS, 4);
	bytes_put(&at, SERIES_, 4);
	bytes_put(&at, n, 8);
	bytes_put(&at, wall_ms, 8);
	for (size_t ring = 0; ring < RINGS_; ring++)
		bytes_put(&at, history->began_ms[ring] ? now_ms - history->began_ms[ring] : 0, 8);
	for (size_t i = 0; i < n; i++)
		put_entry(&at, kept[i]);
	free(kept);
	bytes_seal(bytes, length);
	*ret_bytes = bytes;
	*ret_length = length;
	return 0;
}

static const char *what_is_wrong(const unsigned char *bytes, size_t length, size_t *ret_n)
{
	const unsigned char *at = bytes + MAGIC_LEN;
	uint64_t n;

	if (length < length_for(0))
		return "it is too short";
	if (memcmp(bytes, MAGIC, MAGIC_LEN) != 0)
		return "it is no history";
	if (bytes_take(&at, 4) != VERSION || bytes_take(&at, 4) != RINGS_ ||
	    bytes_take(&at, 4) != POINTS || bytes_take(&at, 4) != SERIES_)
		return "it is of another version";
	n = bytes_take(&at, 8);
	if (n > VMS_MAX || length != length_for(n))
		return "its length is not what it says";
	if (!bytes_sealed(bytes, length))
		return "its checksum does not fit";
	*ret_n = n;
	return NULL;
}

/*
 * Spans that ended while nobody looked: the first has the sums of before, further ones are unknown.
 * More of them than a ring has points empty it.
 */
static void close_missed(struct by_vm *table, unsigned int ring, uint64_t spans)
{
	const uint32_t most = history_rings[ring].n + 1;

	for (size_t i = 0; i < table->n; i++)
		for (uint64_t span = 0; span < spans && span < most; span++)
			history_close_span(by_vm_at(table, i), ring);
}

int history_decode(struct history *history, const void *bytes, size_t length, uint64_t now_ms,
		   uint64_t wall_ms, const char **ret_why)
{
	struct by_vm table = { .size = sizeof(struct history_entry) };
	const unsigned char *at = bytes;
	uint64_t saved_wall_ms, age_ms[RINGS_], away_ms;
	bool valid = true;

	*ret_why = what_is_wrong(bytes, length, &table.n);
	if (*ret_why)
		return -EINVAL;
	at += MAGIC_LEN + 4 * 4 + 8;
	saved_wall_ms = bytes_take(&at, 8);
	/* A clock that was set back tells no time. */
	away_ms = wall_ms > saved_wall_ms ? wall_ms - saved_wall_ms : 0;
	if (away_ms > LONGEST_MS)
		away_ms = LONGEST_MS;
	for (size_t ring = 0; ring < RINGS_; ring++) {
		age_ms[ring] = bytes_take(&at, 8);
		valid = valid && age_ms[ring] <= LONGEST_MS;
	}
	table.entries = calloc(table.n + 1, table.size);
	if (!table.entries)
		return -ENOMEM;
	for (size_t i = 0; i < table.n; i++) {
		valid = valid && take_entry(&at, by_vm_at(&table, i));
		/* It is searched by bisection. */
		valid = valid && (!i || strcmp(by_vm_at(&table, i - 1), by_vm_at(&table, i)) < 0);
	}
	if (!valid) {
		by_vm_clear(&table);
		*ret_why = "a VM in it makes no sense";
		return -EINVAL;
	}
	for (unsigned int ring = 0; ring < RINGS_; ring++) {
		uint64_t span_ms = history_rings[ring].span_ms;
		uint64_t elapsed_ms = age_ms[ring] + away_ms;

		close_missed(&table, ring, elapsed_ms / span_ms);
		/* Only differences count, so this may be before the host's start. 0 is never. */
		history->began_ms[ring] = now_ms - elapsed_ms % span_ms;
		history->began_ms[ring] += !history->began_ms[ring];
	}
	by_vm_clear(&history->before);
	history->before = table;
	history->before_until_ms = now_ms + BEFORE_FOR_MS;
	return 0;
}
