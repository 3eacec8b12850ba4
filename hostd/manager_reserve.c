// SPDX-License-Identifier: GPL-2.0
/*
 * Reservations queue up: the first is served first, each when what is held covers it and all before
 * it. One that could not be had even if all VMs gave all they can waits, without their being squeezed
 * for it, and stands in nobody's way: somebody may stop. One that waits has a timer of its own, and so
 * has one that is held, because a caller may have died, or the VM may not have started after all. One
 * that names its VM is for that alone, and another for the same takes its place; what names none is for
 * whoever starts next.
 */
#include "manager_reserve.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "manager_internal.h"
#include "util/log.h"
#include "util/printable.h"

#define RESERVATIONS_MAX 16
#define TIMEOUT_MAX_MS	 ((uint64_t)60 * 60 * 1000)

/* Timers may be this late; nobody counts milliseconds here. */
#define TIMER_ACCURACY_US 50000

/* Of those who keep most, so many are named. */
#define NAMED_MAX 3

#define WHY_LEN 512

struct reservation {
	struct reservation *next;
	struct manager *manager;
	char *vm; /* its name or UUID; NULL: any */
	uint64_t size_kib;
	uint64_t timeout_ms;
	sd_event_source *timer; /* until it is given up or, once held, let go */
	bool held;
	bool sought; /* it could be had if all others gave what they can: they are asked to */
	reserve_done_fn done;
	void *userdata;
};

static void unlink_reservation(struct reservation *reservation)
{
	struct reservation **at = &reservation->manager->reservations;

	while (*at != reservation)
		at = &(*at)->next;
	*at = reservation->next;
}

static void reservation_free(struct reservation *reservation)
{
	sd_event_source_disable_unref(reservation->timer);
	free(reservation->vm);
	free(reservation);
}

/* Given up before its time: whoever waits for it hears why. */
static void drop(struct reservation *reservation, const char *why)
{
	unlink_reservation(reservation);
	if (!reservation->held)
		reservation->done(reservation->userdata, -ECANCELED, why);
	reservation_free(reservation);
}

static bool is_for(const struct reservation *reservation, const struct vm *vm)
{
	return reservation->vm &&
	       (!strcmp(reservation->vm, vm->name) || !strcmp(reservation->vm, vm->sample.uuid));
}

static const char *whose(const struct reservation *reservation)
{
	return reservation->vm ? reservation->vm : "a VM about to start";
}

static uint64_t kept_kib(const struct vm *vm)
{
	uint64_t actual_kib = opt_or(vm->sample.actual_kib, 0);

	if (vm->sample.apart || vm->stopped)
		return 0;
	return actual_kib > vm->decision.reservation_kib ? actual_kib - vm->decision.reservation_kib
							 : 0;
}

/* The VM that keeps most above its reservation, of those that keep less than `below`. */
static const struct vm *next_keeper(const struct manager *manager, const struct vm *below)
{
	const struct vm *most = NULL;

	for (size_t i = 0; i < manager->fleet.n_vms; i++) {
		const struct vm *vm = manager->fleet.vms[i];

		if (!vm->decided_ms || !kept_kib(vm) ||
		    (below && (kept_kib(vm) > kept_kib(below) ||
			       (kept_kib(vm) == kept_kib(below) && vm <= below))))
			continue;
		if (!most || kept_kib(vm) > kept_kib(most) ||
		    (kept_kib(vm) == kept_kib(most) && vm < most))
			most = vm;
	}
	return most;
}

/* Who did not give what was asked for. */
static void describe_refusal(const struct reservation *reservation, char *why)
{
	const struct manager *manager = reservation->manager;
	const struct vm *vm = NULL;
	int used;

	used = snprintf(why, WHY_LEN, "of %" PRIu64 " KiB only %" PRIu64 " KiB could be freed",
			reservation->size_kib,
			reservation->sought ? manager->host_decision.held_kib
					    : manager->host_decision.holdable_kib);
	for (unsigned int i = 0; i < NAMED_MAX && used < WHY_LEN; i++) {
		vm = next_keeper(manager, vm);
		if (!vm)
			break;
		used += snprintf(why + used, WHY_LEN - (size_t)used,
				 "; %s keeps %" PRIu64 " KiB above its reservation: %s", vm->name,
				 kept_kib(vm), reason_to_sentence(vm->decision.reason));
	}
}

