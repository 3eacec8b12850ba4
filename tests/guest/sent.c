// SPDX-License-Identifier: GPL-2.0
/*
 * See sent.h.
 */
#include "sent.h"
#include "faults.h"

#include <stdio.h>
#include <string.h>

bool sent_watch(struct test *t, unsigned int queue)
{
	if (!have_injector(t))
		return false;
	if (guest_ask(t->guest, NULL, "insmod watch queue=%u", queue) < 0)
		test_fail(t, __FILE__, __LINE__, "watch.ko: could not be loaded");
	return !t->failed;
}

char *sent_read(struct test *t)
{
	char *text = NULL;

	if (guest_ask(t->guest, &text, "read /sys/kernel/debug/watch") < 0)
		test_fail(t, __FILE__, __LINE__, "watch.ko shows nothing");
	return text;
}

bool sent_next(const char **place, struct sent *ret_sent)
{
	char direction[4];
	unsigned int bytes;
	uint64_t what;
	int length;

	if (sscanf(*place, "%3s %u %" SCNu64 "\n%n", direction, &bytes, &what, &length) != 3)
		return false;
	*place += length;
	*ret_sent = (struct sent){ strcmp(direction, "out") == 0, bytes, what };
	return true;
}

unsigned int sent_count(struct test *t)
{
	char *text = sent_read(t);
	const char *place = text;
	unsigned int count = 0;
	struct sent sent;

	if (!text)
		return 0;
	while (sent_next(&place, &sent))
		count++;
	free(text);
	return count;
}

int sent_end(struct test *t)
{
	return guest_ask(t->guest, NULL, "rmmod watch");
}
