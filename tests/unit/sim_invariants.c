// SPDX-License-Identifier: GPL-2.0
/*
 * The invariants (sim_invariants.h), one function each. Where a rule has bands and margins by
 * design (dead-band, float, pages), the check allows for them and says so.
 */
#include "sim_invariants.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PAGE_SLACK_KIB 16 /* rounding, of one VM */
#define RELIEF_BANDS   1 /* a need within the dead-band is not moved for */
#define NOTICE_S       15 /* three reports: what is short for so long is known to be */
#define PATIENCE_S     40 /* that somebody may be short of memory that is there */
#define SHORT_FRACTION 0.05 /* of the working set, in swap */
#define REST_S	       300 /* at the end of a calm run, in which nothing moves */

/* One tick, as the checks want it. */
struct look {
	struct watcher *watcher;
	const struct run_view *view;
	const struct sim_tick *tick;
	const struct policy_vm *judged;
	const struct host_decision *host;
	int64_t free_kib; /* of the host's memory, if the VMs touched all they hold */
	int64_t reserve_kib;
};

static int64_t kib(uint64_t value)
{
	return (int64_t)value;
}

static int64_t actual(const struct sim_vm *vm)
{
	return kib(opt_or(vm->sample->actual_kib, 0));
}

static int64_t holds(const struct sim_vm *vm)
{
	return kib(sim_max(opt_or(vm->sample->actual_kib, 0), vm->target_kib));
}

/* Where it is to go after this tick. */
static int64_t heading(const struct sim_vm *vm)
{
	return kib(vm->set ? vm->set_kib : vm->target_kib);
}

static int64_t band(const struct look *look, const struct sim_vm *vm)
{
	const struct policy_settings *settings = &look->watcher->world->conf->policy;
	int64_t share = actual(vm) * settings->dead_band_permille / 1000;
	int64_t least = kib(settings->dead_band_kib);

	return (share > least ? share : least) + PAGE_SLACK_KIB;
}

static bool fresh(const struct look *look, const struct sim_vm *vm)
{
	return opt_or(vm->sample->stats_age_ms, UINT64_MAX) <=
	       look->watcher->world->conf->policy.stale_ms;
}

/* Nothing forbids to move it now. */
static bool ours(const struct sim_vm *vm)
{
	return vm->settings->mode == VM_MODE_AUTO && vm->sample->has_balloon &&
	       vm->sample->run_state == VM_RUNNING;
}

/* It is known to move badly, or to be somebody else's at the moment. */
static bool left_alone(const struct policy_vm *judged)
{
	return judged->decision.reason == REASON_STUCK ||
	       judged->decision.reason == REASON_FOREIGN || judged->state->movement.stuck;
}

__attribute__((format(printf, 4, 5))) static bool broken(const struct look *look,
							 enum invariant invariant,
							 const struct sim_vm *vm,
							 const char *format, ...)
{
	struct watcher *watcher = look->watcher;
	va_list arguments;
	int length;

	watcher->broken = invariant;
	length = snprintf(watcher->what, sizeof(watcher->what),
			  "at %" PRId64 " s, %s: ", look->tick->now_s,
			  vm ? vm->sample->name : "host");
	va_start(arguments, format);
	vsnprintf(watcher->what + length, sizeof(watcher->what) - (size_t)length, format,
		  arguments);
	va_end(arguments);
	return false;
}

static bool check_bounds(const struct look *look)
{
	for (size_t i = 0; i < look->tick->n_vms; i++) {
		const struct sim_vm *vm = &look->tick->vms[i];
		const struct vm_decision *decision = &look->judged[i].decision;
		int64_t set = kib(vm->set_kib), limit = kib(vm->limit_kib);

		if (decision->reservation_kib > decision->limit_kib ||
		    decision->limit_kib > vm->sample->max_kib)
			return broken(look, INVARIANT_BOUNDS, vm, "bounds are out of order");
		if (!vm->set)
			continue;
		/* One that was above its limit, or below its reservation, is on its way. */
		if (set > limit && set > holds(vm))
			return broken(look, INVARIANT_BOUNDS, vm, "set to %" PRId64 " of %" PRId64,
				      set, limit);
		if (set < kib(vm->reservation_kib) && set < kib(vm->target_kib) && set < actual(vm))
			return broken(look, INVARIANT_BOUNDS, vm,
				      "set to %" PRId64 ", reserved %" PRIu64, set,
				      vm->reservation_kib);
		if (set > kib(vm->sample->max_kib))
			return broken(look, INVARIANT_BOUNDS, vm, "above its maximum");
	}
	return true;
}

