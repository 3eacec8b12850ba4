// SPDX-License-Identifier: GPL-2.0
/*
 * Three small files a tick, which the kernel answers from memory: cheap enough for the loop's own
 * thread, and they cannot hang as a hypervisor can.
 */
#include "source/host.h"

#include "source/counters.h"
#include "source/psi.h"
#include "util/text_file.h"

/* vmstat is about 4 KiB on today's kernels, meminfo 1.5 KiB. */
#define PROC_FILE_MAX_BYTES (32 * 1024)

/*
 * Without what is set aside for huge pages, of which nothing is ever available: shares of the total
 * would otherwise be of memory that nobody here can have. Older kernels do not tell (Hugetlb is
 * there from 4.16 on).
 */
static struct opt_u64 ordinary_kib(const char *meminfo)
{
	uint64_t total_kib, huge_kib = opt_or(counters_find(meminfo, "Hugetlb"), 0);

	if (!opt_get(counters_find(meminfo, "MemTotal"), &total_kib) || huge_kib > total_kib)
		return opt_none();
	return opt_some(total_kib - huge_kib);
}

struct host_sample host_sample_read(const char *root)
{
	struct host_sample sample = { 0 };
	char text[PROC_FILE_MAX_BYTES];

	if (!text_file_read(root, "proc/meminfo", text, sizeof(text))) {
		sample.total_kib = ordinary_kib(text);
		sample.available_kib = counters_find(text, "MemAvailable");
	}
	if (!text_file_read(root, "proc/vmstat", text, sizeof(text))) {
		sample.swap_in_pages = counters_find(text, "pswpin");
		sample.swap_out_pages = counters_find(text, "pswpout");
	}
	if (!text_file_read(root, "proc/pressure/memory", text, sizeof(text))) {
		struct psi psi = psi_parse(text);

		sample.psi_some_permille = psi.some_permille;
		sample.psi_full_permille = psi.full_permille;
	}
	return sample;
}
