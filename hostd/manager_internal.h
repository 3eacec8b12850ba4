/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the manager's parts share:
 *
 *   manager.c        connection, when to sample, when a tick is due
 *   manager_vms.c    learning about a VM: description, metadata, settings
 *   manager_bounds.c   what guests can bring about as often as they like
 *   manager_signals.c  what only the host can see of a VM
 *   manager_state.c    what outlives the daemon
 *   manager_judge.c  the tick itself: judge freshness, decide, act, log
 *   manager_reload.c   new settings
 *   manager_refuse.c   targets that libvirt does not take
 *   manager_reserve.c  memory for a VM that is about to start
 *   manager_release.c  leaving with every VM back at its maximum
 */
#ifndef AEROSTAT_MANAGER_INTERNAL_H
#define AEROSTAT_MANAGER_INTERNAL_H

#include "actuator/balloon.h"
#include "manager.h"
#include "publish/telemetry.h"
#include "source/libvirt.h"
#include "source/pressure.h"
#include "source/sampler.h"
#include "source/signals.h"

struct manager_state; /* manager_state.c */

struct manager {
	sd_event *event;
	const struct manager_options *options;
	struct conf *conf;
	char *uri; /* of the libvirt that it is about; stays, whatever a reload brings */
	bool reloading; /* files are being read */
	bool reserve_rejected; /* the one that is configured is none for this host; has been logged */
	struct link *link;
	struct balloon_actuator actuator;
	bool paused; /* by order: decisions are not carried out */
	bool stopping; /* completions only clean up */

	struct fleet fleet;
	struct host_sample host;
	struct manager_state *state; /* NULL: nothing is kept */
	struct signals *signals; /* NULL: none were asked for */
	bool signals_late; /* a round hangs; has been logged */
	const char *delays_unavailable; /* static; what was last logged about them */
	struct host_detail host_detail;
	struct policy_state policy_state;
	struct host_decision host_decision;
	uint64_t ticks; /* how often all VMs were judged; 0: host_decision holds nothing yet */
	uint64_t judged_ms; /* monotonic; when that was last; 0: not since libvirt came */
	uint64_t late_ticks; /* of them, those that came more than an interval late */
	struct policy_vm *policy_vms; /* scratch of a tick, kept from one to the next */
	size_t policy_vms_size;

	sd_event_source *tick_timer;
	uint64_t timer_ms; /* monotonic; when it last fired */
	uint64_t tick_ms; /* monotonic; when the last tick began */

	struct rate early_others; /* ticks for the sake of VMs that are not known yet */
	struct rate outages; /* of which rounds without a roster are logged */
	struct gone_vms *gone; /* manager_bounds.c; NULL: nobody has gone yet */

	bool remote; /* the VMs' host is not this one: libvirt tells of its memory */
	struct sampler *sampler;
	struct pressure *pressure; /* NULL: the kernel has no triggers for us */
	bool pressed; /* the host has stalled since the last decisions */
	bool tick_again; /* something happened while a round was under way */
	uint64_t thawed_ms; /* monotonic; when an answer that came late last brought a tick */
	uint64_t sampled_ms; /* when a round last brought numbers; 0: never */
	struct opt_u64 sampling_us; /* how long the last round took */
	bool late_logged; /* this episode of rounds without a roster has had its line */

	unsigned int describing; /* jobs in flight, ... */
	unsigned int setting; /* ... */
	struct telemetry telemetry;
	struct reservation *reservations; /* in the order they came in (manager_reserve.c) */

	/* manager_release() */
	bool releasing; /* nothing is decided any more */
	void (*released)(void *userdata); /* NULL: has been called */
	void *released_userdata;
	sd_event_source *release_timer;

	bool failed; /* something that --once is to report by its exit code */
};

/* manager.c */

/* Ask for a tick as soon as the least gap between two allows. */
void manager_tick_soon(struct manager *manager);

/* A call that hung has come back: look again at what it hung at, unless that was done just now. */
void manager_thawed(struct manager *manager);

/* With --once: end the loop when nothing is left to be waited for. */
void manager_once_progress(struct manager *manager);

/* The libvirt that it is about. */
const char *manager_uri(const struct manager *manager);

/* manager_vms.c */

/* Begin to learn about each VM of which something is not known, or may have changed. */
void manager_describe_fleet(struct manager *manager);

/* Something about this VM has changed: learn it anew. */
void manager_describe_vm(struct manager *manager, struct vm *vm);

/* Find the settings that apply to a VM, from configuration and metadata. */
void manager_settle_vm(struct manager *manager, struct vm *vm);

/* manager_signals.c */

/* Begin to look at what only the host can see of the VMs. */
void manager_gather_signals(struct manager *manager);

/* manager_state.c */

/* Before the loop runs: read what was kept. Returns 0 or -ENOMEM; a damaged file is no error. */
int manager_state_load(struct manager *manager);

/* To a VM that was just found. */
void manager_state_restore(struct manager *manager, struct vm *vm);

/* Something has changed that must not wait minutes to be kept: it is written after the next tick. */
void manager_state_changed(struct manager *manager);

/* After a tick: begin to write it, where that is due. */
void manager_state_save(struct manager *manager);

/* After the loop, with all VMs still known: write it, and wait for that. */
void manager_state_end(struct manager *manager);

/* manager_reload.c */

/* In each tick: whether the reserve that is configured can be this host's, said when that changes. */
void manager_check_reserve(struct manager *manager);

/* manager_release.c */

/* A target has arrived, or has not: while releasing, go on with that VM or end. */
void manager_release_progress(struct manager *manager);

/* manager_judge.c */

/* The second half of a tick, with fresh statistics in the table. */
void manager_judge(struct manager *manager);

/* The actuator's completion. */
void manager_set_done(void *userdata, const char *uuid, uint64_t target_kib, int error,
		      const char *why);

/* manager_bounds.c */

/* A VM is gone, or found: what its guest may bring about is counted over its runs. */
void manager_bounds_keep(struct manager *manager, const struct vm *vm);
void manager_bounds_restore(struct manager *manager, struct vm *vm);

/* How long ago it has booted, of boots as often as they count. */
uint64_t manager_up_ms(const struct manager *manager, struct vm *vm, uint64_t now_ms);

/* Whether this is a reason for an early tick. `vm` NULL: not known yet. `event` NULL: news of it. */
bool manager_event_counts(struct manager *manager, struct vm *vm, const struct domain_event *event);

/* manager_refuse.c */

/* A target was not set: this VM is asked again only after a while. */
void manager_refused(struct manager *manager, struct vm *vm, uint64_t target_kib, int error,
		     const char *why);

void manager_taken(struct vm *vm); /* one was set */

/* What may have been in the way is gone: ask again in the next tick. */
void manager_refusal_retry(struct vm *vm);

/* For how long it is not to be asked, because the last target was refused; 0: it may be. */
uint64_t manager_refused_ms(const struct vm *vm, uint64_t now_ms);

/* manager_orders.c */

/* The VM's settings as they are in this tick: with what has been ordered. */
const struct vm_settings *manager_vm_settings(const struct manager *manager, struct vm *vm,
					      uint64_t now_ms);

#endif
