// SPDX-License-Identifier: GPL-2.0
/* Finding VMs in the daemon's status, and reading its values (select.h). */
#include "ctl/select.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
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

const char *size_of(const json_t *object, const char *key, char *buffer)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		return strcpy(buffer, "-");
	return size_format_kib((uint64_t)json_integer_value(value), buffer, CELL_LEN);
}

static bool wanted(const json_t *vm, const char *pattern)
{
	return !fnmatch(pattern, text_of(vm, "name", ""), 0) ||
	       !strcmp(pattern, text_of(vm, "uuid", ""));
}

int select_vms(json_t *status, char *const *patterns, size_t n_patterns)
{
	json_t *vms = json_object_get(status, "vms");
	size_t i = 0;

	for (size_t p = 0; p < n_patterns; p++) {
		bool any = false;
		json_t *vm;

		json_array_foreach(vms, i, vm)
			any = any || wanted(vm, patterns[p]);
		if (!any) {
			fprintf(stderr, "aerostatctl: no VM '%s' is running\n", patterns[p]);
			return CTL_FAILED;
		}
	}
	for (i = 0; n_patterns && i < json_array_size(vms);) {
		bool keep = false;

		for (size_t p = 0; p < n_patterns; p++)
			keep = keep || wanted(json_array_get(vms, i), patterns[p]);
		if (keep)
			i++;
		else
			json_array_remove(vms, i);
	}
	return CTL_OK;
}

int print_json(const json_t *status)
{
	/* Escaped as far as can be: what a tenant chose may act on a terminal that shows it. */
	if (json_dumpf(status, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER | JSON_ENSURE_ASCII)) {
		fprintf(stderr, "aerostatctl: cannot write\n");
		return CTL_FAILED;
	}
	putchar('\n');
	return CTL_OK;
}

int print_done(bool json, int code)
{
	if (json && code == CTL_OK)
		puts("{ \"done\": true }");
	return code;
}
