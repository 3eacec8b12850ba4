// SPDX-License-Identifier: GPL-2.0
/*
 * A load as the kernel command line describes it: a shape, and what differs from it.
 */
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What shapes do not say is the same for all of them. */
#define COMMON .after_s = 20, .rate_mib_s = 20, .verify_s = 15

static const struct load_options shapes[] = {
	{ .name = "idle", .start_mib = 48, .to_mib = 48, .headroom_mib = 32, COMMON },
	{ .name = "grow", .start_mib = 64, .to_mib = 512, .count = 1, .headroom_mib = 32, COMMON },
	{ .name = "burst",
	  .start_mib = 32,
	  .to_mib = 256,
	  .hold_s = 15,
	  .headroom_mib = 32,
	  COMMON },
	{ .name = "job",
	  .start_mib = 64,
	  .to_mib = 256,
	  .count = 2,
	  .sweeps = 4,
	  .every_s = 60,
	  COMMON },
};

static uint64_t round_up_step(uint64_t mib)
{
	return (mib + LOAD_STEP_MIB - 1) / LOAD_STEP_MIB * LOAD_STEP_MIB;
}

/* One PARAMETER=VALUE. */
static int set_parameter(struct load_options *options, char *text)
{
	const struct {
		const char *name;
		uint64_t *value;
	} numbers[] = {
		{ "start_mib", &options->start_mib },
		{ "to_mib", &options->to_mib },
		{ "cache_mib", &options->cache_mib },
		{ "after_s", &options->after_s },
		{ "every_s", &options->every_s },
		{ "hold_s", &options->hold_s },
		{ "sweeps", &options->sweeps },
		{ "rate_mib_s", &options->rate_mib_s },
		{ "verify_s", &options->verify_s },
		{ "count", &options->count },
		{ "headroom_mib", &options->headroom_mib },
	};
	const struct {
		const char *name;
		char *value;
		size_t size;
	} texts[] = {
		{ "name", options->name, sizeof(options->name) },
		{ "cache_disk", options->cache_disk, sizeof(options->cache_disk) },
	};
	char *value = strchr(text, '='), *end;
	uint64_t number;

	if (!value || !value[1])
		return -EINVAL;
	*value++ = '\0';
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (strcmp(text, texts[i].name) != 0)
			continue;
		if (strlen(value) >= texts[i].size)
			return -EMSGSIZE;
		strcpy(texts[i].value, value);
		return 0;
	}
	errno = 0;
	number = strtoull(value, &end, 10);
	if (errno || *end)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strcmp(text, numbers[i].name) == 0) {
			*numbers[i].value = number;
			return 0;
		}
	}
	return -EINVAL;
}

int load_parse(char *text, struct load_options *ret_options)
{
	struct load_options options;
	char *word, *rest;
	int r;

	word = strtok_r(text, ",", &rest);
	for (size_t i = 0; word && i < sizeof(shapes) / sizeof(*shapes); i++) {
		if (strcmp(word, shapes[i].name) != 0)
			continue;
		options = shapes[i];
		while ((word = strtok_r(NULL, ",", &rest))) {
			r = set_parameter(&options, word);
			if (r < 0)
				return r;
		}
		if (options.rate_mib_s == 0 || options.verify_s == 0)
			return -EINVAL;
		options.start_mib = round_up_step(options.start_mib);
		options.to_mib = round_up_step(options.to_mib);
		*ret_options = options;
		return 0;
	}
	return -EINVAL;
}
