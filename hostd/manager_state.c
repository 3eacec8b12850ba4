// SPDX-License-Identifier: GPL-2.0
/*
 * What outlives the daemon (store/state_file.h): read once before the loop runs, given to each VM
 * when it is found, written every few minutes, and after each order, on a worker's thread, because a
 * disk can take its time, and once more at the end. A file that cannot be understood is set aside and said; the
 * daemon then begins without.
 */
#include "manager_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "manager_orders.h"
#include "publish/history.h"
#include "store/disk.h"
#include "store/state_file.h"
#include "util/log.h"

#define STATE_NAME	 "state"
#define STATE_MAX_BYTES	 ((size_t)128 << 20) /* more than STATE_FILE_VMS_MAX of them take */
#define SAVE_INTERVAL_MS ((uint64_t)5 * 60 * 1000) /* what kill -9 may cost, of a day's history */

struct manager_state {
	const char *directory;
	struct state_vms loaded; /* sorted by UUID; empty once it is of no more use */
	uint64_t loaded_age_ms; /* how old it was when it was read, ... */
	uint64_t loaded_ms; /* ... at this time */
	bool saving; /* a job is at it */
	bool changed; /* an order is not in the file yet */
	uint64_t saved_ms;
	bool save_failed; /* has been logged */
};

struct save_job {
	struct job job; /* first */
	struct manager *manager;
	const char *directory; /* the manager's options', which stay */
	void *bytes;
	size_t length;
	void *history; /* NULL: not this time */
	size_t history_length;
};

static int compare_uuids(const void *a, const void *b)
{
	return strcmp(((const struct state_vm *)a)->uuid, ((const struct state_vm *)b)->uuid);
}

static void set_aside(const char *directory, const char *why)
{
	int ret = disk_set_aside(directory, STATE_NAME);

	if (ret)
		log_warning(
			"%s/%s: %s; what VMs usually need is learnt anew, and orders are forgotten; setting it aside: %s",
			directory, STATE_NAME, why, strerror(-ret));
	else
		log_warning("%s/%s: %s; it is set aside as %s.damaged, what VMs usually need is "
			    "learnt anew, and orders are forgotten",
			    directory, STATE_NAME, why, STATE_NAME);
}

static void take_file(struct manager *manager, const void *bytes, size_t length)
{
	uint64_t wall_ms = clock_wall_ms(&manager->options->clock);
	struct manager_state *state = manager->state;
	const char *why = strerror(ENOMEM);

	if (state_file_decode(bytes, length, &state->loaded, &why)) {
		set_aside(state->directory, why);
		return;
	}
	qsort(state->loaded.vms, state->loaded.n_vms, sizeof(*state->loaded.vms), compare_uuids);
	state->loaded_ms = clock_monotonic_ms();
	/* A clock that was set back tells no age. */
	if (wall_ms > state->loaded.saved_wall_ms)
		state->loaded_age_ms = wall_ms - state->loaded.saved_wall_ms;
	manager->paused = state->loaded.paused;
	if (manager->paused)
		log_info("all VMs: still paused by order, since before the restart");
	log_info("%s/%s: what %zu VMs usually need is known from %" PRIu64 " s ago",
		 state->directory, STATE_NAME, state->loaded.n_vms, state->loaded_age_ms / 1000);
}

int manager_state_load(struct manager *manager)
{
	const char *directory = manager->options->state_directory;
	void *bytes;
	size_t length;
	int ret;

	if (!directory)
		return 0;
	manager->state = calloc(1, sizeof(*manager->state));
	if (!manager->state)
		return -ENOMEM;
	manager->state->directory = directory;
	manager->state->saved_ms = clock_monotonic_ms();
	ret = disk_read(directory, STATE_NAME, STATE_MAX_BYTES, &bytes, &length);
	if (ret == -ENOENT)
		return 0;
	if (ret) {
		set_aside(directory, strerror(-ret));
		return 0;
	}
	take_file(manager, bytes, length);
	free(bytes);
	return 0;
}

/* What was ordered goes on, a boost for what is left of its time. */
static void restore_orders(const struct state_vm *found, uint64_t now_ms, uint64_t age_ms,
			   struct vm *vm)
{
	uint64_t left_ms = found->boost_left_ms < BOOST_MAX_MS ? found->boost_left_ms
							       : BOOST_MAX_MS;

	if (found->paused)
		log_info("%s: still paused by order, since before the restart", vm->name);
	vm->orders = (struct vm_orders){ .paused = found->paused };
	if (left_ms > age_ms) {
		vm->orders.boost_kib = found->boost_kib;
		vm->orders.boost_until_ms = now_ms + left_ms - age_ms;
		log_info("%s: still boosted by order: at least %" PRIu64 " KiB for another %" PRIu64
			 " s",
			 vm->name, found->boost_kib, (left_ms - age_ms) / 1000);
	}
}

