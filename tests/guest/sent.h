/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the driver puts into a queue, in the order in which the device reads it, as watch.ko sees it
 * (fault/watch.c).
 */
#ifndef GUEST_SENT_H
#define GUEST_SENT_H

#include "harness/test.h"

struct sent {
	bool out; /* to be read by the device */
	unsigned int bytes;
	uint64_t what; /* the first word of what it reads, the address of what it may write to */
};

/* From here on, in this queue. False: the test is skipped, or has failed. */
bool sent_watch(struct test *t, unsigned int queue);
/* All so far, as text for sent_next(), to be freed; NULL: the test has failed. */
char *sent_read(struct test *t);
/* The next buffer at *place. False: there is none. */
bool sent_next(const char **place, struct sent *ret_sent);
/* How many so far; 0 also when the test has failed. */
unsigned int sent_count(struct test *t);
int sent_end(struct test *t);

#endif
