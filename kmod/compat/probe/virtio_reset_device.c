// SPDX-License-Identifier: GPL-2.0
/* The core has a reset that also waits for running callbacks; before 5.17 only the transport's. */
#include <linux/virtio.h>

void probe(struct virtio_device *vdev);
void probe(struct virtio_device *vdev)
{
	virtio_reset_device(vdev);
}
