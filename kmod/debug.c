// SPDX-License-Identifier: GPL-2.0
/*
 * State and counters, under /sys/kernel/debug/aerostat/<device>/:
 *
 *   state       one `key: value` a line: what is asked for, what is held and why not more
 *   statistics  one `tag value` a line: what the device would be told now
 *
 * Everything is gathered when a file is read.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "aerostat.h"

static struct dentry *root;

static const char *state_name(enum device_state state)
{
	switch (state) {
	case DEVICE_STOPPED:
		return "stopped";
	case DEVICE_RUNNING:
		return "running";
	case DEVICE_FAILED:
		return "failed";
	}
	return "unknown";
}

static void show_counters(struct seq_file *file, const struct aerostat *balloon)
{
	const struct counters *counters = &balloon->counters;

	seq_printf(file, "inflated_pages: %llu\n", counters->inflated_pages);
	seq_printf(file, "deflated_pages: %llu\n", counters->deflated_pages);
	seq_printf(file, "oom_pages: %llu\n", counters->oom_pages);
	seq_printf(file, "oom_calls: %llu\n", counters->oom_calls);
	seq_printf(file, "stops: %llu\n", counters->stops);
	seq_printf(file, "last_stop: %s\n", guard_stop_name(counters->last_stop));
	if (counters->stops)
		seq_printf(file, "last_stop_ms_ago: %llu\n",
			   resize_now_ms() - counters->last_stop_ms);
	seq_printf(file, "inflate_us: %llu\n", counters->inflate_us);
	seq_printf(file, "deflate_us: %llu\n", counters->deflate_us);
#if IS_ENABLED(CONFIG_AEROSTAT_STATS)
	seq_printf(file, "stats_sent: %llu\n", balloon->stats_sent);
	seq_printf(file, "stats_lost: %llu\n", balloon->stats_lost);
#endif
	seq_printf(file, "inflate_buffers: %llu\n", balloon->inflate.ring.sent_total);
	seq_printf(file, "deflate_buffers: %llu\n", balloon->deflate.ring.sent_total);
#if IS_ENABLED(CONFIG_AEROSTAT_HINTING)
	seq_printf(file, "hinted_pages: %lu\n", READ_ONCE(balloon->hinting.hinted.pages));
	seq_printf(file, "hinted_pages_total: %llu\n", balloon->hinting.hinted_pages);
	seq_printf(file, "hinted_pages_shrunk: %llu\n", balloon->hinting.shrunk_pages);
	seq_printf(file, "hinting_in_flight: %u\n", READ_ONCE(balloon->hinting.ring.in_flight));
#endif
#if IS_ENABLED(CONFIG_AEROSTAT_REPORTING)
	seq_printf(file, "inflated_by_range_pages: %llu\n", counters->reported_pages);
	seq_printf(file, "range_chains: %llu\n", balloon->reporting.ranges.ring.sent_total);
	seq_printf(file, "ranges: %llu\n", balloon->reporting.ranges.sent_ranges);
	seq_printf(file, "range_bytes: %llu\n", balloon->reporting.ranges.sent_bytes);
	seq_printf(file, "free_bytes_reported: %llu\n", balloon->reporting.free_bytes);
#endif
}

static int state_show(struct seq_file *file, void *unused)
{
	struct aerostat *balloon = file->private;
	struct guard_memory memory;
	unsigned int order;

	if (mutex_lock_interruptible(&balloon->lock))
		return -EINTR;
	memory_read(balloon, &memory);
	seq_printf(file, "state: %s\n", state_name(balloon->state));
	seq_printf(file, "target_frames: %u\n", balloon->target_frames);
	seq_printf(file, "actual_frames: %u\n", balloon->actual_frames);
	seq_printf(file, "path: %s\n", reporting_takes_blocks(balloon) ? "range" : "pfn");
	seq_printf(file, "held_pages: %lu\n", balloon->held.pages + balloon->reported.pages);
	seq_printf(file, "reported_pages: %lu\n", balloon->reported.pages);
	seq_printf(file, "untold_pages: %lu\n", balloon->untold.pages);
	seq_printf(file, "limbo_pages: %lu\n", balloon->limbo.pages);
	seq_printf(file, "stop: %s\n", guard_stop_name(balloon->guard.stop));
	seq_printf(file, "floor_kib: %llu\n", memory.floor_bytes >> 10);
	seq_printf(file, "available_kib: %llu\n", memory.available_bytes >> 10);
	seq_printf(file, "oom_kept_kib: %llu\n",
		   guard_remembered_bytes(&balloon->guard, resize_now_ms()) >> 10);
	seq_printf(file, "retry_ms: %u\n", guard_wait_ms(&balloon->guard, resize_now_ms()));
	seq_puts(file, "blocks_by_order:");
	for (order = 0; order < BLOCK_ORDERS; order++)
		seq_printf(file, " %lu",
			   balloon->held.count[order] + balloon->reported.count[order]);
	seq_puts(file, "\n");
	show_counters(file, balloon);
	mutex_unlock(&balloon->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(state);

#if IS_ENABLED(CONFIG_AEROSTAT_STATS)
static int statistics_show(struct seq_file *file, void *unused)
{
	struct stats_value values[BALLOON_S_TAGS];
	unsigned int i, count = stats_read(values);

	for (i = 0; i < count; i++)
		seq_printf(file, "%u %llu\n", values[i].tag, values[i].value);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(statistics);
#endif

/* debugfs may be off or full: its functions take errors as parents, and nothing depends on it. */
void debug_module_init(void)
{
	root = debugfs_create_dir("aerostat", NULL);
}

void debug_module_uninit(void)
{
	debugfs_remove(root);
}

void debug_init(struct aerostat *balloon)
{
	balloon->debug_dir = debugfs_create_dir(dev_name(&balloon->vdev->dev), root);
	debugfs_create_file("state", 0444, balloon->debug_dir, balloon, &state_fops);
#if IS_ENABLED(CONFIG_AEROSTAT_STATS)
	debugfs_create_file("statistics", 0444, balloon->debug_dir, balloon, &statistics_fops);
#endif
}

/* When this returns no reader is left. */
void debug_uninit(struct aerostat *balloon)
{
	debugfs_remove(balloon->debug_dir);
}
