// SPDX-License-Identifier: GPL-2.0
/*
 * A guest whose memory is the host's huge pages: how much of it inflation frees.
 *
 * QEMU frees such a page only when all frames of it have come in one buffer, which is what
 * pfns_per_buffer=512 is for. All memory is there from the start (prealloc), and the figure is what
 * QEMU holds less afterwards.
 */
#include "move.h"
#include "process.h"
#include "subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool hugetlb_available(void)
{
	FILE *meminfo = fopen("/proc/meminfo", "re");
	unsigned long long free_pages = 0, page_kib = 0;
	size_t line_size = 0;
	char *line = NULL;

	if (!meminfo)
		return false;
	while (getline(&line, &line_size, meminfo) > 0) {
		if (strncmp(line, "HugePages_Free:", 15) == 0)
			free_pages = strtoull(line + 15, NULL, 10);
		else if (strncmp(line, "Hugepagesize:", 13) == 0)
			page_kib = strtoull(line + 13, NULL, 10);
	}
	free(line);
	fclose(meminfo);
	return page_kib == 2048 && free_pages >= HUGETLB_FULL_MIB / 2;
}

int sample_hugetlb(struct subject *subject, double *values)
{
	struct guest *guest = subject->guest;
	struct process_memory before, after;
	double took_ms;
	int r;

	r = process_memory(guest->pid, &before);
	if (r == 0)
		r = balloon_move(guest, (HUGETLB_FULL_MIB - HUGETLB_MOVED_MIB) * UINT64_C(1024),
				 MOVE_POLL_FINE_US, NULL, &took_ms);
	if (r == 0)
		r = process_memory(guest->pid, &after);
	if (r < 0)
		return subject_failed(subject, "inflate memory on huge pages", r);
	values[HUGETLB_FREED_PERCENT] = 100 *
					((double)before.hugetlb_kib - (double)after.hugetlb_kib) /
					(HUGETLB_MOVED_MIB * 1024.0);
	return 0;
}
