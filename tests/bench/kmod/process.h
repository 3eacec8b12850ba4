/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the host's kernel says of the QEMU process.
 */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

struct process_memory {
	uint64_t resident_kib;
	uint64_t peak_kib; /* of resident memory, since process_reset_peak */
	uint64_t huge_kib; /* AnonHugePages: of the resident memory, in huge pages */
	uint64_t hugetlb_kib; /* of hugetlbfs, which does not count as resident */
};

/* Each returns 0 or a negative errno; -ENODATA: the kernel does not tell. */
int process_reset_peak(pid_t pid);
int process_memory(pid_t pid, struct process_memory *ret_memory);
/* CPU time that all threads have used; does not grow while others have the CPU. */
int process_cpu_ms(pid_t pid, double *ret_ms);
/* Voluntary context switches of all threads that are still there. */
int process_switches(pid_t pid, uint64_t *ret_switches);

#endif