/*
 * What of the host's memory no VM holds, was promised, or is resident in its name. `lenient`: a
 * promise that is withdrawn in this tick counts no more, and a VM that boots, which holds its
 * maximum, counts with what it has touched.
 */
static int64_t free_of(const struct run_view *view, const struct policy_settings *settings,
		       bool lenient)
{
	double memory_mib = view->host->ram_mib - MODEL_HOST_OWN_MIB;
	double used_mib = view->host->resident_mib - view->host->swap_mib;
	int64_t free_kib = (int64_t)(memory_mib * MODEL_KIB_PER_MIB);
	int64_t left_kib = (int64_t)(used_mib * MODEL_KIB_PER_MIB);

	for (size_t i = 0; i < view->tick->n_vms; i++) {
		const struct sim_vm *vm = &view->tick->vms[i];
		int64_t resident = kib(opt_or(vm->sample->rss_kib, 0));
		int64_t kept = holds(vm);

		if (lenient && heading(vm) < kib(vm->target_kib) && heading(vm) >= actual(vm))
			kept = heading(vm);
		if (lenient && vm->sample->up_ms < settings->boot_grace_ms)
			kept = 0;
		free_kib -= kept > resident ? kept : resident;
		left_kib -= resident;
	}
	/* What a VM that ended left behind is free on the host in the next second. */
	return left_kib > 0 ? free_kib - left_kib : free_kib;
}

static bool check_free_first(const struct look *look)
{
	int64_t granted = 0,
		free_kib = free_of(look->view, &look->watcher->world->conf->policy, true);

	for (size_t i = 0; i < look->tick->n_vms; i++) {
		const struct sim_vm *vm = &look->tick->vms[i];

		if (vm->set && kib(vm->set_kib) > holds(vm))
			granted += kib(vm->set_kib) - holds(vm);
	}
	if (granted <= (free_kib > 0 ? free_kib : 0) + PAGE_SLACK_KIB * (int64_t)look->tick->n_vms)
		return true;
	return broken(look, INVARIANT_FREE_FIRST, NULL,
		      "granted %" PRId64 " KiB, free were %" PRId64, granted, free_kib);
}

static bool check_stale(const struct look *look)
{
	for (size_t i = 0; i < look->tick->n_vms; i++) {
		const struct sim_vm *vm = &look->tick->vms[i];

		/* A target that was never reached may be taken back to where the VM is. */
		if (vm->set && !fresh(look, vm) && kib(vm->set_kib) < kib(vm->target_kib) &&
		    kib(vm->set_kib) < actual(vm))
			return broken(look, INVARIANT_STALE, vm,
				      "set from %" PRIu64 " to %" PRIu64 " without statistics",
				      vm->target_kib, vm->set_kib);
		/* Nor is it left on its way down. */
		if (!fresh(look, vm) && ours(vm) && !left_alone(&look->judged[i]) &&
		    heading(vm) + band(look, vm) < actual(vm))
			return broken(look, INVARIANT_STALE, vm,
				      "at %" PRId64 ", goes on to %" PRId64 " without statistics",
				      actual(vm), heading(vm));
	}
	return true;
}

/* The part of its working set that is missing is more than a moment's. */
static bool truly_short(const struct look *look, const struct sim_vm *vm)
{
	const struct guests *guests = look->view->guests;
	const struct guest_spec *spec = &guests->specs[vm->index];

	return spec->lie == GUEST_HONEST && !spec->silent && !spec->lowest_fraction &&
	       !spec->pause_s && spec->inflate_mib_s > 1 && spec->deflate_mib_s > 1 && ours(vm) &&
	       guests->swap_mib[vm->index] >
		       SHORT_FRACTION * guests->demand.working_set_mib[vm->index] + 1;
}

