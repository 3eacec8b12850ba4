// SPDX-License-Identifier: GPL-2.0
/* Finding VMs in the daemon's status, and reading its values (select.h). */
#include "ctl/select.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client.h"
#include "util/size.h"

const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : otherwise;
}

const char *argument_of(const json_t *vm)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const char *name = text_of(vm, "name", "");

	if (name[0] && name[0] != '-' && !name[strspn(name, plain)])
		return name;
	return text_of(vm, "uuid", "VM");
}

const char *sentence_of(const json_t *vm, const json_t *host)
{
	/* To the policy a pause is mode observe. */
	if (!strcmp(text_of(vm, "reason", ""), "mode-observe")) {
		if (json_is_true(json_object_get(host, "paused")))
			return "all VMs are paused by order: decided, not carried out";
		if (json_is_true(json_object_get(vm, "paused")))
			return "paused by order: decided, not carried out";
	}
	return text_of(vm, "sentence", "not judged yet");
}

const char *size_of(const json_t *object, const char *key, char *buffer)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		return strcpy(buffer, "-");
	return size_format_kib((uint64_t)json_integer_value(value), buffer, CELL_LEN);
}

size_t count_equal(const json_t *array, const char *key, const char *text)
{
	const json_t *object;
	size_t i, n = 0;

	json_array_foreach(array, i, object)
		n += !strcmp(text, text_of(object, key, ""));
	return n;
}

/* What an argument is, decided once for all VMs: the first of these of which there is one. */
enum meaning {
	MEANS_UUID,
	MEANS_NAME,
	MEANS_PATTERN,
};

/* Tenants choose names: neither one like another's UUID nor one like a pattern hides another VM. */
static enum meaning meaning_of(const json_t *vms, const char *argument)
{
	size_t named = count_equal(vms, "name", argument);

	if (!count_equal(vms, "uuid", argument))
		return named ? MEANS_NAME : MEANS_PATTERN;
	if (named)
		fprintf(stderr,
			"aerostatctl: '%s' is also a name; the VM that has it as its UUID is meant\n",
			argument);
	return MEANS_UUID;
}

static bool wanted(const json_t *vm, const char *argument, enum meaning meaning)
{
	const char *name = text_of(vm, "name", "");

	switch (meaning) {
	case MEANS_UUID:
		return !strcmp(argument, text_of(vm, "uuid", ""));
	case MEANS_NAME:
		return !strcmp(argument, name);
	case MEANS_PATTERN:
		return !fnmatch(argument, name, 0);
	}
	return false;
}

int select_vms(json_t *status, char *const *arguments, size_t n_arguments)
{
	const json_t *vms = json_object_get(status, "vms");
	json_t *chosen, *vm;
	bool *keep;
	size_t i;
	int code = CTL_OK;

	if (!n_arguments)
		return CTL_OK;
	keep = calloc(json_array_size(vms) + 1, sizeof(*keep));
	chosen = json_array();
	if (!keep || !chosen) {
		fprintf(stderr, "aerostatctl: out of memory\n");
		code = CTL_FAILED;
	}
	for (size_t a = 0; a < n_arguments && code == CTL_OK; a++) {
		enum meaning meaning = meaning_of(vms, arguments[a]);
		bool any = false;

		json_array_foreach(vms, i, vm) {
			if (!wanted(vm, arguments[a], meaning))
				continue;
			keep[i] = true;
			any = true;
		}
		if (!any) {
			fprintf(stderr, "aerostatctl: no VM '%s' is running\n", arguments[a]);
			code = CTL_FAILED;
		}
	}
	json_array_foreach(vms, i, vm)
		if (keep && keep[i])
			json_array_append(chosen, vm);
	free(keep);
	json_object_set_new(status, "vms", chosen);
	return code;
}

int print_json(const json_t *status)
{
	/* Escaped as far as can be: what a tenant chose may act on a terminal that shows it. */
	if (json_dumpf(status, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII))
		return CTL_FAILED; /* main() says so */
	putchar('\n');
	return CTL_OK;
}

int print_done(bool json, int code)
{
	if (json && code == CTL_OK)
		puts("{ \"done\": true }");
	return code;
}
