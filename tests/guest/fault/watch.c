// SPDX-License-Identifier: GPL-2.0
/*
 * What aerostat puts into a queue, for tests of what a device is told.
 *
 *   insmod watch.ko queue=3
 *   cat /sys/kernel/debug/watch
 *
 * One line a buffer, in the order in which they were sent: what the device is to read as `out BYTES
 * WORD`, with the first four bytes; what it may write to as `in BYTES ADDRESS`, of the first part.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/io.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>

#define BALLOON_ID   5
#define BUFFERS_MOST 2048

static unsigned int queue;
module_param(queue, uint, 0444);
MODULE_PARM_DESC(queue, "Number of the balloon's queue that is watched");

struct buffer {
	bool out;
	u32 bytes;
	u64 what; /* first word, or address */
	bool done; /* the rest is there */
};

/* Without a lock: probes may run where none may be taken. */
static struct buffer buffers[BUFFERS_MOST];
static atomic_t count;

static void note(struct pt_regs *regs, bool out)
{
	const struct virtqueue *vq = (void *)regs_get_kernel_argument(regs, 0);
	struct scatterlist *list = (void *)regs_get_kernel_argument(regs, 1), *entry;
	unsigned int entries = regs_get_kernel_argument(regs, 2), i;
	struct buffer *buffer;
	unsigned int place;

	if (vq->index != queue || vq->vdev->id.device != BALLOON_ID)
		return;
	place = atomic_fetch_inc(&count);
	if (place >= BUFFERS_MOST)
		return;
	buffer = &buffers[place];
	buffer->out = out;
	for_each_sg(list, entry, entries, i) buffer->bytes += entry->length;
	if (out)
		buffer->what = virtio32_to_cpu(vq->vdev, *(__virtio32 *)sg_virt(list));
	else
		buffer->what = sg_phys(list);
	smp_store_release(&buffer->done, true);
}

static int out_added(struct kprobe *probe, struct pt_regs *regs)
{
	note(regs, true);
	return 0;
}

static int in_added(struct kprobe *probe, struct pt_regs *regs)
{
	note(regs, false);
	return 0;
}

static struct kprobe out_probe = { .symbol_name = "virtqueue_add_outbuf",
				   .pre_handler = out_added };
static struct kprobe in_probe = { .symbol_name = "virtqueue_add_inbuf", .pre_handler = in_added };

static int watch_show(struct seq_file *file, void *unused)
{
	unsigned int i;

	for (i = 0; i < BUFFERS_MOST && smp_load_acquire(&buffers[i].done); i++)
		seq_printf(file, "%s %u %llu\n", buffers[i].out ? "out" : "in", buffers[i].bytes,
			   buffers[i].what);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(watch);

static struct dentry *watch_file;

static int __init watch_init(void)
{
	int err = register_kprobe(&out_probe);

	if (err)
		return err;
	err = register_kprobe(&in_probe);
	if (err) {
		unregister_kprobe(&out_probe);
		return err;
	}
	watch_file = debugfs_create_file("watch", 0444, NULL, NULL, &watch_fops);
	return 0;
}

static void __exit watch_exit(void)
{
	debugfs_remove(watch_file);
	unregister_kprobe(&in_probe);
	unregister_kprobe(&out_probe);
}

module_init(watch_init);
module_exit(watch_exit);

MODULE_AUTHOR("The Aerostat developers");
MODULE_DESCRIPTION("What aerostat sends, for its tests");
MODULE_LICENSE("GPL");