/* In a world where all have the same settings and size, nobody gets more than one in want has. */
/* For long enough that its statistics show it, and not since it was last given memory. */
static void note_short(const struct look *look)
{
	for (size_t i = 0; i < look->tick->n_vms; i++) {
		const struct sim_vm *vm = &look->tick->vms[i];
		struct watched_vm *watched = &look->watcher->vms[vm->index];

		if (!truly_short(look, vm) || !fresh(look, vm) ||
		    (vm->set && kib(vm->set_kib) > holds(vm)))
			watched->swaps_since_s = -1;
		else if (watched->swaps_since_s < 0)
			watched->swaps_since_s = look->tick->now_s;
	}
}

static bool known_short(const struct look *look, const struct sim_vm *vm)
{
	int64_t since_s = look->watcher->vms[vm->index].swaps_since_s;

	return since_s >= 0 && look->tick->now_s - since_s >= NOTICE_S;
}

static bool check_liar(const struct look *look)
{
	const struct sim_vm *poorest = NULL;

	if (look->watcher->world->kind != WORLD_LIARS)
		return true;
	for (size_t i = 0; i < look->tick->n_vms; i++) {
		const struct sim_vm *vm = &look->tick->vms[i];

		if (known_short(look, vm) && (!poorest || heading(vm) < heading(poorest)))
			poorest = vm;
	}
	for (size_t i = 0; poorest && i < look->tick->n_vms; i++) {
		const struct sim_vm *vm = &look->tick->vms[i];

		if (look->view->guests->specs[vm->index].lie != GUEST_LIES_HIGH || !vm->set ||
		    kib(vm->set_kib) <= holds(vm))
			continue;
		if (kib(vm->set_kib) > heading(poorest) + 2 * band(look, vm))
			return broken(look, INVARIANT_LIAR, vm,
				      "given %" PRIu64 " while %s is short with %" PRId64,
				      vm->set_kib, poorest->sample->name, heading(poorest));
	}
	return true;
}

/* A VM in need is always given at once, and a host that is short takes at once. */
static bool emergency(const struct look *look, size_t i, int way)
{
	const struct sim_vm *vm = &look->tick->vms[i];
	enum reason reason = look->judged[i].decision.reason;

	if (way > 0)
		return reason != REASON_GROW;
	return look->host->state >= HOST_HARD || holds(vm) > kib(vm->limit_kib) ||
	       reason == REASON_STUCK;
}

static struct watched_vm watched_init(void)
{
	return (struct watched_vm){ .turned_s = -1, .short_since_s = -1, .swaps_since_s = -1 };
}

static bool check_turns(const struct look *look)
{
	const struct policy_settings *settings = &look->watcher->world->conf->policy;
	int64_t window_s = settings->turn_hold_urgent_ms / 1000;

	for (size_t i = 0; i < look->tick->n_vms; i++) {
		const struct sim_vm *vm = &look->tick->vms[i];
		struct watched_vm *watched = &look->watcher->vms[vm->index];
		int way;

		if (vm->started)
			*watched = watched_init();
		if (!vm->set || vm->set_kib == vm->target_kib)
			continue;
		way = vm->set_kib > vm->target_kib ? 1 : -1;
		if (watched->direction == -way && !emergency(look, i, way)) {
			if (watched->turned_s >= 0 &&
			    look->tick->now_s - watched->turned_s < window_s)
				return broken(look, INVARIANT_TURNS, vm,
					      "turned at %" PRId64 " s already", watched->turned_s);
			watched->turned_s = look->tick->now_s;
		}
		watched->direction = way;
	}
	return true;
}

static bool check_fixed_point(const struct look *look)
{
	if (look->watcher->world->kind != WORLD_CALM ||
	    look->tick->now_s < look->watcher->world->duration_s - REST_S)
		return true;
	for (size_t i = 0; i < look->tick->n_vms; i++) {
		const struct sim_vm *vm = &look->tick->vms[i];

		if (vm->set)
			return broken(look, INVARIANT_FIXED_POINT, vm,
				      "set from %" PRIu64 " to %" PRIu64 " (%s)", vm->target_kib,
				      vm->set_kib,
				      reason_to_string(look->judged[i].decision.reason));
	}
	return true;
}

