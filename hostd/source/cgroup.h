/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the host's control group of a VM says: libvirt puts each QEMU under systemd into a scope of
 * its own, and with cgroup v2 the kernel counts its memory, swap and stalls there.
 */
#ifndef AEROSTAT_SOURCE_CGROUP_H
#define AEROSTAT_SOURCE_CGROUP_H

#include <stddef.h>

#include "util/opt.h"

#define CGROUP_PATH_LEN 512 /* with the terminating NUL; libvirt's are below 200 */

struct cgroup_sample {
	struct opt_u64 memory_kib; /* with the page cache that its disks cost the host */
	struct opt_u64 swap_kib;
	struct opt_u64 some_permille; /* memory.pressure, avg10: share of time a thread stalled, */
	struct opt_u64 full_permille; /* ... and all did */
};

/*
 * The VM's scope, as an absolute path within cgroup v2, from the text of its QEMU's
 * /proc/PID/cgroup: up to the last component that ends with ".scope". Returns 0; -ENOENT: it is in
 * none (cgroup v1, no systemd); -EINVAL: the path leads elsewhere or is too long; then `ret_path`
 * (of CGROUP_PATH_LEN bytes) is untouched. Pure.
 */
int cgroup_scope(const char *text, char *ret_path);

/* Read the scope's files below `root`. What is missing or malformed is unknown. */
struct cgroup_sample cgroup_read(const char *root, const char *path);

#endif
