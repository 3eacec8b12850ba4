/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The QEMU process of a domain. libvirt does not tell it, and its pid files are where its
 * configuration says, so it is found by what libvirt starts it with: "-uuid UUID".
 *
 * Any local user can start a process that says so, too. Where more than one claims a UUID none is
 * believed. Reading another process's command line can block for as long as that process is in the
 * kernel with its memory map locked: these are for a worker's thread.
 */
#ifndef AEROSTAT_SOURCE_PROCESS_H
#define AEROSTAT_SOURCE_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

#include "policy/snapshot.h"

struct process {
	pid_t pid; /* 0: none */
	uint64_t start_ticks; /* when it began, in clock ticks since boot: pids are used again */
};

/* The UUID after "-uuid" among the `length` bytes of a command line; NULL: none. Pure. */
const char *process_uuid(const char *cmdline, size_t length);

/* Field 22 of the text of /proc/PID/stat; unknown: it is malformed. Pure. */
struct opt_u64 process_start(const char *stat);

/*
 * Look through /proc below `root` and call found() for each process that has a UUID. Returns 0 or
 * the errno of opening /proc. A process that ends meanwhile is left out.
 */
int process_scan(const char *root,
		 void (*found)(void *userdata, const char *uuid, const struct process *process),
		 void *userdata);

/* Whether `process` is still the same one. */
bool process_alive(const char *root, const struct process *process);

/*
 * What of it is in the host's memory, and in its swap: VmRSS and VmSwap, KiB; neither counts huge
 * pages. Unknown: it is gone.
 */
void process_memory(const char *root, const struct process *process,
		    struct opt_u64 *ret_resident_kib, struct opt_u64 *ret_swapped_kib);

/* Its control group's path (cgroup.h), of CGROUP_PATH_LEN bytes. Returns 0 or a negative errno. */
int process_cgroup(const char *root, const struct process *process, char *ret_path);

#endif
