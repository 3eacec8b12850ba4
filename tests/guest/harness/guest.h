/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H

#include "harness/console.h"
#include "harness/qemu.h"
#include "harness/qmp.h"

#include <stdbool.h>

/*
 * How long things may take before a test gives up, in ms. They say "hung", not "slow": guests
 * are emulated, and the machine may be busy with other work.
 */
#define BOOT_TIMEOUT_MS	 90000u
#define ASK_TIMEOUT_MS	 60000u
#define QMP_TIMEOUT_MS	 60000u
#define REACH_TIMEOUT_MS 60000u

/* Where a guest comes from; the same for all guests of one run. */
struct guest_source {
	const char *series; /* 6.1, 6.12 */
	const char *accel;
	const char *kernel;
	const char *initrd;
	const char *driver; /* the balloon module under test */
	/*
	 * Memory that this kernel needs for itself beyond what a distribution's does. A guest has it
	 * on top of its configuration, and the balloon functions below leave it out.
	 */
	uint32_t extra_mib;
	bool arm64; /* what this kernel is for; else x86-64 */
	uint32_t page_kib; /* of this kernel */
	/* How many random targets a stress test sets, and where its numbers begin. */
	unsigned int stress_targets;
	uint32_t stress_seed;
};

/* A running guest with a monitor, an agent and a console. */
struct guest {
	const struct guest_source *source;
	const struct guest_config *config;
	pid_t pid;
	struct qmp *qmp;
	struct agent *agent;
	FILE *qmp_log, *agent_log;
	struct console console;
	char dir[480]; /* its logs and files */
	char errors_path[512]; /* what QEMU itself said */
	uint32_t memory_mib;
	int module_errno; /* why the driver could not be loaded at boot, or 0 */
};

/* Boots and waits for the agent. log_dir must exist. On failure ret_why says what happened. */
int guest_boot(const struct guest_source *source, const struct guest_config *config,
	       const char *log_dir, struct guest **ret_guest, char *ret_why, size_t why_size);
void guest_free(struct guest *guest);

/*
 * Resets the machine, whatever the guest is doing, and waits for the next boot; -ENOEXEC when that
 * could not load the driver.
 */
int guest_reset(struct guest *guest);

/* --- the agent; see README.md for the verbs --- */

/* As agent_vask, with the usual patience. */
int guest_ask(struct guest *guest, char **ret_text, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int guest_ask_within(struct guest *guest, uint64_t timeout_ms, char **ret_text, const char *format,
		     ...) __attribute__((format(printf, 4, 5)));
/* A whole number in a file of the guest. */
int guest_read_u64(struct guest *guest, const char *path, uint64_t *ret_value);
/* A field of the guest's /proc/meminfo (in KiB) or /proc/vmstat (its own unit). */
int guest_meminfo_kib(struct guest *guest, const char *field, uint64_t *ret_kib);
/* Free memory: MemFree and what lies on per-CPU lists, MiBs after many single pages were freed. */
int guest_free_kib(struct guest *guest, uint64_t *ret_kib);
int guest_vmstat(struct guest *guest, const char *field, uint64_t *ret_value);
/* Whether a path exists in the guest, for directories and links only. */
bool guest_has_dir(struct guest *guest, const char *path);
/* The name of the virtio balloon device, e.g. virtio0. -ENODEV. */
int guest_balloon_device(struct guest *guest, char *ret_name, size_t size);
/* Whether a driver, or the driver under test, is bound to it. */
bool guest_driver_bound(struct guest *guest, const char *driver);
bool guest_balloon_bound(struct guest *guest);
/* Writes a line into the kernel log and waits until it is on the console. */
int guest_mark(struct guest *guest, const char *text);

/*
 * Puts the guest to sleep in "mem" (on a SLEEPING_MACHINE) or "freeze", and wakes it when it sleeps.
 * Whatever kept it awake comes back as the guest's errno; -EPROTO when it says that it has slept in
 * memory and QEMU knows nothing of it.
 */
int guest_sleep(struct guest *guest, const char *state);
/*
 * Whether a guest that failed was lost by QEMU as it woke from memory in this test, on the evidence of
 * its console from the given place on. See lost.c.
 */
bool guest_lost_waking(struct guest *guest, const struct console *console);

/* --- from the host --- */

/* What QEMU has resident, guest memory and its own; the most since the last reset. */
int guest_resident_kib(const struct guest *guest, uint64_t *ret_kib);
int guest_resident_peak_kib(const struct guest *guest, uint64_t *ret_kib);
int guest_reset_resident_peak(const struct guest *guest);
/* Four bytes of the guest's physical memory, or of what else there is at that address. */
int guest_physical(struct guest *guest, uint64_t address, uint32_t *ret_value);
/*
 * Four bytes of the configuration of a modern PCI balloon device: num_pages, actual,
 * free_page_hint_cmd_id and poison_val, at 0, 4, 8 and 12.
 */
int guest_device_config(struct guest *guest, unsigned int offset_bytes, uint32_t *ret_value);

/* --- aerostat's own state; see kmod/debug.c for the keys --- */

/* The text behind a key, to be freed, or the number there. -ENOENT: no such key. */
int guest_state(struct guest *guest, const char *key, char **ret_value);
int guest_state_number(struct guest *guest, const char *key, uint64_t *ret_number);
/* Waits until it is as expected; -ETIMEDOUT. ret_last: what it was last. */
int guest_wait_state(struct guest *guest, const char *key, const char *expected, char *ret_last,
		     size_t size);

/* --- the balloon --- */

/* Asks for this much memory to be left to the guest. */
int guest_set_target_kib(struct guest *guest, uint64_t target_kib);
int guest_actual_kib(struct guest *guest, uint64_t *ret_actual_kib);
/*
 * Waits until actual is target; -ETIMEDOUT when it has come no nearer, nor gone farther, for
 * REACH_TIMEOUT_MS. ret_actual_kib, if not NULL: the last seen.
 */
int guest_wait_actual(struct guest *guest, uint64_t target_kib, uint64_t *ret_actual_kib);
/* Both in one. */
int guest_balloon_to(struct guest *guest, uint64_t target_kib);
/* Waits until actual has not changed for settle_ms; ret_actual_kib: where it stands. */
int guest_wait_settled(struct guest *guest, uint64_t settle_ms, uint64_t *ret_actual_kib);

struct balloon_stats {
	bool has[16]; /* by tag */
	uint64_t value[16]; /* bytes, or counts, as of the virtio specification */
	uint64_t last_update_s;
};

/* The seconds between two polls; 0: none. */
int guest_set_stats_interval(struct guest *guest, uint64_t interval_s);
int guest_stats(struct guest *guest, struct balloon_stats *ret_stats);
/* The next statistics after these. -ETIMEDOUT. */
int guest_wait_stats(struct guest *guest, uint64_t after_s, struct balloon_stats *ret_stats);

/* Names of the tags as QEMU has them, NULL where it has none. */
const char *stats_tag_name(unsigned int tag);

#endif
