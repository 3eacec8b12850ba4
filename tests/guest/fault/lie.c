// SPDX-License-Identifier: GPL-2.0
/*
 * A lying device for tests. No QEMU option makes its balloon lie, so this module puts the lie between
 * device and driver, where the driver cannot tell it from the device's own.
 *
 *   insmod lie.ko offset=0 value=0xffffffff    what is read at an offset of the configuration
 *   insmod lie.ko offset=0 vary=1              another value at each read
 *   insmod lie.ko queue=0 used=beyond          a false acknowledgement in a queue's used ring
 *   insmod lie.ko slow_ms=500                  no lie, but a device that is slow to look at its queues
 *
 * A used ring is memory of the guest in which the device writes, and so does this module, as soon as
 * there is a buffer that the device has not used. For that the device must be kept silent (fault.ko,
 * symbol=virtqueue_kick).
 *
 *   beyond  a descriptor the queue does not have       unsent  one that is not in flight
 *   twice   the first one in flight, and once more     jump    many more than are in flight
 *   length  all that are in flight, again and again, and each with an absurd length
 *   late    true ones, from a device that is notified after a while in which time has jumped by more
 *           than the driver gives it, as after a stop of the guest
 *   broken  the available ring is made nonsense: the device sees it, asks for a reset by its status,
 *           and does nothing more (this one without fault.ko)
 *
 * A slow device is one that is kept silent, and notified of all its queues now and then by this module.
 *
 * `told` counts the lies, or the notifications. They end with rmmod; of a slow device, with a last
 * notification.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <linux/workqueue.h>

#define BALLOON_ID     5
#define POLL_MS	       10
#define RESET_WAITS    1000 /* of POLL_MS, until the device has seen that its ring is broken */
#define JUMP	       1000
#define LATE_SENT_MS   300 /* by then the driver has sent what it may, and waits */
#define LATE_MS	       20000 /* time jumps by so much */
#define LATE_NOTIFY_MS 500 /* and that long after it the device is notified */
#define FOREIGN_DEVICE 0xfffe /* no such device exists */

static int offset = -1;
module_param(offset, int, 0444);
MODULE_PARM_DESC(offset, "Where in the configuration four bytes are not what the device has");

static uint value;
module_param(value, uint, 0444);
MODULE_PARM_DESC(value, "What they are instead");

static bool vary;
module_param(vary, bool, 0444);
MODULE_PARM_DESC(vary, "Something else at each read");

static int queue = -1;
module_param(queue, int, 0444);
MODULE_PARM_DESC(queue, "Number of the queue with a false used ring");

static char *used = "";
module_param(used, charp, 0444);
MODULE_PARM_DESC(used, "What is false: beyond, unsent, twice, jump, length, late or broken");

static uint slow_ms;
module_param(slow_ms, uint, 0444);
MODULE_PARM_DESC(slow_ms, "The device is notified so often, of all its queues");

static uint told;
module_param(told, uint, 0444);
MODULE_PARM_DESC(told, "Lies so far (read only)");

static struct virtio_device *device;
static const struct virtio_config_ops *true_config;
static struct virtio_config_ops false_config;
static atomic_t readers; /* of the false one */

/* In place of the transport's: the configuration, but for the lie. */
static void false_get(struct virtio_device *vdev, unsigned int from, void *buffer, unsigned int len)
{
	__le32 lie = cpu_to_le32(vary ? value + told * 0x9e3779b9u : value);

	atomic_inc(&readers);
	true_config->get(vdev, from, buffer, len);
	if (from == offset && len == sizeof(lie)) {
		memcpy(buffer, &lie, sizeof(lie));
		told++;
	}
	atomic_dec(&readers);
}

static struct virtqueue *find_queue(void)
{
	struct virtqueue *vq;

	list_for_each_entry(vq, &device->vqs, list) {
		if (vq->index == queue)
			return vq;
	}
	return NULL;
}

/* One entry more in the used ring, for the descriptor @id. */
static void use(const struct vring *ring, u32 id, u32 len)
{
	u16 index = virtio16_to_cpu(device, ring->used->idx);
	struct vring_used_elem *entry = &ring->used->ring[index % ring->num];

	entry->id = cpu_to_virtio32(device, id);
	entry->len = cpu_to_virtio32(device, len);
	virtio_wmb(false);
	ring->used->idx = cpu_to_virtio16(device, index + 1);
	told++;
}

/* Return: the descriptor that begins the buffer sent as number @index. */
static u16 sent(const struct vring *ring, u16 index)
{
	return virtio16_to_cpu(device, ring->avail->ring[index % ring->num]);
}

/* A descriptor that no buffer in flight begins with. */
static u16 not_in_flight(const struct vring *ring, u16 from, u16 to)
{
	u16 id, i;

	for (id = ring->num - 1; id; id--) {
		for (i = from; i != to && sent(ring, i) != id; i++)
			;
		if (i == to)
			break;
	}
	return id;
}

/* Buffers @from to @to are in flight. Return: whether there is more to tell. */
static bool tell(const struct vring *ring, u16 from, u16 to)
{
	if (!strcmp(used, "beyond")) {
		use(ring, ring->num + 5, 0);
	} else if (!strcmp(used, "unsent")) {
		use(ring, not_in_flight(ring, from, to), 0);
	} else if (!strcmp(used, "twice")) {
		use(ring, sent(ring, from), 0);
		use(ring, sent(ring, from), 0);
	} else if (!strcmp(used, "jump")) {
		ring->used->idx = cpu_to_virtio16(device, from + JUMP);
		told++;
	} else {
		for (; from != to; from++)
			use(ring, sent(ring, from), U32_MAX);
		return true;
	}
	return false;
}

