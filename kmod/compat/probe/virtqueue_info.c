// SPDX-License-Identifier: GPL-2.0
/* Queues are described by an array of struct virtqueue_info; before 6.11 by several arrays. */
#include <linux/virtio.h>
#include <linux/virtio_config.h>

int probe(struct virtio_device *vdev, struct virtqueue **vqs, struct virtqueue_info *info);
int probe(struct virtio_device *vdev, struct virtqueue **vqs, struct virtqueue_info *info)
{
	return virtio_find_vqs(vdev, 1, vqs, info, NULL);
}
