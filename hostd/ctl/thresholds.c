// SPDX-License-Identifier: GPL-2.0
/* A daemon that does not tell a threshold has none: then its alarms are all there is to go by. */
#include "ctl/thresholds.h"

#include <string.h>

#include "ctl/select.h"
#include "ctl/sentences.h"

bool alarm_is_raised(const json_t *object, const char *alarm)
{
	const char *at = text_of(object, "alarms", "");
	size_t length = strlen(alarm);

	while (*at) {
		size_t word = strcspn(at, " ");

		if (word == length && !strncmp(at, alarm, length))
			return true;
		at += word;
		at += strspn(at, " ");
	}
	return false;
}

bool is_beyond(const json_t *object, const json_t *host, const struct threshold *threshold)
{
	if (!known(object, threshold->figure))
		return false;
	return alarm_is_raised(object, threshold->alarm) ||
	       (known(host, threshold->limit) &&
		number(object, threshold->figure) > number(host, threshold->limit));
}

struct beyond find_beyond(const json_t *vms, const json_t *host, const struct threshold *threshold)
{
	struct beyond beyond = { 0 };

	for (size_t i = 0; i < json_array_size(vms); i++) {
		const json_t *vm = json_array_get(vms, i);
		size_t rank = beyond.n < NAMED_MOST ? beyond.n : NAMED_MOST;

		if (!is_beyond(vm, host, threshold))
			continue;
		beyond.n++;
		/* Let it rise past those that are better off. */
		for (; rank && number(vm, threshold->figure) >
				       number(beyond.worst[rank - 1], threshold->figure);
		     rank--)
			if (rank < NAMED_MOST)
				beyond.worst[rank] = beyond.worst[rank - 1];
		if (rank < NAMED_MOST)
			beyond.worst[rank] = vm;
	}
	return beyond;
}

bool is_among_worst(const struct beyond *beyond, const json_t *vm)
{
	for (size_t i = 0; i < beyond->n && i < NAMED_MOST; i++)
		if (beyond->worst[i] == vm)
			return true;
	return false;
}
