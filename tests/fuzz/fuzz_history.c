// SPDX-License-Identifier: GPL-2.0
/*
 * The history's file: as it is, and with a checksum that fits, so that what lies behind that is reached.
 * Of what is refused nothing is taken. What is accepted is told of each VM in order, no time twice
 * and nothing above its maximum; and what is written after that is accepted again.
 */
#include "fuzz.h"

#include <errno.h>

#include "publish/history_internal.h"

#define VMS_MAX 8
#define NOW_MS	((uint64_t)3 * 3600 * 1000)
#define WALL_MS ((uint64_t)1700000000 * 1000)

/* The VMs that a file names, all found again. */
struct found {
	struct vm vms[VMS_MAX];
	struct vm *table[VMS_MAX];
	struct fleet fleet;
};

static void find(struct found *found, const struct history *history)
{
	size_t n = history->before.n < VMS_MAX ? history->before.n : VMS_MAX;

	for (size_t i = 0; i < n; i++) {
		const struct history_entry *entry = by_vm_at(&history->before, i);
		struct vm *vm = &found->vms[i];

		memcpy(vm->sample.uuid, entry->uuid, sizeof(entry->uuid));
		vm->sample.max_kib = entry->max_kib;
		vm->sample.actual_kib = opt_some(entry->max_kib / 2);
		found->table[i] = vm;
	}
	found->fleet = (struct fleet){ .vms = found->table, .n_vms = n };
}

struct told {
	uint64_t max_kib;
	uint64_t age_ms; /* of the last point */
};

static int take(void *userdata, const struct history_point *point)
{
	struct told *told = userdata;

	must(point->span_ms && point->age_ms <= UINT64_MAX - point->span_ms);
	must(point->age_ms + point->span_ms <= told->age_ms);
	told->age_ms = point->age_ms;
	must(opt_or(point->actual_kib, 0) <= told->max_kib);
	must(opt_or(point->target_kib, 0) <= told->max_kib);
	must(opt_or(point->demand_kib, 0) <= told->max_kib);
	must(opt_or(point->used_kib, 0) <= told->max_kib);
	return 0;
}

static void use(struct history *history)
{
	struct found found = { 0 };
	struct status status = { .fleet = &found.fleet };
	const char *why = NULL;
	size_t length;
	void *bytes;

	find(&found, history);
	must(!history_tick(history, &status, NOW_MS));
	for (size_t i = 0; i < found.fleet.n_vms; i++) {
		struct told told = {
			.max_kib = found.vms[i].sample.max_kib,
			.age_ms = UINT64_MAX,
		};

		must(!history_each(history, found.vms[i].sample.uuid, NOW_MS, UINT64_MAX, take,
				   &told));
	}
	must(!history_encode(history, NOW_MS, WALL_MS, &bytes, &length));
	must(!history_decode(history, bytes, length, NOW_MS, WALL_MS, &why));
	free(bytes);
}

static void read_bytes(const uint8_t *bytes, size_t length)
{
	struct history *history = history_new();
	const char *why = NULL;
	int ret;

	must(history);
	ret = history_decode(history, bytes, length, NOW_MS, WALL_MS, &why);
	must(!ret || ret == -EINVAL || ret == -ENOMEM);
	must(ret != -EINVAL || why);
	if (!ret)
		use(history);
	else
		must(!history->before.n && !history->before_until_ms);
	history_free(history);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *sealed = fuzz_sealed(data, size);

	read_bytes(data, size);
	read_bytes(sealed, size + FUZZ_CHECKSUM_LEN);
	free(sealed);
	return 0;
}
