/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one way from other threads to the owner of the daemon's state. Any thread posts messages;
 * the owner's event loop delivers them one by one, in the order of posting, on its own thread. So
 * all state has one owner and needs no locks.
 */
#ifndef AEROSTAT_SOURCE_MAILBOX_H
#define AEROSTAT_SOURCE_MAILBOX_H

#include <systemd/sd-event.h>

/* Embedded in what is sent. */
struct message {
	struct message *next;
	/* On the owner's thread; disposes of the message. */
	void (*deliver)(struct message *message);
};

struct mailbox;

int mailbox_new(sd_event *event, struct mailbox **ret_mailbox);

/* Deliver what was posted until nothing is left; on the owner's thread. */
void mailbox_flush(struct mailbox *mailbox);

/* No thread may post any more, and mailbox_flush() has been called. Takes NULL. */
void mailbox_free(struct mailbox *mailbox);

/* From any thread; cannot fail and does not wait for the owner. */
void mailbox_post(struct mailbox *mailbox, struct message *message);

#endif
