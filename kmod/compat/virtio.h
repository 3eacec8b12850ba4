/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The virtio core's interface as this module calls it, the same on every kernel.
 */
#ifndef AEROSTAT_COMPAT_VIRTIO_H
#define AEROSTAT_COMPAT_VIRTIO_H

#include <linux/virtio.h>
#include <linux/virtio_config.h>

#include "compat/probed.h"

/* The most queues a balloon device can have, all features counted. */
#define COMPAT_MAX_QUEUES 5

/* A queue to be found: its name in /proc/interrupts, and who is told of used buffers. */
struct compat_queue {
	const char *name;
	void (*callback)(struct virtqueue *vq);
};

/*
 * Find the first @count queues of @vdev as described by @queues; at most COMPAT_MAX_QUEUES.
 * On success @ret_vqs holds them; they are given back with vdev->config->del_vqs().
 * Return: 0, -EINVAL when there are too many, or what the transport says.
 */
static inline int compat_find_queues(struct virtio_device *vdev, unsigned int count,
				     const struct compat_queue *queues, struct virtqueue **ret_vqs)
{
#if COMPAT_HAS_VIRTQUEUE_INFO
	struct virtqueue_info info[COMPAT_MAX_QUEUES] = {};
#else
	vq_callback_t *callbacks[COMPAT_MAX_QUEUES];
	const char *names[COMPAT_MAX_QUEUES];
#endif
	struct virtqueue *vqs[COMPAT_MAX_QUEUES];
	unsigned int i;
	int err;

	if (count > COMPAT_MAX_QUEUES)
		return -EINVAL;
	for (i = 0; i < count; i++) {
#if COMPAT_HAS_VIRTQUEUE_INFO
		info[i].name = queues[i].name;
		info[i].callback = queues[i].callback;
#else
		names[i] = queues[i].name;
		callbacks[i] = queues[i].callback;
#endif
	}
#if COMPAT_HAS_VIRTQUEUE_INFO
	err = virtio_find_vqs(vdev, count, vqs, info, NULL);
#else
	err = virtio_find_vqs(vdev, count, vqs, callbacks, names, NULL);
#endif
	if (err)
		return err;
	for (i = 0; i < count; i++)
		ret_vqs[i] = vqs[i];
	return 0;
}

/* Reset the device. When this returns it owns nothing any more; a callback may still be about to end. */
static inline void compat_reset(struct virtio_device *vdev)
{
#if COMPAT_HAS_VIRTIO_RESET_DEVICE
	virtio_reset_device(vdev);
#else
	vdev->config->reset(vdev);
#endif
}

#endif