static void give_up(const struct reservation *reservation)
{
	const struct manager *manager = reservation->manager;
	bool judged = manager->judged_ms != 0;
	char why[WHY_LEN] = "libvirt does not answer, so nothing is known of the VMs";

	if (judged)
		describe_refusal(reservation, why);
	log_warning("nothing is held for %s: %s", whose(reservation), why);
	reservation->done(reservation->userdata, judged ? -ETIMEDOUT : -EAGAIN, why);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct reservation *reservation = userdata;
	struct manager *manager = reservation->manager;

	(void)source;
	(void)usec;
	unlink_reservation(reservation);
	if (reservation->held) {
		log_info("no VM has started for the %" PRIu64 " KiB held free%s%s; let go",
			 reservation->size_kib, reservation->vm ? " for " : "",
			 reservation->vm ? reservation->vm : "");
	} else {
		give_up(reservation);
	}
	reservation_free(reservation);
	manager_tick_soon(manager);
	return 0;
}

static struct reservation **queue_end(struct manager *manager, unsigned int *ret_n)
{
	struct reservation **at = &manager->reservations;

	*ret_n = 0;
	while (*at) {
		at = &(*at)->next;
		(*ret_n)++;
	}
	return at;
}

/*
 * Nothing can be said yet. Nor would waiting help whoever starts a VM: libvirt does not tell who runs
 * while it does that.
 */
static bool not_ready(const struct manager *manager)
{
	return !manager->ticks || !sampler_has_roster(manager->sampler);
}

/* Why it is refused at once; NULL: it is not. */
static const char *cannot_be(const struct manager *manager, uint64_t size_kib, uint64_t timeout_ms,
			     unsigned int n_before)
{
	uint64_t total_kib;

	if (!size_kib || !timeout_ms || timeout_ms > TIMEOUT_MAX_MS)
		return "a size is needed, and a time of an hour at most";
	if (!opt_get(manager->host.total_kib, &total_kib) ||
	    !manager->host_decision.capacity_kib.known)
		return "how much memory VMs may have is not known";
	if (size_kib > total_kib)
		return "the host does not have so much memory";
	if (n_before >= RESERVATIONS_MAX)
		return "too many reservations are waiting";
	return NULL;
}

/* That there is such a VM already; and another reservation for the same one is no more. */
static int make_way(struct manager *manager, const char *vm)
{
	const struct reservation wanted = { .vm = (char *)vm };

	for (size_t i = 0; i < manager->fleet.n_vms; i++)
		if (!manager->fleet.vms[i]->stopped && is_for(&wanted, manager->fleet.vms[i]))
			return -EEXIST;
	for (struct reservation *r = manager->reservations; r; r = r->next) {
		if (!r->vm || strcmp(r->vm, vm) != 0)
			continue;
		drop(r, "another reservation for the same VM has taken its place");
		break; /* there is one at most */
	}
	return 0;
}

/* Names are compared as they are shown (domains.c). NULL: out of memory, or none was given. */
static char *shown_name(const char *vm)
{
	char *shown = vm ? strdup(vm) : NULL;

	if (shown)
		text_make_printable(shown);
	return shown;
}

