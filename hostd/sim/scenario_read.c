// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a scenario's file (scenario.h). Every section and key is known, or it is an error: a
 * misspelt behaviour must not become a well-behaved VM.
 */
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/keys.h"
#include "sim/scenario_internal.h"

#define VM_PREFIX     "vm "
#define CONF_PREFIX   "conf "
#define EXPECT_PREFIX "expect "

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

struct reader {
	struct scenario *scenario;
	struct sim_error *error;
	bool failed;
	char what[CONF_ERROR_LEN];
};

enum kind {
	KIND_AMOUNT,
	KIND_SIZE_MIB,
	KIND_TIME,
	KIND_COUNT,
	KIND_BOOL,
	KIND_LIE,
};

struct key {
	const char *name;
	enum kind kind;
	size_t offset;
};

#define GROUP(field) offsetof(struct scenario_group, field)

static const struct key group_keys[] = {
	{ "count", KIND_COUNT, GROUP(count) },
	{ "memory", KIND_SIZE_MIB, GROUP(memory_mib) },
	{ "use", KIND_AMOUNT, GROUP(use) },
	{ "peak", KIND_AMOUNT, GROUP(peak) },
	{ "peak_at", KIND_TIME, GROUP(peak_at_s) },
	{ "peak_for", KIND_TIME, GROUP(peak_for_s) },
	{ "peak_ramp", KIND_TIME, GROUP(peak_ramp_s) },
	{ "peak_every", KIND_TIME, GROUP(peak_every_s) },
	{ "peak_gap", KIND_TIME, GROUP(peak_gap_s) },
	{ "leak", KIND_AMOUNT, GROUP(leak) },
	{ "bursts", KIND_BOOL, GROUP(bursts) },
	{ "start", KIND_TIME, GROUP(start_s) },
	{ "start_gap", KIND_TIME, GROUP(start_gap_s) },
	{ "boots", KIND_BOOL, GROUP(boots) },
	{ "up_for", KIND_TIME, GROUP(up_for_s) },
	{ "down_for", KIND_TIME, GROUP(down_for_s) },
	{ "inflate", KIND_AMOUNT, GROUP(inflate) },
	{ "deflate", KIND_AMOUNT, GROUP(deflate) },
	{ "lowest", KIND_AMOUNT, GROUP(lowest) },
	{ "pause", KIND_TIME, GROUP(pause_s) },
	{ "migrate_every", KIND_TIME, GROUP(migrate_every_s) },
	{ "migrate_for", KIND_TIME, GROUP(migrate_for_s) },
	{ "reporting", KIND_BOOL, GROUP(reporting) },
	{ "silent", KIND_BOOL, GROUP(silent) },
	{ "pinned", KIND_BOOL, GROUP(pinned) },
	{ "lie", KIND_LIE, GROUP(lie) },
};

static const struct key scenario_keys[] = {
	{ "duration", KIND_TIME, offsetof(struct scenario, duration_s) },
	{ "host_ram", KIND_SIZE_MIB, offsetof(struct scenario, ram_mib) },
};

/* "0" is a size, as everywhere. */
static int parse_amount(const char *value, void *field)
{
	return size_parse_amount(value, field);
}

static int parse_size_mib(const char *value, double *field)
{
	uint64_t kib;
	int ret = size_parse_kib(value, &kib);

	if (!ret)
		*field = (double)kib / MODEL_KIB_PER_MIB;
	return ret;
}

static int parse_time(const char *value, double *field)
{
	uint32_t ms;
	int ret = size_parse_ms(value, &ms);

	if (!ret)
		*field = ms / 1000.0;
	return ret;
}

static int parse_bool(const char *value, bool *field)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return -EINVAL;
	*field = *value == 'y';
	return 0;
}

static int parse_lie(const char *value, enum guest_lie *field)
{
	if (!strcmp(value, "high"))
		*field = GUEST_LIES_HIGH;
	else if (!strcmp(value, "low"))
		*field = GUEST_LIES_LOW;
	else
		return -EINVAL;
	return 0;
}

static int parse(enum kind kind, const char *value, void *field)
{
	switch (kind) {
	case KIND_AMOUNT:
		return parse_amount(value, field);
	case KIND_SIZE_MIB:
		return parse_size_mib(value, field);
	case KIND_TIME:
		return parse_time(value, field);
	case KIND_COUNT:
		return size_parse_count(value, field);
	case KIND_BOOL:
		return parse_bool(value, field);
	case KIND_LIE:
		return parse_lie(value, field);
	}
	return -EINVAL;
}

/* -ENOENT: no such key in the table. */
static int set(const struct key *keys, size_t n_keys, const char *name, const char *value,
	       void *into)
{
	for (size_t i = 0; i < n_keys; i++)
		if (!strcmp(keys[i].name, name))
			return parse(keys[i].kind, value, (char *)into + keys[i].offset);
	return -ENOENT;
}

static struct scenario_group *find_group(struct scenario *scenario, const char *name)
{
	for (size_t i = 0; i < scenario->n_groups; i++)
		if (!strcmp(scenario->groups[i].name, name))
			return &scenario->groups[i];
	return NULL;
}

static struct scenario_group *add_group(struct scenario *scenario, const char *name)
{
	struct scenario_group *group = &scenario->groups[scenario->n_groups];

