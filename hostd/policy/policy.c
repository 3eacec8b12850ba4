// SPDX-License-Identifier: GPL-2.0
/* One tick of the policy (policy.h): its steps in order. */
#include "policy/internal.h"

/* How much there is to share is not known: everybody stays where it is. */
static void hold_all(struct tick *tick)
{
	for_each_vm(vm, tick) {
		vm->decision.reason = vm_judged(vm) ? REASON_HOST_UNKNOWN : vm->work.held;
		vm->decision.set = false;
		vm->decision.target_kib = vm->work.heading_kib;
		vm->decision.wait_ms = 0;
	}
}

static void remember(struct tick *tick)
{
	for_each_vm(vm, tick) {
		struct vm_state *state = vm->state;

		if (!state->seen)
			state->reclaim_ms = tick->now_ms;
		state->seen = true;
		state->last_ms = tick->now_ms;
		state->last_actual_kib = vm->work.actual_kib;
		state->last_max_kib = vm->work.max_kib;
		vm->decision.entitlement_kib = vm->work.goal_kib;
		vm->decision.reservation_kib = vm->work.reservation_kib;
		vm->decision.limit_kib = vm->work.limit_kib;
	}
}

void policy_tick(uint64_t now_ms, const struct policy_settings *settings,
		 const struct host_sample *host, struct policy_state *state, struct policy_vm *vms,
		 size_t n_vms, struct host_decision *ret_host)
{
	struct tick tick = {
		.now_ms = now_ms,
		.settings = settings,
		.host = host,
		.state = state,
		.vms = vms,
		.n_vms = n_vms,
	};

	for_each_vm(vm, &tick) {
		guard_vm(&tick, vm);
		demand_vm(&tick, vm);
		harm_vm(&tick, vm);
	}
	capacity_tick(&tick);
	state_tick(&tick);
	if (tick.totals.state == HOST_UNKNOWN) {
		hold_all(&tick);
	} else {
		entitlement_tick(&tick);
		pace_tick(&tick);
	}
	remember(&tick);
	*ret_host = tick.totals;
}

const char *host_state_to_string(enum host_state state)
{
	switch (state) {
	case HOST_UNKNOWN:
		return "unknown";
	case HOST_RELAXED:
		return "relaxed";
	case HOST_SOFT:
		return "soft";
	case HOST_HARD:
		return "hard";
	case HOST_LOW:
		return "low";
	}
	return "invalid";
}
