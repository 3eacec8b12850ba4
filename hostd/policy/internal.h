/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the files of the policy: one tick's data, its steps, and arithmetic that no input can
 * break. Guests report what they like and files may hold nonsense, so every size is bounded by
 * KIB_CEILING when it comes in, sums and products saturate, and differences stop at zero.
 */
#ifndef AEROSTAT_POLICY_INTERNAL_H
#define AEROSTAT_POLICY_INTERNAL_H

#include "policy/policy.h"
#include "policy/reserve.h"

#define KIB_CEILING    ((uint64_t)1 << 46) /* 64 PiB: nothing real is larger */
#define PAGE_KIB       4 /* the balloon moves pages of this size, whatever the guest's is */
#define WHOLE_PERMILLE 1000

struct tick {
	uint64_t now_ms;
	const struct policy_settings *settings;
	const struct host_sample *host;
	struct policy_state *state;
	struct policy_vm *vms;
	size_t n_vms;

	struct host_decision totals;
	uint64_t float_kib; /* of the capacity, for relief only */
	bool overcommitted; /* the limits of all do not fit: comfort_kib counts */
	uint64_t mean_max_kib; /* of the VMs in the sharing that is going on: weighs idle memory */
	uint64_t wanted_kib; /* what somebody waits for, and the float lacks */
	uint64_t threshold_kib; /* who holds less too much than this is not asked for any of it */
};

#define for_each_vm(vm, tick) \
	for (struct policy_vm *vm = (tick)->vms; vm < (tick)->vms + (tick)->n_vms; vm++)

/* guard.c: fill in what sample, settings and state say, and whether the VM may be moved. */
void guard_vm(const struct tick *tick, struct policy_vm *vm);
bool guard_stats_fresh(const struct tick *tick, const struct vm_sample *sample);

/* effect.c: whether what the VM's balloon took has been freed on the host. */
bool effect_missing(struct policy_vm *vm);

/* movement.c: whether the VM moves to where it was told; after guard_vm(). */
void movement_vm(const struct tick *tick, struct policy_vm *vm);

/* history.c: count `elapsed_ms` of `need_kib`; what is needed 95 % of the time, where known. */
void history_note(struct vm_history *history, uint64_t now_ms, uint64_t elapsed_ms,
		  uint64_t window_ms, uint64_t need_kib, uint64_t max_kib);
struct opt_u64 history_usual(struct vm_history *history, uint64_t now_ms);

/* demand.c: after guard_vm(); updates the estimate in the VM's state. */
void demand_vm(const struct tick *tick, struct policy_vm *vm);

/* harm.c: what the host's shortage does to the VM; whether that presses; after capacity_tick(). */
struct opt_u64 harm_of(const struct vm_host *host);
void harm_vm(struct tick *tick, struct policy_vm *vm);
bool harm_presses(const struct tick *tick);

/* sizes.c: note the size that the VM has now; what size it had at `ms`. */
void sizes_note(struct vm_state *state, uint64_t now_ms, uint64_t actual_kib);
uint64_t sizes_at(const struct vm_sizes *sizes, uint64_t ms);

/* capacity.c: after guards and demand of all VMs; the totals. */
void capacity_tick(struct tick *tick);

/* state.c: after capacity_tick(); the host's state. */
void state_tick(struct tick *tick);

/* entitlement.c: with a known capacity; what each VM may have. */
void entitlement_tick(struct tick *tick);

/* proactive.c: how far down a VM may be probed; its limit where it is not. */
uint64_t proactive_cap(const struct tick *tick, struct policy_vm *vm);

/* pace.c: with entitlements; targets, reasons and the totals of what moves. */
void pace_tick(struct tick *tick);

/* How much more or less than its entitlement is left to a VM before it is moved. */
uint64_t pace_dead_band(const struct tick *tick, const struct policy_vm *vm);
uint64_t pace_need_band(const struct tick *tick, const struct policy_vm *vm);
uint64_t pace_comfort_band(const struct tick *tick, const struct policy_vm *vm);

/* Time until a move in this direction is allowed; 0: now. `urgent`: somebody waits for it. */
uint64_t pace_turn_wait_ms(const struct tick *tick, const struct vm_state *state,
			   enum vm_direction direction, bool urgent);

/* give.c: targets of those that grow, and what somebody waits for. */
void give_tick(struct tick *tick);
bool give_settle(const struct tick *tick, struct policy_vm *vm);
enum reason give_reason(const struct policy_vm *vm);

/* take.c: after give_tick(): who is asked for how much. */
void take_tick(struct tick *tick);
enum reason take_settle(const struct tick *tick, struct policy_vm *vm);

/* True when the VM's needs are judged, so that it takes part in sharing. */
static inline bool vm_judged(const struct policy_vm *vm)
{
	return vm->work.held == REASON_NONE;
}

/* True when nothing can be taken from it, or may be; a host that is hard takes from VMs that boot, too. */
static inline bool vm_kept(const struct tick *tick, const struct policy_vm *vm)
{
	return vm->work.unasked || (vm->work.keep && !(tick->totals.state >= HOST_HARD &&
						       vm->work.keep_reason == REASON_BOOTING));
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* `low` wins when the bounds contradict each other. */
static inline uint64_t clamp_u64(uint64_t value, uint64_t low, uint64_t high)
{
	return max_u64(low, min_u64(value, high));
}

static inline uint64_t add_u64(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* a - b, but never below zero. */
static inline uint64_t sub_u64(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* a · b / c, exact in between; c is not zero. */
static inline uint64_t scale_u64(uint64_t a, uint64_t b, uint64_t c)
{
	unsigned __int128 result;
	uint64_t product;

	/* Nearly always it fits, and then one instruction divides. */
	if (!__builtin_mul_overflow(a, b, &product))
		return product / c;
	result = (unsigned __int128)a * b / c;
	return result > UINT64_MAX ? UINT64_MAX : (uint64_t)result;
}

static inline uint64_t permille_of(uint64_t value, uint64_t permille)
{
	return scale_u64(value, permille, WHOLE_PERMILLE);
}

static inline uint64_t bound_kib(uint64_t kib)
{
	return min_u64(kib, KIB_CEILING);
}

static inline uint64_t page_down(uint64_t kib)
{
	return kib - kib % PAGE_KIB;
}

static inline uint64_t page_up(uint64_t kib)
{
	return page_down(add_u64(kib, PAGE_KIB - 1));
}

#endif