int manager_reserve(struct manager *manager, const char *vm, uint64_t size_kib, uint64_t timeout_ms,
		    reserve_done_fn done, void *userdata, struct conf_error *ret_why)
{
	struct reservation *reservation, **end;
	const char *why;
	unsigned int n;
	int ret;

	if (not_ready(manager)) {
		snprintf(ret_why->text, sizeof(ret_why->text),
			 "libvirt is away, or has not said yet which VMs run");
		return -EAGAIN;
	}
	queue_end(manager, &n);
	why = cannot_be(manager, size_kib, timeout_ms, n);
	if (why) {
		snprintf(ret_why->text, sizeof(ret_why->text), "%s", why);
		return -ERANGE;
	}
	reservation = calloc(1, sizeof(*reservation));
	if (!reservation)
		return -ENOMEM;
	reservation->manager = manager;
	reservation->vm = shown_name(vm);
	if (vm && !reservation->vm) {
		free(reservation);
		return -ENOMEM;
	}
	if (vm && make_way(manager, reservation->vm)) {
		snprintf(ret_why->text, sizeof(ret_why->text), "%.100s runs already",
			 reservation->vm);
		reservation_free(reservation);
		return -EINVAL;
	}
	end = queue_end(manager, &n);
	reservation->size_kib = size_kib;
	reservation->timeout_ms = timeout_ms;
	reservation->done = done;
	reservation->userdata = userdata;
	ret = sd_event_add_time_relative(manager->event, &reservation->timer, CLOCK_MONOTONIC,
					 timeout_ms * 1000, TIMER_ACCURACY_US, on_timer,
					 reservation);
	if (ret < 0) {
		reservation_free(reservation);
		return ret;
	}
	*end = reservation;
	log_info("%" PRIu64 " KiB are to be free for %s", size_kib, whose(reservation));
	manager_tick_soon(manager);
	return 0;
}

/* Each is bounded by the host's memory, and so is their number: no sum of them overflows. */
static uint64_t sum_held_kib(const struct manager *manager)
{
	uint64_t sum_kib = 0;

	for (const struct reservation *r = manager->reservations; r; r = r->next)
		if (r->held)
			sum_kib += r->size_kib;
	return sum_kib;
}

/* As of the last tick, besides what is held or sought for others. */
static bool could_be_had(const struct reservation *reservation, uint64_t others_kib)
{
	return others_kib + reservation->size_kib <=
	       reservation->manager->host_decision.holdable_kib;
}

uint64_t manager_reserve_hold_kib(struct manager *manager)
{
	uint64_t sum_kib = sum_held_kib(manager);

	for (struct reservation *r = manager->reservations; r; r = r->next) {
		if (r->held)
			continue;
		r->sought = could_be_had(r, sum_kib);
		if (r->sought)
			sum_kib += r->size_kib;
	}
	return sum_kib;
}

void manager_reserve_judged(struct manager *manager)
{
	uint64_t sum_kib = sum_held_kib(manager);

	for (struct reservation *r = manager->reservations; r; r = r->next) {
		/* Somebody has stopped: ask the others for it now. */
		if (!r->held && !r->sought && could_be_had(r, sum_kib))
			manager_tick_soon(manager);
		if (r->held || !r->sought)
			continue;
		sum_kib += r->size_kib;
		if (sum_kib > manager->host_decision.held_kib)
			return;
		r->held = true;
		sd_event_source_set_time_relative(r->timer, r->timeout_ms * 1000);
		sd_event_source_set_enabled(r->timer, SD_EVENT_ONESHOT);
		log_info("%" PRIu64 " KiB are held free for %s", r->size_kib, whose(r));
		r->done(r->userdata, 0, "");
	}
}

/* The one that names it; else, of those that name nobody, the first that is held. */
static struct reservation *find_for(const struct manager *manager, const struct vm *vm)
{
	struct reservation *anybodys = NULL;

	for (struct reservation *r = manager->reservations; r; r = r->next) {
		if (is_for(r, vm))
			return r;
		if (!anybodys && !r->vm && r->held)
			anybodys = r;
	}
	return anybodys;
}

void manager_reserve_started(struct manager *manager, const struct vm *vm)
{
	struct reservation *r = find_for(manager, vm);

	if (!r)
		return;
	if (r->held)
		log_info("%s has started: the %" PRIu64 " KiB held free are its own", vm->name,
			 r->size_kib);
	drop(r, "it has started already");
}

void manager_reserve_clear(struct manager *manager)
{
	while (manager->reservations) {
		struct reservation *r = manager->reservations;

		manager->reservations = r->next;
		reservation_free(r);
	}
}
