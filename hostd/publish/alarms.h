/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The field's thresholds as alarms: ballooned memory, guest swap, waiting for CPUs and disks, host
 * memory in use and slow storage for long; a host that is low, a guest that does not follow, is
 * silent, or frees nothing. Conditions are
 * judged each tick, by plain data alone; telling of an alarm is the caller's business.
 */
#ifndef AEROSTAT_PUBLISH_ALARMS_H
#define AEROSTAT_PUBLISH_ALARMS_H

#include <stdbool.h>
#include <stddef.h>

#include "publish/status.h"

enum alarm_kind {
	/* Of the host. */
	ALARM_HOST_LOW,
	ALARM_HOST_MEMORY,
	ALARM_STORAGE_LATENCY,
	/* Of a VM. */
	ALARM_BALLOONED,
	ALARM_GUEST_SWAP,
	ALARM_CPU_WAIT,
	ALARM_IO_WAIT,
	ALARM_STUCK,
	ALARM_SILENT,
	ALARM_NO_EFFECT,
	ALARM_KINDS_
};

#define ALARM_FIRST_OF_VM ALARM_BALLOONED

/* What the value and the threshold of a kind are. */
enum alarm_unit {
	ALARM_YES_OR_NO, /* it has neither */
	ALARM_PERMILLE,
	ALARM_US,
};

/* An alarm that has just been raised, or is over. */
struct alarm {
	enum alarm_kind kind;
	bool raised;
	const char *vm; /* name; NULL: the host's */
	const char *uuid; /* NULL: the host's */
	const char *device; /* the disk it is about; NULL: it is about none */
	struct opt_u64 value; /* what is judged, in the unit of its kind ... */
	struct opt_u64 limit; /* ... and its threshold */
};

typedef void (*alarm_fn)(void *userdata, const struct alarm *alarm);

struct alarms;

struct alarms *alarms_new(void); /* NULL: out of memory */

void alarms_free(struct alarms *alarms); /* takes NULL */

/*
 * Judge all conditions at `now_ms` (monotonic); `tell` hears of each change. An alarm is raised
 * when its condition has held for [alarms] hold, or at once where waiting would be wrong; it is
 * over when the value is below nine tenths of its threshold, or the condition is gone, or its VM.
 * Returns 0 or -ENOMEM, when the alarms of some VMs are not judged.
 */
int alarms_tick(struct alarms *alarms, const struct status *status, uint64_t now_ms, alarm_fn tell,
		void *userdata);

/* Whether an alarm is raised now. `uuid` NULL: of the host. */
bool alarms_raised(const struct alarms *alarms, enum alarm_kind kind, const char *uuid);

const char *alarm_to_string(enum alarm_kind kind); /* "host-low", "guest-swap", ... */

/* What it says to people, without names and numbers: "is about to swap". */
const char *alarm_to_sentence(enum alarm_kind kind);

/* The journal's MESSAGE_ID of this kind: 32 hexadecimal digits. */
const char *alarm_message_id(enum alarm_kind kind);

enum alarm_unit alarm_unit(enum alarm_kind kind);

/* The threshold that the configuration sets, in the unit of the kind; unknown: it has none. */
struct opt_u64 alarm_limit(enum alarm_kind kind, const struct conf *conf);

#endif
