// SPDX-License-Identifier: GPL-2.0
/* Compiles on every kernel: shows that the other snippets' answers mean something. */
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/mm.h>
#include <linux/vmstat.h>

bool probe(const struct virtio_device *vdev);
bool probe(const struct virtio_device *vdev)
{
	return virtio_has_feature(vdev, 0);
}