/* What the VM is to have at once, if it is there; -1: nothing is known. */
static int64_t floor_of(const struct look *look, size_t i)
{
	const struct sim_vm *vm = &look->tick->vms[i];
	const struct vm_decision *decision = &look->judged[i].decision;
	int64_t floor = kib(vm->reservation_kib), due;

	if (!ours(vm) || left_alone(&look->judged[i]))
		return -1;
	if (!fresh(look, vm))
		return floor;
	due = kib(sim_min(opt_or(decision->demand_kib, 0), decision->entitlement_kib));
	return due > floor ? due : floor;
}

static bool check_relief(const struct look *look)
{
	int64_t missing = 0, spare = look->free_kib - look->reserve_kib;

	for (size_t i = 0; i < look->tick->n_vms; i++) {
		const struct sim_vm *vm = &look->tick->vms[i];
		int64_t most = kib(look->judged[i].decision.entitlement_kib);
		int64_t floor = floor_of(look, i);

		/* Who is in need may be given its whole entitlement, and others before it. */
		most = most > floor ? most : floor;
		if (ours(vm) && most > holds(vm))
			missing += most - holds(vm);
	}
	if (!missing || missing > spare - PAGE_SLACK_KIB * (int64_t)look->tick->n_vms)
		return true;
	for (size_t i = 0; i < look->tick->n_vms; i++) {
		const struct sim_vm *vm = &look->tick->vms[i];
		int64_t floor = floor_of(look, i);
		int64_t slack = holds(vm) < kib(vm->reservation_kib)
					? PAGE_SLACK_KIB
					: RELIEF_BANDS * band(look, vm);

		if (floor <= holds(vm) + slack || heading(vm) + slack >= floor)
			continue;
		return broken(look, INVARIANT_RELIEF, vm,
			      "has %" PRId64 ", is due %" PRId64 ", was set to %" PRId64
			      " with %" PRId64 " free, the policy sees %" PRIu64 ", %s (%s)",
			      holds(vm), floor, heading(vm), spare, opt_or(look->host->free_kib, 0),
			      host_state_to_string(look->host->state),
			      reason_to_string(look->judged[i].decision.reason));
	}
	return true;
}

static bool check_twins(const struct look *look)
{
	if (look->watcher->world->kind != WORLD_WILD)
		return true;
	for (size_t i = 0; i + 1 < look->tick->n_vms; i += 2) {
		const struct sim_vm *a = &look->tick->vms[i], *b = &look->tick->vms[i + 1];

		if (heading(a) != heading(b) || a->set != b->set)
			return broken(look, INVARIANT_TWINS, a,
				      "to %" PRId64 ", its twin to %" PRId64, heading(a),
				      heading(b));
	}
	return true;
}

/*
 * In want for a while, although memory was free above reserve and float all the time. What is
 * missing has to be within its limit, and to fit into what is free.
 */
static bool check_short(const struct look *look)
{
	const struct guests *guests = look->view->guests;
	int64_t kept = kib(opt_or(look->host->capacity_kib, 0)) *
		       look->watcher->world->conf->policy.float_permille / 1000;
	int64_t spare = look->free_kib - look->reserve_kib - kept, missing = 0;

	for (size_t i = 0; i < look->tick->n_vms; i++) {
		const struct sim_vm *vm = &look->tick->vms[i];

		/* A reservation is kept, also for one that cannot take it now. */
		if (kib(vm->reservation_kib) > holds(vm))
			spare -= kib(vm->reservation_kib) - holds(vm);
		if (truly_short(look, vm))
			missing += (int64_t)(guests->swap_mib[vm->index] * MODEL_KIB_PER_MIB);
	}
	for (size_t i = 0; i < look->tick->n_vms; i++) {
		const struct sim_vm *vm = &look->tick->vms[i];
		struct watched_vm *watched = &look->watcher->vms[vm->index];
		int64_t swap = (int64_t)(guests->swap_mib[vm->index] * MODEL_KIB_PER_MIB);

		if (!truly_short(look, vm) || !fresh(look, vm) || left_alone(&look->judged[i]) ||
		    spare < missing * 2 || swap < band(look, vm) ||
		    holds(vm) + swap > kib(vm->limit_kib)) {
			watched->short_since_s = -1;
			continue;
		}
		if (watched->short_since_s < 0)
			watched->short_since_s = look->tick->now_s;
		if (look->tick->now_s - watched->short_since_s > PATIENCE_S)
			return broken(look, INVARIANT_SHORT, vm,
				      "%" PRId64 " KiB in swap for long, %" PRId64
				      " free, it holds %" PRId64 ", demands %" PRIu64 " (%s)",
				      swap, spare, holds(vm),
				      opt_or(look->judged[i].decision.demand_kib, 0),
				      reason_to_string(look->judged[i].decision.reason));
	}
	return true;
}

