// SPDX-License-Identifier: GPL-2.0
/*
 * What libvirt itself costs whoever asks it for statistics, without a daemon around it: the same
 * calls the daemon makes, one after the other on one connection, timed.
 *
 * usage: bulk URI ROUNDS PAUSE_MS
 *
 * Prints one line: domains, median and greatest wall time of a round in us, CPU time of a round in
 * us, resident and anonymous memory at the end in KiB.
 */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void swallow_error(void *userdata, virErrorPtr error)
{
	(void)userdata;
	(void)error;
}

/* Where the bulk answer has no balloon, as in the test driver, the daemon asks each domain. */
static void ask_each(const virDomainStatsRecord *record)
{
	virDomainMemoryStatStruct values[VIR_DOMAIN_MEMORY_STAT_NR];
	virDomainInfo info;

	for (int i = 0; i < record->nparams; i++)
		if (!strcmp(record->params[i].field, "balloon.current"))
			return;
	virDomainGetInfo(record->dom, &info);
	virDomainMemoryStats(record->dom, values, VIR_DOMAIN_MEMORY_STAT_NR, 0);
}

static int round_of(virConnectPtr conn)
{
	virDomainStatsRecordPtr *records;
	int n;

	n = virConnectGetAllDomainStats(conn, VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_BALLOON,
					&records,
					VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE |
						VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
	for (int i = 0; i < n; i++)
		ask_each(records[i]);
	if (n >= 0)
		virDomainStatsRecordListFree(records);
	return n;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static unsigned long status_kib(const char *key)
{
	unsigned long kib = 0;
	char line[128];
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			kib = strtoul(line + strlen(key), NULL, 10);
	if (file)
		fclose(file);
	return kib;
}

int main(int argc, char **argv)
{
	uint64_t *wall_us, cpu_us;
	virConnectPtr conn;
	int rounds, n = 0;

	rounds = argc == 4 ? atoi(argv[2]) : 0;
	if (rounds < 1) {
		fprintf(stderr, "usage: bulk URI ROUNDS PAUSE_MS\n");
		return 2;
	}
	virSetErrorFunc(NULL, swallow_error);
	conn = virConnectOpen(argv[1]);
	wall_us = calloc((size_t)rounds, sizeof(*wall_us));
	if (!conn || !wall_us) {
		fprintf(stderr, "bulk: %s: %s\n", argv[1], virGetLastErrorMessage());
		return 1;
	}
	round_of(conn); /* the first one warms up caches */
	cpu_us = now_us(CLOCK_PROCESS_CPUTIME_ID);
	for (int i = 0; i < rounds && n >= 0; i++) {
		wall_us[i] = now_us(CLOCK_MONOTONIC);
		n = round_of(conn);
		wall_us[i] = now_us(CLOCK_MONOTONIC) - wall_us[i];
		usleep((useconds_t)atoi(argv[3]) * 1000);
	}
	cpu_us = now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_us;
	qsort(wall_us, (size_t)rounds, sizeof(*wall_us), compare);
	printf("%d %ju %ju %ju %lu %lu\n", n, (uintmax_t)wall_us[rounds / 2],
	       (uintmax_t)wall_us[rounds - 1], (uintmax_t)cpu_us / (unsigned int)rounds,
	       status_kib("VmRSS:"), status_kib("RssAnon:"));
	free(wall_us);
	virConnectClose(conn);
	return n < 0;
}
