// SPDX-License-Identifier: GPL-2.0
/* The reasons' names and sentences (reason.h): one table, so that none lacks either. */
#include "policy/reason.h"

#include <stddef.h>

static const struct {
	const char *name;
	const char *sentence;
} reasons[REASON_COUNT_] = {
	[REASON_NONE] = { "none", "not judged yet" },
	[REASON_RELIEF] = { "relief", "it needs more memory than it has, and got it" },
	[REASON_RELIEF_PARTIAL] = { "relief-partial",
				    "it needs more memory than it has, and got what was free" },
	[REASON_GROW] = { "grow", "nobody needs this memory more" },
	[REASON_RECLAIM] = { "reclaim", "it holds more than its entitlement and than it needs" },
	[REASON_RECLAIM_NEED] = { "reclaim-need", "its entitlement is below what it needs" },
	[REASON_RECLAIM_LOW] = { "reclaim-low",
				 "the host has next to nothing left: taken at once" },
	[REASON_RECLAIM_PROBE] = { "reclaim-probe", "probing for memory it does not miss" },
	[REASON_RECLAIM_CUT] = { "reclaim-cut", "less is taken from it than was asked for before" },
	[REASON_BELOW_RESERVATION] = { "below-reservation", "raised towards its reservation" },
	[REASON_ABOVE_LIMIT] = { "above-limit", "lowered towards its limit" },
	[REASON_STUCK] = { "stuck", "its guest does not follow: not asked again for a while" },
	[REASON_STEADY] = { "steady", "it has what it is entitled to" },
	[REASON_SPARE] = { "spare", "it holds more than its entitlement, and is not asked for it" },
	[REASON_DEAD_BAND] = { "dead-band", "the move would be too small to be worth it" },
	[REASON_TURN_HOLD] = { "turn-hold", "it was moved the other way a moment ago" },
	[REASON_NOTHING_FREE] = { "nothing-free", "it is entitled to more, which is not free yet" },
	[REASON_GROWTH_BLOCKED] = { "growth-blocked",
				    "the host is short: only those in need grow" },
	[REASON_MODE_OFF] = { "mode-off", "its mode is off: left alone" },
	[REASON_MODE_OBSERVE] = { "mode-observe", "its mode is observe: decided, not carried out" },
	[REASON_HUNG] = { "hung", "its QEMU process does not answer: nothing can be asked of it" },
	[REASON_REFUSED] = { "refused",
			     "libvirt refused to set its target: tried again after a while" },
	[REASON_NO_BALLOON] = { "no-balloon", "its memory cannot be moved" },
	[REASON_PAUSED] = { "paused", "it does not run: paused, or shutting down" },
	[REASON_MIGRATING] = { "migrating", "it is being migrated or saved" },
	[REASON_BOOTING] = { "booting", "it started only a moment ago: nothing is taken yet" },
	[REASON_NO_STATS] = { "no-stats", "its guest reports nothing about its memory" },
	[REASON_STALE_STATS] = { "stale-stats", "its guest's numbers are too old to act on" },
	[REASON_FOREIGN] = { "foreign",
			     "somebody else has set its memory: left alone for a while" },
	[REASON_NO_EFFECT] = { "no-effect", "its balloon frees nothing on the host: left alone" },
	[REASON_HOST_UNKNOWN] = { "host-unknown",
				  "how much memory the host has available is not known" },
};

const char *reason_to_string(enum reason reason)
{
	return (unsigned int)reason < REASON_COUNT_ ? reasons[reason].name : "invalid";
}

const char *reason_to_sentence(enum reason reason)
{
	return (unsigned int)reason < REASON_COUNT_ ? reasons[reason].sentence : "invalid";
}
