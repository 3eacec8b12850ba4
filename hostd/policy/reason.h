/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a VM got the target it has. The codes are public: the log, D-Bus, and JSON carry their
 * names.
 */
#ifndef AEROSTAT_POLICY_REASON_H
#define AEROSTAT_POLICY_REASON_H

enum reason {
	REASON_NONE, /* not judged yet */
	/* It was moved. */
	REASON_RELIEF, /* it needs more than it has, and got it */
	REASON_RELIEF_PARTIAL, /* as much of it as was free */
	REASON_GROW, /* nobody needs this memory more: back towards its limit */
	REASON_RECLAIM, /* it holds more than its entitlement, beyond what it needs */
	REASON_RECLAIM_NEED, /* its entitlement is below what it needs */
	REASON_RECLAIM_LOW, /* likewise, and all at once: the host has next to nothing left */
	REASON_RECLAIM_PROBE, /* proactive mode: less, as long as it does not miss it */
	REASON_RECLAIM_CUT, /* less is taken from it than it was asked for: it needs more now */
	REASON_BELOW_RESERVATION, /* raised to its reservation */
	REASON_ABOVE_LIMIT, /* lowered to its limit */
	REASON_STUCK, /* it does not move: asked no more, for a while */
	/* It stays. */
	REASON_STEADY, /* it has what it is entitled to */
	REASON_SPARE, /* it holds more, which nobody needs, or others give first */
	REASON_DEAD_BAND, /* the move would be too small */
	REASON_TURN_HOLD, /* it was moved the other way a moment ago */
	REASON_NOTHING_FREE, /* it is entitled to more, which is not free yet */
	REASON_GROWTH_BLOCKED, /* the host is hard or low: only those in need grow */
	/* It is left alone. */
	REASON_MODE_OFF,
	REASON_MODE_OBSERVE, /* the target shown is what would have been set */
	REASON_HUNG, /* its QEMU does not answer */
	REASON_REFUSED, /* libvirt has refused to set its target: tried again after a while */
	REASON_NO_BALLOON, /* it has none, or its memory is pinned */
	REASON_PAUSED,
	REASON_MIGRATING,
	REASON_BOOTING,
	REASON_NO_STATS, /* it reports nothing, or nothing any more */
	REASON_STALE_STATS, /* its numbers are too old */
	REASON_FOREIGN, /* somebody else resized it a moment ago */
	REASON_NO_EFFECT, /* its balloon frees nothing on the host */
	REASON_HOST_UNKNOWN, /* how much the host has free is not known */
	REASON_COUNT_
};

/* "relief", "no-stats", ...: lower case with hyphens; never NULL. */
const char *reason_to_string(enum reason reason);

/* A sentence for people, without numbers; never NULL. */
const char *reason_to_sentence(enum reason reason);

#endif
