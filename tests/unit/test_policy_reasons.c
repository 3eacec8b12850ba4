// SPDX-License-Identifier: GPL-2.0
/*
 * Each reason occurs, in a small world made for it, and what its sentence says is then true: of what
 * the VM holds, needs and is entitled to, and of whether it is moved.
 */
#include "cmocka_test.h"

#include <inttypes.h>

#include "policy_world.h"

#define TICKS 40 /* of 5 s, within which the reason comes */

/* Two VMs of 4 GiB that use 500 MiB; without float, buffer and holds. */
static void plain(struct world *world, uint64_t budget_kib, uint64_t first_kib, uint64_t second_kib)
{
	world_init(world);
	world->settings.budget_kib = opt_some(budget_kib);
	world->settings.float_permille = 0;
	world->settings.buffer_min_kib = 0;
	world->settings.headroom_permille = 0;
	world->settings.turn_hold_ms = world->settings.turn_hold_urgent_ms = 0;
	for (size_t i = 0; i < 2; i++) {
		struct world_vm *vm =
			world_add(world, GIB(4), i ? second_kib : first_kib, MIB(500));

		vm->settings.buffer_permille = 0;
		vm->settings.reservation_kib = opt_some(MIB(200));
	}
}

static void relief(struct world *world)
{
	plain(world, GIB(2), MIB(510), MIB(510));
	world->vms[0].settings.buffer_permille = 200;
}

static void relief_partial(struct world *world)
{
	plain(world, MIB(1300), MIB(500), MIB(700));
	world->vms[0].settings.buffer_permille = 1000;
}

static void grow(struct world *world)
{
	plain(world, GIB(8), GIB(1), GIB(1));
}

/* The second waits for what the first holds. */
static void reclaim(struct world *world)
{
	plain(world, GIB(3), MIB(2500), MIB(572));
	world->vms[1].settings.buffer_permille = 2000;
}

static void reclaim_need(struct world *world)
{
	reclaim(world);
	world->vms[0].use_kib = MIB(2500);
	world->vms[1].use_kib = MIB(1400);
}

static void reclaim_low(struct world *world)
{
	reclaim(world);
	world->host.psi_full_permille = opt_some(1000);
}

static void reclaim_probe(struct world *world)
{
	plain(world, GIB(8), GIB(4), GIB(4));
	world->settings.proactive = true;
	world->settings.probe_permille = 100;
}

/* It is slow to give, and then needs it itself. */
static void reclaim_cut(struct world *world)
{
	reclaim(world);
	world->vms[0].stuck = true;
	world_tick(world, 5000);
	world->settings.budget_kib = opt_some(GIB(4));
	world->vms[0].use_kib = MIB(2490);
}

static void below_reservation(struct world *world)
{
	plain(world, GIB(2), MIB(100), GIB(1));
}

static void above_limit(struct world *world)
{
	plain(world, GIB(8), GIB(4), GIB(4));
	world->vms[0].settings.limit_kib = opt_some(GIB(1));
}

static void stuck(struct world *world)
{
	reclaim(world);
	world->vms[0].stuck = true;
}

static void steady(struct world *world)
{
	plain(world, GIB(8), GIB(4), GIB(4));
}

static void spare(struct world *world)
{
	plain(world, GIB(5), GIB(2), GIB(2));
}

/* Others are asked, since they hold more: not that nobody waited. */
static void spare_while_others_give(struct world *world)
{
	plain(world, GIB(5), GIB(1), MIB(600));
	world_add(world, GIB(4), GIB(5) - MIB(1624), MIB(100));
	world->vms[1].settings.buffer_permille = 1000;
}

static void dead_band(struct world *world)
{
	plain(world, GIB(2), MIB(505), GIB(1));
}

/* It has just been given what it does not need any more, and somebody waits for. */
static void turn_hold(struct world *world)
{
	relief(world);
	world->settings.turn_hold_ms = 1000 * 1000;
	world->settings.turn_hold_urgent_ms = 500 * 1000;
	world->settings.decay_permille = 1000;
	world->vms[0].use_kib = MIB(1000);
	world_tick(world, 5000);
	world->vms[0].use_kib = MIB(100);
	world->vms[1].settings.buffer_permille = 2000;
}

