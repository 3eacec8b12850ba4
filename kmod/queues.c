// SPDX-License-Identifier: GPL-2.0
/*
 * Which features and queues the device and we have.
 *
 * Queues are numbered without gaps, and a device counts those of all features it offers. So we have
 * each queue up to the last one we use: a feature with a queue is taken whenever it is offered, or
 * it is left out along with the features whose queues come after.
 */
#include <linux/virtio_config.h>

#include "aerostat.h"
#include "compat/virtio.h"
#include "poison.h"
#include "queues.h"

/*
 * Leave out @feature and, as queues are numbered without gaps, where it has a queue the features
 * whose queues come after it.
 */
static void leave_out(struct virtio_device *vdev, unsigned int feature)
{
	static const unsigned int with_queue[] = {
		BALLOON_F_STATS_VQ,
		BALLOON_F_FREE_PAGE_HINT,
		BALLOON_F_REPORTING,
	};
	unsigned int i;
	bool after = false;

	if (!__virtio_test_bit(vdev, feature))
		return;
	__virtio_clear_bit(vdev, feature);
	for (i = 0; i < ARRAY_SIZE(with_queue); i++) {
		if (after)
			__virtio_clear_bit(vdev, with_queue[i]);
		after |= with_queue[i] == feature;
	}
}

/* Before the features are settled: leave out what this build or this kernel has no use for. */
int queues_validate(struct virtio_device *vdev)
{
	if (!IS_ENABLED(CONFIG_AEROSTAT_STATS))
		leave_out(vdev, BALLOON_F_STATS_VQ);
	if (!IS_ENABLED(CONFIG_AEROSTAT_DEFLATE_ON_OOM))
		leave_out(vdev, BALLOON_F_DEFLATE_ON_OOM);
	if (!IS_ENABLED(CONFIG_AEROSTAT_HINTING))
		leave_out(vdev, BALLOON_F_FREE_PAGE_HINT);
	if (!IS_ENABLED(CONFIG_AEROSTAT_REPORTING))
		leave_out(vdev, BALLOON_F_REPORTING);
	if (!poison_wanted())
		leave_out(vdev, BALLOON_F_PAGE_POISON);
	else if (!__virtio_test_bit(vdev, BALLOON_F_PAGE_POISON))
		/* Free pages must keep what they hold, and the device would not know. */
		leave_out(vdev, BALLOON_F_REPORTING);
	/* Frame numbers are guest-physical; behind an IOMMU the device would misread them. */
	leave_out(vdev, VIRTIO_F_ACCESS_PLATFORM);
	return 0;
}

static void inflate_acked(struct virtqueue *vq)
{
	struct aerostat *balloon = vq->vdev->priv;

	ring_acked(&balloon->inflate.ring);
}

static void deflate_acked(struct virtqueue *vq)
{
	struct aerostat *balloon = vq->vdev->priv;

	ring_acked(&balloon->deflate.ring);
}

/*
 * Find the queues. They are numbered without gaps, and a device counts those of all features it
 * offers; queues_validate() sees to it that we have each one up to the last.
 * Return: 0 or what the transport says.
 */
int queues_find(struct virtio_device *vdev, struct queues *ret_queues)
{
	struct virtqueue *vqs[COMPAT_MAX_QUEUES] = {};
	struct compat_queue wanted[COMPAT_MAX_QUEUES];
	struct virtqueue **places[COMPAT_MAX_QUEUES];
	struct queues queues = {};
	unsigned int i, count = 0;
	int err;

	places[count] = &queues.inflate;
	wanted[count++] = (struct compat_queue){ "inflate", inflate_acked };
	places[count] = &queues.deflate;
	wanted[count++] = (struct compat_queue){ "deflate", deflate_acked };
	if (virtio_has_feature(vdev, BALLOON_F_STATS_VQ)) {
		places[count] = &queues.stats;
		wanted[count++] = (struct compat_queue){ "stats", stats_asked };
	}
	if (virtio_has_feature(vdev, BALLOON_F_FREE_PAGE_HINT)) {
		places[count] = &queues.hinting;
		wanted[count++] = (struct compat_queue){ "hinting", hinting_asked };
	}
	if (virtio_has_feature(vdev, BALLOON_F_REPORTING)) {
		places[count] = &queues.reporting;
		wanted[count++] = (struct compat_queue){ "reporting", reporting_acked };
	}
	err = compat_find_queues(vdev, count, wanted, vqs);
	if (err)
		return err;
	for (i = 0; i < count; i++)
		*places[i] = vqs[i];
	*ret_queues = queues;
	return 0;
}