void manager_state_restore(struct manager *manager, struct vm *vm)
{
	struct manager_state *state = manager->state;
	struct state_vm *found;
	struct state_vm key = { .uuid = "" };
	uint64_t now_ms = clock_monotonic_ms();
	uint64_t age_ms;

	if (!state || !state->loaded.n_vms)
		return;
	age_ms = state->loaded_age_ms + (now_ms - state->loaded_ms);
	memcpy(key.uuid, vm->sample.uuid, sizeof(key.uuid));
	found = bsearch(&key, state->loaded.vms, state->loaded.n_vms, sizeof(key), compare_uuids);
	if (!found)
		return;
	if (found->restored)
		return;
	found->restored = true;
	if (found->paused || found->boost_left_ms)
		restore_orders(found, now_ms, age_ms, vm);
	/* What it needed before that is not what it usually needs. */
	if (age_ms <= manager->conf->policy.window_ms)
		vm_take_back(&found->kept, now_ms, age_ms, &vm->state);
}

static int encode(const struct manager *manager, void **ret_bytes, size_t *ret_length)
{
	const struct fleet *fleet = &manager->fleet;
	uint64_t now_ms = clock_monotonic_ms();
	struct state_vms state = {
		.saved_wall_ms = clock_wall_ms(&manager->options->clock),
		.paused = manager->paused,
		.n_vms = fleet->n_vms,
	};
	int ret;

	state.vms = calloc(fleet->n_vms + 1, sizeof(*state.vms));
	if (!state.vms)
		return -ENOMEM;
	for (size_t i = 0; i < fleet->n_vms; i++) {
		const struct vm *vm = fleet->vms[i];

		memcpy(state.vms[i].uuid, vm->sample.uuid, sizeof(state.vms[i].uuid));
		vm_keep(&vm->state, now_ms, &state.vms[i].kept);
		state.vms[i].paused = vm->orders.paused;
		state.vms[i].boost_kib = vm->orders.boost_kib;
		if (vm->orders.boost_until_ms > now_ms)
			state.vms[i].boost_left_ms = vm->orders.boost_until_ms - now_ms;
	}
	ret = state_file_encode(&state, ret_bytes, ret_length);
	state_vms_clear(&state);
	return ret;
}

static void note_saved(struct manager_state *state, int error)
{
	if (error && !state->save_failed)
		log_warning(
			"%s/%s: not written: %s; a restart would learn anew what VMs usually need, "
			"and forget orders",
			state->directory, STATE_NAME, strerror(-error));
	else if (!error && state->save_failed)
		log_info("%s/%s: written again", state->directory, STATE_NAME);
	state->save_failed = error != 0;
}

static int run_save(struct job *job, virConnectPtr unused)
{
	const struct save_job *save = (struct save_job *)job;
	int ret = disk_replace(save->directory, STATE_NAME, save->bytes, save->length);

	(void)unused;
	if (!ret && save->history)
		ret = disk_replace(save->directory, HISTORY_FILE_NAME, save->history,
				   save->history_length);
	return ret;
}

static void done_save(struct job *job)
{
	struct save_job *save = (struct save_job *)job;

	save->manager->state->saving = false;
	note_saved(save->manager->state, job->error);
	free(save->bytes);
	free(save->history);
	free(save);
}

/* Nothing is worth keeping of VMs that were only looked at, or of one look. */
static bool keeps(const struct manager *manager)
{
	return manager->state && !manager->options->dry_run && !manager->options->once &&
	       manager->ticks;
}

void manager_state_changed(struct manager *manager)
{
	if (manager->state)
		manager->state->changed = true;
}

void manager_state_save(struct manager *manager)
{
	struct manager_state *state = manager->state;
	uint64_t now_ms = clock_monotonic_ms();
	struct save_job *save;
	bool due;

	if (!keeps(manager) || state->saving)
		return;
	due = now_ms - state->saved_ms >= SAVE_INTERVAL_MS;
	if (!due && !state->changed)
		return;
	if (due) {
		state->saved_ms = now_ms;
		/* Who has not come back by now does not run here. */
		state_vms_clear(&state->loaded);
	}
	state->changed = false;
	save = calloc(1, sizeof(*save));
	if (!save || encode(manager, &save->bytes, &save->length)) {
		note_saved(state, -ENOMEM);
		free(save);
		return;
	}
	/* Without, only a picture has a gap after a restart. */
	if (due && manager->options->keep)
		manager->options->keep(manager->options->userdata, &save->history,
				       &save->history_length);
	save->job.run = run_save;
	save->job.done = done_save;
	save->job.without_connection = true;
	save->manager = manager;
	save->directory = state->directory;
	state->saving = true;
	workers_submit(link_workers(manager->link), &save->job);
}

void manager_state_end(struct manager *manager)
{
	struct manager_state *state = manager->state;
	size_t length;
	void *bytes;
	int ret;

	if (!state)
		return;
	/* One that is still being written holds the same, but for the last minutes. */
	if (keeps(manager) && !state->saving) {
		ret = encode(manager, &bytes, &length);
		if (!ret) {
			ret = disk_replace(state->directory, STATE_NAME, bytes, length);
			free(bytes);
		}
		note_saved(state, ret);
	}
	if (state->saving)
		return; /* its job uses it, and ends with the process */
	state_vms_clear(&state->loaded);
	free(state);
	manager->state = NULL;
}