	if (scenario->n_groups == SCENARIO_GROUPS_MAX || !*name ||
	    strlen(name) >= SCENARIO_NAME_LEN)
		return NULL;
	*group = (struct scenario_group){
		.count = 1,
		.peak_ramp_s = MODEL_BURST_RAMP_S,
		.inflate = { AMOUNT_KIB, (uint64_t)MODEL_INFLATE_MIB_S * MODEL_KIB_PER_MIB },
		.deflate = { AMOUNT_KIB, (uint64_t)MODEL_DEFLATE_MIB_S * MODEL_KIB_PER_MIB },
	};
	snprintf(group->name, sizeof(group->name), "%s", name);
	scenario->n_groups++;
	return group;
}

static int set_in_group(struct reader *reader, const char *group_name, const char *name,
			const char *value)
{
	struct scenario_group *group = find_group(reader->scenario, group_name);
	const char *expected;
	int ret;

	if (!group)
		group = add_group(reader->scenario, group_name);
	if (!group)
		return -ERANGE;
	if (!strcmp(name, "class")) {
		if (!tune_class_name_valid(value))
			return -EINVAL;
		snprintf(group->tune.class_name, sizeof(group->tune.class_name), "%s", value);
		return 0;
	}
	ret = set(group_keys, ARRAY_SIZE(group_keys), name, value, group);
	return ret == -ENOENT ? tune_set(&group->tune, name, value, &expected) : ret;
}

static int add_expectation(struct reader *reader, const char *group_name, const char *name,
			   const char *value)
{
	struct scenario_group *group = NULL;
	struct scenario_expects *expects = &reader->scenario->expects;
	struct scenario_bound bound = { 0 };
	struct amount amount;
	char *end;
	int which;

	if (group_name) {
		group = find_group(reader->scenario, group_name);
		if (!group)
			return -ENOENT;
		expects = &group->expects;
	}
	which = scenario_find_expectation(group != NULL, name);
	if (which < 0 || expects->n == SCENARIO_EXPECT_MAX)
		return -ENOENT;
	bound.which = (size_t)which;
	bound.value = strtod(value, &end);
	if (*end || end == value) {
		if (size_parse_amount(value, &amount))
			return -EINVAL;
		bound.permille = amount.unit == AMOUNT_PERMILLE;
		bound.value = (double)amount.value;
		if (!bound.permille)
			bound.value /= MODEL_KIB_PER_MIB;
	}
	expects->bounds[expects->n++] = bound;
	return 0;
}

static int set_conf(struct reader *reader, const char *section, const char *name, const char *value)
{
	struct conf_error error;
	int ret = keys_begin_section(reader->scenario->conf, section, &error);

	if (!ret)
		ret = keys_set(reader->scenario->conf, section, name, value, &error);
	if (ret)
		snprintf(reader->what, sizeof(reader->what), "%s", error.text);
	return ret;
}

static int on_key(void *userdata, const char *section, const char *name, const char *value)
{
	struct reader *reader = userdata;
	int ret = -ENOENT;

	if (reader->failed)
		return 1;
	reader->what[0] = 0;
	if (!strcmp(section, "scenario") && !strcmp(name, "about")) {
		snprintf(reader->scenario->about, sizeof(reader->scenario->about), "%s", value);
		ret = 0;
	} else if (!strcmp(section, "scenario")) {
		ret = set(scenario_keys, ARRAY_SIZE(scenario_keys), name, value, reader->scenario);
	} else if (!strncmp(section, VM_PREFIX, strlen(VM_PREFIX))) {
		ret = set_in_group(reader, section + strlen(VM_PREFIX), name, value);
	} else if (!strncmp(section, CONF_PREFIX, strlen(CONF_PREFIX))) {
		ret = set_conf(reader, section + strlen(CONF_PREFIX), name, value);
	} else if (!strcmp(section, "expect")) {
		ret = add_expectation(reader, NULL, name, value);
	} else if (!strncmp(section, EXPECT_PREFIX, strlen(EXPECT_PREFIX))) {
		ret = add_expectation(reader, section + strlen(EXPECT_PREFIX), name, value);
	}
	if (!ret)
		return 1;
	if (!reader->what[0])
		snprintf(reader->what, sizeof(reader->what), "[%.60s] %.60s = %.60s: %s", section,
			 name, value,
			 ret == -ENOENT ? "there is no such thing" : "the value is not understood");
	reader->failed = true;
	return 0;
}

int scenario_read(const char *path, struct scenario *scenario, struct sim_error *ret_error)
{
	struct reader reader = { .scenario = scenario };
	FILE *from = fopen(path, "re");
	int line, error = errno;

	if (!from) {
		snprintf(ret_error->text, sizeof(ret_error->text), "%.200s: %s", path,
			 strerror(error));
		return -error;
	}
	line = ini_parse_file(from, on_key, &reader);
	fclose(from);
	if (!line)
		return 0;
	if (!reader.failed)
		snprintf(reader.what, sizeof(reader.what), "neither a section nor a key");
	snprintf(ret_error->text, sizeof(ret_error->text), "%.100s:%d: %.200s", path, line,
		 reader.what);
	return -EINVAL;
}
