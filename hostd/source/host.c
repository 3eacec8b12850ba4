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

struct host_sample host_sample_read(const char *root)
{
	struct host_sample sample = { 0 };
	char text[PROC_FILE_MAX_BYTES];

	if (!text_file_read(root, "proc/meminfo", text, sizeof(text))) {
		sample.total_kib = counters_find(text, "MemTotal");
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
