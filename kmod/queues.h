/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which features and queues the device and we have. See queues.c.
 */
#ifndef AEROSTAT_QUEUES_H
#define AEROSTAT_QUEUES_H

#include <linux/virtio.h>

/* The queues of one start; NULL for those the device does not have. */
struct queues {
	struct virtqueue *inflate;
	struct virtqueue *deflate;
	struct virtqueue *stats;
	struct virtqueue *hinting;
	struct virtqueue *reporting;
};

int queues_validate(struct virtio_device *vdev);
int queues_find(struct virtio_device *vdev, struct queues *ret_queues);

#endif
