// SPDX-License-Identifier: GPL-2.0
/*
 * Two drivers match the balloon device, and the first to be loaded has it. When that was not this
 * one, say which device is held by whom, and how it changes hands.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/virtio.h>

#include <aerostat/balloon.h>

#include "aerostat.h"

static int report_one(struct device *dev, void *data)
{
	struct virtio_device *vdev = container_of(dev, struct virtio_device, dev);
	const struct device_driver *ours = data;

	if (vdev->id.device != BALLOON_DEVICE_ID)
		return 0;
	device_lock(dev);
	if (dev->driver && dev->driver != ours)
		pr_warn("%s is held by %s; hand it over with 'aerostat-take-over %s' (in the sources: scripts/take-over), or: echo %s > /sys/bus/virtio/drivers/%s/unbind; echo %s > /sys/bus/virtio/drivers/%s/bind\n",
			dev_name(dev), dev->driver->name, dev_name(dev), dev_name(dev),
			dev->driver->name, dev_name(dev), ours->name);
	device_unlock(dev);
	return 0;
}

/* @driver has been registered: report the balloon devices it did not get. */
void handover_report(struct virtio_driver *driver)
{
	bus_for_each_dev(driver->driver.bus, NULL, &driver->driver, report_one);
}
