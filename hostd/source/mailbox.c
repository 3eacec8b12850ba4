// SPDX-License-Identifier: GPL-2.0
/*
 * A list under a mutex that is held for a few instructions, and an eventfd that wakes the owner.
 * The owner takes the whole list at once, so messages posted while it delivers come next round.
 */
#include "source/mailbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
	pthread_mutex_t lock; /* protects first and last */
	struct message *first;
	struct message **last; /* where the next message is hung */
	int fd;
	sd_event_source *source;
};

static struct message *take_all(struct mailbox *mailbox)
{
	struct message *first;

	pthread_mutex_lock(&mailbox->lock);
	first = mailbox->first;
	mailbox->first = NULL;
	mailbox->last = &mailbox->first;
	pthread_mutex_unlock(&mailbox->lock);
	return first;
}

static void deliver_all(struct message *message)
{
	while (message) {
		struct message *next = message->next;

		message->deliver(message);
		message = next;
	}
}

static int on_wake(sd_event_source *source, int fd, uint32_t events, void *userdata)
{
	struct mailbox *mailbox = userdata;
	uint64_t count;

	(void)source;
	(void)events;
	/* EAGAIN only: a wake-up without a message does no harm. */
	if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	deliver_all(take_all(mailbox));
	return 0;
}

void mailbox_flush(struct mailbox *mailbox)
{
	struct message *messages;

	while ((messages = take_all(mailbox)))
		deliver_all(messages);
}

int mailbox_new(sd_event *event, struct mailbox **ret_mailbox)
{
	struct mailbox *mailbox;
	int ret;

	mailbox = calloc(1, sizeof(*mailbox));
	if (!mailbox)
		return -ENOMEM;
	pthread_mutex_init(&mailbox->lock, NULL);
	mailbox->last = &mailbox->first;
	mailbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mailbox->fd < 0) {
		ret = -errno;
		goto fail;
	}
	ret = sd_event_add_io(event, &mailbox->source, mailbox->fd, EPOLLIN, on_wake, mailbox);
	if (ret < 0)
		goto fail;
	*ret_mailbox = mailbox;
	return 0;

fail:
	mailbox_free(mailbox);
	return ret;
}

void mailbox_free(struct mailbox *mailbox)
{
	if (!mailbox)
		return;
	sd_event_source_disable_unref(mailbox->source);
	if (mailbox->fd >= 0)
		close(mailbox->fd);
	pthread_mutex_destroy(&mailbox->lock);
	free(mailbox);
}

void mailbox_post(struct mailbox *mailbox, struct message *message)
{
	uint64_t one = 1;

	pthread_mutex_lock(&mailbox->lock);
	message->next = NULL;
	*mailbox->last = message;
	mailbox->last = &message->next;
	pthread_mutex_unlock(&mailbox->lock);
	/* Fails only when the counter is full, and then the owner is awake anyway. */
	if (write(mailbox->fd, &one, sizeof(one)) < 0)
		return;
}