/* No notification of the driver's gets through: ours do, and the first of them is late. */
static void be_late(struct virtqueue *vq)
{
	static bool jumped;

	if (!jumped) {
		jumped = true;
		msleep(LATE_SENT_MS);
		jiffies_64 += msecs_to_jiffies(LATE_MS);
		msleep(LATE_NOTIFY_MS);
	}
	virtqueue_notify(vq);
	told++;
}

static void poll(struct work_struct *work)
{
	struct virtqueue *vq = find_queue();
	const struct vring *ring;
	bool more = true;
	u16 from, to;

	if (vq) {
		ring = virtqueue_get_vring(vq);
		from = virtio16_to_cpu(device, READ_ONCE(ring->used->idx));
		to = virtio16_to_cpu(device, READ_ONCE(ring->avail->idx));
		if (from != to && !strcmp(used, "late")) {
			be_late(vq);
		} else if (from != to) {
			virtio_rmb(false);
			more = tell(ring, from, to);
			local_irq_disable();
			vring_interrupt(0, vq);
			local_irq_enable();
		}
	}
	if (more)
		schedule_delayed_work(to_delayed_work(work), msecs_to_jiffies(POLL_MS));
}

static DECLARE_DELAYED_WORK(poll_work, poll);

static void notify_all(void)
{
	struct virtqueue *vq;

	/* Under the core's lock: the driver may come and go, and its queues with it. */
	spin_lock(&device->vqs_list_lock);
	list_for_each_entry(vq, &device->vqs, list)
		virtqueue_notify(vq);
	spin_unlock(&device->vqs_list_lock);
	told++;
}

/* On while the guest goes to sleep: the driver may be waiting. */
static void notify_slowly(struct work_struct *work)
{
	notify_all();
	schedule_delayed_work(to_delayed_work(work), msecs_to_jiffies(slow_ms));
}

static DECLARE_DELAYED_WORK(slow_work, notify_slowly);

/*
 * The device is to look before the driver adds something, which would make the ring good again.
 * Return: 0, -ENODEV, or -ETIMEDOUT when the device takes it for good.
 */
static int break_queue(void)
{
	struct virtqueue *vq = find_queue();
	const struct vring *ring;
	unsigned int waits;
	u16 index;

	if (!vq)
		return -ENODEV;
	ring = virtqueue_get_vring(vq);
	index = virtio16_to_cpu(device, ring->avail->idx);
	ring->avail->ring[index % ring->num] = cpu_to_virtio16(device, U16_MAX);
	virtio_wmb(false);
	ring->avail->idx = cpu_to_virtio16(device, index + 1);
	virtqueue_notify(vq);
	told++;
	for (waits = RESET_WAITS; waits; waits--) {
		if (device->config->get_status(device) & VIRTIO_CONFIG_S_NEEDS_RESET)
			return 0;
		msleep(POLL_MS);
	}
	return -ETIMEDOUT;
}

static int is_balloon(struct device *dev, const void *unused)
{
	return container_of(dev, struct virtio_device, dev)->id.device == BALLOON_ID;
}

/* Matches nothing; a registered driver knows its bus. */
static const struct virtio_device_id no_ids[] = { { FOREIGN_DEVICE, VIRTIO_DEV_ANY_ID }, { 0 } };
static int no_probe(struct virtio_device *vdev)
{
	return -ENODEV;
}
static void no_remove(struct virtio_device *vdev)
{
}
static struct virtio_driver finder = {
	.driver.name = "lie",
	.id_table = no_ids,
	.probe = no_probe,
	.remove = no_remove,
};

static int find_device(void)
{
	struct device *dev;
	int err = register_virtio_driver(&finder);

	if (err)
		return err;
	dev = bus_find_device(finder.driver.bus, NULL, NULL, is_balloon);
	unregister_virtio_driver(&finder);
	if (!dev)
		return -ENODEV;
	device = container_of(dev, struct virtio_device, dev);
	return 0;
}

static int __init lie_init(void)
{
	int err = find_device();

	if (err)
		return err;
	true_config = device->config;
	if (offset >= 0) {
		false_config = *true_config;
		false_config.get = false_get;
		device->config = &false_config;
	}
	if (!strcmp(used, "broken"))
		err = break_queue();
	else if (queue >= 0)
		schedule_delayed_work(&poll_work, 0);
	if (slow_ms)
		schedule_delayed_work(&slow_work, msecs_to_jiffies(slow_ms));
	if (err)
		put_device(&device->dev);
	return err;
}

static void __exit lie_exit(void)
{
	cancel_delayed_work_sync(&poll_work);
	cancel_delayed_work_sync(&slow_work);
	if (slow_ms)
		notify_all();
	device->config = true_config;
	/* Reads that began with the false one. */
	synchronize_rcu();
	while (atomic_read(&readers))
		cond_resched();
	put_device(&device->dev);
}

module_init(lie_init);
module_exit(lie_exit);

MODULE_AUTHOR("The Aerostat developers");
MODULE_DESCRIPTION("A lying balloon device, for the tests of aerostat");
MODULE_LICENSE("GPL");
