// SPDX-License-Identifier: GPL-2.0
/*
 * aerostatctl status: what the daemon sees and what it last decided. The table is for people, and
 * may change; --json is for programs, and only gains fields.
 */
#include "ctl/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/client.h"
#include "ctl/colour.h"
#include "ctl/libvirt_status.h"
#include "ctl/options.h"
#include "ctl/select.h"

#define COLUMNS 10

struct table_row {
	char cells[COLUMNS][CELL_LEN];
	const char *last; /* of any length, not padded */
};

static const char help[] =
	"usage: aerostatctl status [OPTION]... [VM]...\n"
	"Show the host, its VMs, and why each has the memory it has. VM: a name, a UUID, or\n"
	"a pattern such as 'web*'; none: all. When the daemon is not running, what libvirt knows.\n"
	"\n" CTL_HELP_COMMON;

static const char *percent_of(const json_t *object, const char *key, char *buffer)
{
	const json_t *value = json_object_get(object, key);
	json_int_t permille = json_integer_value(value);

	if (!json_is_integer(value))
		return strcpy(buffer, "-");
	snprintf(buffer, CELL_LEN, "%" JSON_INTEGER_FORMAT ".%" JSON_INTEGER_FORMAT " %%",
		 permille / 10, permille % 10);
	return buffer;
}

static void print_host(const json_t *host)
{
	static const struct {
		const char *key;
		const char *label;
	} sizes[] = {
		{ "total_kib", "total" },	{ "available_kib", "available" },
		{ "reserve_kib", "reserve" },	{ "budget_kib", "budget" },
		{ "capacity_kib", "capacity" }, { "charged_kib", "held by VMs" },
		{ "free_kib", "free for VMs" },
	};
	const char *state = text_of(host, "state", "not judged yet");
	char buffer[CELL_LEN];

	if (!strcmp(text_of(host, "source", "aerostatd"), "libvirt"))
		return;
	printf("host: %s%s%s", colour(colour_of_state(state)), state, colour_end());
	if (json_is_false(json_object_get(host, "connected")))
		printf(", libvirt away");
	if (json_is_true(json_object_get(host, "dry_run")))
		printf(", dry run");
	if (json_is_true(json_object_get(host, "paused")))
		printf(", paused");
	if (json_object_get(host, "alarms"))
		printf(", %salarm: %s%s", colour(COLOUR_BAD), text_of(host, "alarms", ""),
		       colour_end());
	if (json_integer_value(json_object_get(host, "hung_calls")) > 0)
		printf(", hung calls into libvirt: %" JSON_INTEGER_FORMAT,
		       json_integer_value(json_object_get(host, "hung_calls")));
	putchar('\n');
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (json_object_get(host, sizes[i].key))
			printf("%s%s %s", i ? ", " : "  ", sizes[i].label,
			       size_of(host, sizes[i].key, buffer));
	printf(", stalled %s\n", percent_of(host, "psi_some_permille", buffer));
}

static void fill_row(const json_t *vm, struct table_row *row)
{
	static const char *const sizes[] = { "actual_kib",	"target_kib", "demand_kib",
					     "reservation_kib", "limit_kib",  "max_kib",
					     "rss_kib" };
	size_t cell = 0;

	snprintf(row->cells[cell++], CELL_LEN, "%s", text_of(vm, "name", "?"));
	snprintf(row->cells[cell++], CELL_LEN, "%s", text_of(vm, "state", "?"));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		size_of(vm, sizes[i], row->cells[cell++]);
	snprintf(row->cells[cell++], CELL_LEN, "%s", text_of(vm, "reason", "-"));
	row->last = text_of(vm, "pinned", text_of(vm, "sentence", ""));
}

static void print_rows(const struct table_row *rows, size_t n_rows)
{
	int widths[COLUMNS] = { 0 };

	for (size_t r = 0; r < n_rows; r++)
		for (size_t c = 0; c < COLUMNS; c++)
			if ((int)strlen(rows[r].cells[c]) > widths[c])
				widths[c] = (int)strlen(rows[r].cells[c]);
	for (size_t r = 0; r < n_rows; r++) {
		for (size_t c = 0; c < COLUMNS; c++) {
			/* Names and reasons to the left, sizes to the right. */
			bool left = c < 2 || c == COLUMNS - 1;

			printf(left ? "%-*s  " : "%*s  ", widths[c], rows[r].cells[c]);
		}
		puts(rows[r].last);
	}
}

static int print_table(const json_t *status)
{
	const json_t *vms = json_object_get(status, "vms");
	size_t n = json_array_size(vms);
	struct table_row *rows;

	print_host(json_object_get(status, "host"));
	if (!n) {
		puts("no VMs");
		return CTL_OK;
	}
	rows = calloc(n + 1, sizeof(*rows));
	if (!rows) {
		fprintf(stderr, "aerostatctl: out of memory\n");
		return CTL_FAILED;
	}
	rows[0] = (struct table_row){
		.cells = { "NAME", "STATE", "ACTUAL", "TARGET", "DEMAND", "RESERVED", "LIMIT",
			   "MAXIMUM", "RESIDENT", "DECISION" },
		.last = "BECAUSE",
	};
	for (size_t i = 0; i < n; i++)
		fill_row(json_array_get(vms, i), &rows[i + 1]);
	putchar('\n');
	print_rows(rows, n + 1);
	free(rows);
	return CTL_OK;
}

/* Without the daemon nothing is decided, but who has what libvirt knows, too. */
static json_t *without_daemon(void)
{
	json_t *status = libvirt_status();

	if (status)
		fprintf(stderr, "aerostatctl: this is what libvirt knows; nothing is decided, and "
				"all VMs keep their last targets\n");
	return status;
}

int ctl_status(int argc, char **argv)
{
	struct ctl_common common;
	json_t *status = NULL;
	int code, shown;

	if (!ctl_parse(argc, argv, help, NULL, &common, &code))
		return code;
	code = client_status(&common.client, &status);
	if (code == CTL_NOT_RUNNING)
		status = without_daemon();
	if (!status)
		return code;
	shown = select_vms(status, argv + common.first, (size_t)(argc - common.first));
	if (shown == CTL_OK)
		shown = common.json ? print_json(status) : print_table(status);
	json_decref(status);
	return code != CTL_OK ? code : shown;
}