static void nothing_free(struct world *world)
{
	relief_partial(world);
	world->settings.budget_kib = opt_some(MIB(1200));
	world->vms[1].stuck = true;
}

static void growth_blocked(struct world *world)
{
	plain(world, GIB(8), GIB(1), GIB(1));
	world->settings.headroom_permille = 1000;
	world->host.psi_some_permille = opt_some(1000);
}

static void mode_off(struct world *world)
{
	reclaim(world);
	world->vms[0].settings.mode = VM_MODE_OFF;
}

static void mode_observe(struct world *world)
{
	reclaim(world);
	world->vms[0].settings.mode = VM_MODE_OBSERVE;
}

static void hung(struct world *world)
{
	reclaim(world);
	world->vms[0].sample.hung = true;
}

static void refused(struct world *world)
{
	reclaim(world);
	world->vms[0].refused = true;
}

static void no_balloon(struct world *world)
{
	reclaim(world);
	world->vms[0].sample.has_balloon = false;
}

static void paused(struct world *world)
{
	reclaim(world);
	world->vms[0].sample.run_state = VM_PAUSED;
}

static void migrating(struct world *world)
{
	reclaim(world);
	world->vms[0].sample.run_state = VM_MIGRATING;
}

static void booting(struct world *world)
{
	reclaim(world);
	world->settings.boot_grace_ms = 60 * 1000;
	world->vms[0].sample.up_ms = 1000;
}

static void no_stats(struct world *world)
{
	reclaim(world);
	world->vms[0].silent = true;
}

static void stale_stats(struct world *world)
{
	no_stats(world);
	world->vms[0].sample.usable_kib = opt_some(GIB(2));
	world->vms[0].sample.stats_age_ms = opt_some(world->settings.stale_ms + 1);
}

static void foreign(struct world *world)
{
	spare(world);
	world_tick(world, 5000);
	world->vms[0].sample.actual_kib = opt_some(GIB(1));
}

static void no_effect(struct world *world)
{
	reclaim(world);
	world->vms[0].sample.rss_kib = opt_some(MIB(2550));
}

static void host_unknown(struct world *world)
{
	reclaim(world);
	world->settings.budget_kib = opt_none();
}

/* What the sentences say. */
enum claim {
	STAYS,
	GROWS,
	SHRINKS,
	STOPS, /* its target rises, but not beyond what it has */
};

#define ABOVE 1 /* it holds more than its entitlement */
#define BELOW 2 /* it holds less than that */
#define LACKS 4 /* it needs more than it holds, or is entitled to */

static const struct {
	enum reason reason;
	void (*make)(struct world *world);
	enum claim claim;
	unsigned int holds;
} cases[] = {
	{ REASON_RELIEF, relief, GROWS, BELOW },
	{ REASON_RELIEF_PARTIAL, relief_partial, GROWS, BELOW | LACKS },
	{ REASON_GROW, grow, GROWS, BELOW },
	{ REASON_RECLAIM, reclaim, SHRINKS, ABOVE },
	{ REASON_RECLAIM_NEED, reclaim_need, SHRINKS, ABOVE | LACKS },
	{ REASON_RECLAIM_LOW, reclaim_low, SHRINKS, ABOVE },
	{ REASON_RECLAIM_PROBE, reclaim_probe, SHRINKS, ABOVE },
	{ REASON_RECLAIM_CUT, reclaim_cut, STOPS, 0 },
	{ REASON_BELOW_RESERVATION, below_reservation, GROWS, BELOW },
	{ REASON_ABOVE_LIMIT, above_limit, SHRINKS, ABOVE },
	{ REASON_STUCK, stuck, STOPS, ABOVE },
	{ REASON_STEADY, steady, STAYS, 0 },
	{ REASON_SPARE, spare, STAYS, ABOVE },
	{ REASON_SPARE, spare_while_others_give, STAYS, ABOVE },
	{ REASON_DEAD_BAND, dead_band, STAYS, 0 },
	{ REASON_TURN_HOLD, turn_hold, STAYS, ABOVE },
	{ REASON_NOTHING_FREE, nothing_free, STAYS, BELOW | LACKS },
	{ REASON_GROWTH_BLOCKED, growth_blocked, STAYS, BELOW },
	{ REASON_MODE_OFF, mode_off, STAYS, 0 },
	{ REASON_MODE_OBSERVE, mode_observe, STAYS, 0 },
	{ REASON_HUNG, hung, STAYS, 0 },
	{ REASON_REFUSED, refused, STAYS, ABOVE },
	{ REASON_NO_BALLOON, no_balloon, STAYS, 0 },
	{ REASON_PAUSED, paused, STAYS, 0 },
	{ REASON_MIGRATING, migrating, STAYS, 0 },
	{ REASON_BOOTING, booting, STAYS, 0 },
	{ REASON_NO_STATS, no_stats, STAYS, 0 },
	{ REASON_STALE_STATS, stale_stats, STAYS, 0 },
	{ REASON_FOREIGN, foreign, STAYS, 0 },
	{ REASON_NO_EFFECT, no_effect, STAYS, 0 },
	{ REASON_HOST_UNKNOWN, host_unknown, STAYS, 0 },
};

