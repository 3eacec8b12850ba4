// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/diskstats has a line for each disk, partition and virtual device. Counted are the disks that
 * hardware, or the hypervisor below, stands behind: those with a device in sysfs. Partitions, loop,
 * RAM and device-mapper devices have none, and would count an I/O twice. Removable media are left
 * out: nobody's VM is on them. Storage that is no block device here (NFS, a library of QEMU's) is
 * not seen.
 *
 * A disk that ends nothing is the worst of all, but has no average. While I/Os are under way on it
 * and none ends, the oldest of them takes at least as long as that has been seen, and that counts.
 */
#include "source/storage.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/text_file.h"

#define INTERVAL_LEAST_MS 2000 /* over less, a single I/O would look like a slow disk */
#define DISKS_MAX	  4096

struct disk {
	struct storage_counters counters; /* first: its first member is what disks are sorted by */
	struct opt_u64 stalled_ms; /* since when I/Os were under way and none ended */
};

struct storage {
	struct disk *disks; /* at the last look, by name */
	size_t n_disks;
	struct opt_u64 looked_ms;
	struct storage_sample sample;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

int storage_parse(const char *line, struct storage_counters *ret_counters)
{
	struct storage_counters counters = { 0 };
	uint64_t reads, writes, read_wait_ms, write_wait_ms, discards = 0, flushes = 0;
	int n;

	/* The last two are there since Linux 4.18 and 5.5. */
	n = sscanf(line,
		   "%*u %*u %31s %" SCNu64 " %*u %*u %" SCNu64 " %" SCNu64 " %*u %*u %" SCNu64
		   " %" SCNu64 " %*u %*u %" SCNu64 " %*u %*u %*u %" SCNu64,
		   counters.name, &reads, &read_wait_ms, &writes, &write_wait_ms,
		   &counters.under_way, &discards, &flushes);
	if (n < 6)
		return -EINVAL;
	counters.ios = reads + writes;
	counters.ended = counters.ios + discards + flushes;
	counters.read_wait_ms = (uint32_t)read_wait_ms;
	counters.write_wait_ms = (uint32_t)write_wait_ms;
	*ret_counters = counters;
	return 0;
}

/* In sysfs a slash in a disk's name is an exclamation mark: cciss!c0d0. */
static bool is_physical(const char *root, const char *name)
{
	char in_sysfs[STORAGE_NAME_LEN], path[64], full[PATH_MAX], removable[8];
	size_t i;

	for (i = 0; name[i]; i++)
		in_sysfs[i] = name[i] == '/' ? '!' : name[i];
	in_sysfs[i] = '\0';
	if (in_sysfs[0] == '.')
		return false;
	if (snprintf(full, sizeof(full), "%s/sys/block/%s/device", root, in_sysfs) >=
	    (int)sizeof(full))
		return false;
	if (access(full, F_OK))
		return false;
	snprintf(path, sizeof(path), "sys/block/%s/removable", in_sysfs);
	return text_file_read(root, path, removable, sizeof(removable)) || removable[0] != '1';
}

/* All physical disks, sorted; *ret_disks is to be freed. Hosts have hundreds of lines, or more. */
static int read_disks(const char *root, struct disk **ret_disks, size_t *ret_n)
{
	struct disk *disks = NULL;
	size_t n = 0, room = 0, size = 0;
	char path[PATH_MAX], *line = NULL;
	FILE *file;
	int ret = 0;

	if (snprintf(path, sizeof(path), "%s/proc/diskstats", root) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (n < DISKS_MAX && getline(&line, &size, file) >= 0) {
		struct storage_counters counters;

		if (storage_parse(line, &counters) || !is_physical(root, counters.name))
			continue;
		if (n == room) {
			struct disk *larger = reallocarray(disks, room + 16, sizeof(*disks));

			if (!larger) {
				ret = -ENOMEM;
				break;
			}
			disks = larger;
			room += 16;
		}
		disks[n++] = (struct disk){ .counters = counters };
	}
	free(line);
	fclose(file);
	if (ret) {
		free(disks);
		return ret;
	}
	if (n)
		qsort(disks, n, sizeof(*disks), compare_names);
	*ret_disks = disks;
	*ret_n = n;
	return 0;
}

/* What a disk took for an I/O between two looks; unknown: it is another one by the same name. */
static struct opt_u64 latency_us(const struct disk *before, struct disk *now, uint64_t before_ms,
				 uint64_t now_ms)
{
	const struct storage_counters *was = &before->counters, *is = &now->counters;
	uint64_t ios, wait_ms;

	if (is->ios < was->ios || is->ended < was->ended)
		return opt_none();
	if (is->ended == was->ended && was->under_way && is->under_way) {
		now->stalled_ms = opt_some(opt_or(before->stalled_ms, before_ms));
		return opt_some((now_ms - opt_or(now->stalled_ms, 0)) * 1000);
	}
	ios = is->ios - was->ios;
	if (!ios)
		return opt_some(0);
	wait_ms = (uint64_t)(uint32_t)(is->read_wait_ms - was->read_wait_ms) +
		  (uint32_t)(is->write_wait_ms - was->write_wait_ms);
	return opt_some(wait_ms * 1000 / ios);
}

/* The slowest of the disks that were there at both looks. */
static struct storage_sample slowest(const struct storage *storage, struct disk *disks, size_t n,
				     uint64_t now_ms)
{
	struct storage_sample sample = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct disk *before = NULL;
		struct opt_u64 latency;

		if (storage->n_disks)
			before = bsearch(&disks[i], storage->disks, storage->n_disks,
					 sizeof(*storage->disks), compare_names);
		if (!before)
			continue;
		latency = latency_us(before, &disks[i], opt_or(storage->looked_ms, 0), now_ms);
		if (!latency.known)
			continue;
		if (opt_or(latency, 0) > opt_or(sample.latency_us, 0))
			memcpy(sample.device, disks[i].counters.name, sizeof(sample.device));
		else if (sample.latency_us.known)
			continue;
		sample.latency_us = latency;
	}
	return sample;
}

struct storage_sample storage_look(struct storage *storage, const char *root, uint64_t now_ms)
{
	struct disk *disks = NULL;
	size_t n = 0;

	if (storage->looked_ms.known && now_ms - opt_or(storage->looked_ms, 0) < INTERVAL_LEAST_MS)
		return storage->sample;
	if (read_disks(root, &disks, &n))
		n = 0; /* nothing is known, now and at the next look */
	storage->sample = slowest(storage, disks, n, now_ms);
	free(storage->disks);
	storage->disks = disks;
	storage->n_disks = n;
	storage->looked_ms = opt_some(now_ms);
	return storage->sample;
}

struct storage *storage_new(void)
{
	return calloc(1, sizeof(struct storage));
}

void storage_free(struct storage *storage)
{
	if (!storage)
		return;
	free(storage->disks);
	free(storage);
}