static bool check_shares(const struct look *look)
{
	if (look->watcher->world->kind != WORLD_SHARES)
		return true;
	for (size_t i = 0; i + 1 < look->tick->n_vms; i += 2) {
		const struct vm_decision *a = &look->judged[i].decision;
		const struct vm_decision *b = &look->judged[i + 1].decision;
		int64_t slack;

		if (left_alone(&look->judged[i]) || left_alone(&look->judged[i + 1]))
			continue;
		/* One that was shorter of memory may need more of it afterwards. */
		if (opt_or(b->demand_kib, 0) < opt_or(a->demand_kib, 0))
			continue;
		/*
		 * What is within the dead-band moves no target; and what it is entitled to may be
		 * less for the moment, because it has had more and left it idle.
		 */
		slack = band(look, &look->tick->vms[i]);
		if (kib(b->entitlement_kib) + slack < kib(a->entitlement_kib) &&
		    heading(&look->tick->vms[i + 1]) + slack < heading(&look->tick->vms[i]))
			return broken(look, INVARIANT_SHARES, &look->tick->vms[i + 1],
				      "entitled to %" PRIu64 ", half the shares to %" PRIu64,
				      b->entitlement_kib, a->entitlement_kib);
	}
	return true;
}

void watcher_init(struct watcher *watcher, const struct sim_world *world)
{
	memset(watcher, 0, sizeof(*watcher));
	watcher->world = world;
	for (size_t i = 0; i < SIM_WORLD_VMS; i++)
		watcher->vms[i] = watched_init();
}

int watcher_observe(void *userdata, const struct run_view *view)
{
	static bool (*const checks[])(const struct look *look) = {
		check_bounds,	   check_free_first, check_stale, check_liar,  check_turns,
		check_fixed_point, check_relief,     check_twins, check_short, check_shares,
	};
	struct watcher *watcher = userdata;
	struct look look = {
		.watcher = watcher,
		.view = view,
		.tick = view->tick,
		.free_kib = free_of(view, &watcher->world->conf->policy, false),
	};

	look.judged = sim_aerostat.judged(view->policy, &look.host);
	look.reserve_kib = kib(opt_or(look.host->reserve_kib, 0));
	watcher->ticks++;
	note_short(&look);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (!checks[i](&look))
			return 1;
	return 0;
}

const char *invariant_to_string(enum invariant invariant)
{
	static const char *const names[] = {
		[INVARIANT_NONE] = "none",
		[INVARIANT_BOUNDS] = "reservation <= target <= limit <= maximum",
		[INVARIANT_FREE_FIRST] = "what is granted was free first",
		[INVARIANT_STALE] = "without fresh statistics never shrunk",
		[INVARIANT_LIAR] = "a liar gets no more than its part while another is short",
		[INVARIANT_TURNS] = "one direction change a hold window",
		[INVARIANT_FIXED_POINT] = "constant input comes to rest",
		[INVARIANT_RELIEF] = "below the floor: relieved at once, in one step",
		[INVARIANT_TWINS] = "equal VMs get equal targets",
		[INVARIANT_SHORT] = "nobody is short while the host is above its reserve",
		[INVARIANT_SHARES] = "more shares never mean less memory",
	};

	return invariant < INVARIANTS ? names[invariant] : "invalid";
}