static void test_each_occurs(void **state)
{
	bool seen[REASON_COUNT_] = { [REASON_NONE] = true };

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		const char *name = reason_to_string(cases[c].reason);
		const struct vm_decision *decision;
		struct world world;
		uint64_t held_kib, heading_kib;
		int tick = 0;

		cases[c].make(&world);
		do {
			held_kib = world_actual(&world, 0);
			heading_kib = opt_or(world.vms[0].state.last_target_kib, held_kib);
			if (heading_kib > held_kib)
				held_kib = heading_kib;
			world_tick(&world, 5000);
			decision = world_decision(&world, 0);
		} while ((decision->reason != cases[c].reason ||
			  decision->set != (cases[c].claim != STAYS)) &&
			 ++tick < TICKS);
		if (tick == TICKS)
			fail_msg("%zu: %s does not occur, but %s", c, name,
				 reason_to_string(decision->reason));
		seen[decision->reason] = true;
		if (decision->set != (cases[c].claim != STAYS) ||
		    (decision->set &&
		     (decision->target_kib > heading_kib) != (cases[c].claim != SHRINKS)) ||
		    (decision->target_kib > held_kib) != (cases[c].claim == GROWS))
			fail_msg("%s: from %" PRIu64 " to %" PRIu64, name, held_kib,
				 decision->target_kib);
		if (((cases[c].holds & ABOVE) && held_kib <= decision->entitlement_kib) ||
		    ((cases[c].holds & BELOW) && held_kib >= decision->entitlement_kib))
			fail_msg("%s: holds %" PRIu64 ", is entitled to %" PRIu64, name, held_kib,
				 decision->entitlement_kib);
		if ((cases[c].holds & LACKS) &&
		    opt_or(decision->demand_kib, 0) <= decision->entitlement_kib &&
		    opt_or(decision->demand_kib, 0) <= held_kib)
			fail_msg("%s: demands %" PRIu64, name, opt_or(decision->demand_kib, 0));
	}
	for (enum reason reason = REASON_NONE; reason < REASON_COUNT_; reason++)
		if (!seen[reason])
			fail_msg("no world for %s", reason_to_string(reason));
}

/* How long a turn has to wait is what it then does wait: less while somebody waits for it. */
static void test_turn_ends_when_told(void **state)
{
	struct world world;
	uint64_t wait_ms;

	(void)state;
	turn_hold(&world);
	for (int i = 0; i < TICKS && world_decision(&world, 0)->reason != REASON_TURN_HOLD; i++)
		world_tick(&world, 5000);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_TURN_HOLD);
	wait_ms = world_decision(&world, 0)->wait_ms;
	assert_between(wait_ms, 1, 500 * 1000);
	world_tick(&world, wait_ms - 1);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_TURN_HOLD);
	assert_eq(world_decision(&world, 0)->wait_ms, 1);
	world_tick(&world, 1);
	assert_int_equal(world_decision(&world, 0)->reason, REASON_RECLAIM);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_occurs),
		cmocka_unit_test(test_turn_ends_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
