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
#include "ctl/columns.h"
#include "ctl/libvirt_status.h"
#include "ctl/options.h"
#include "ctl/select.h"

#define COLUMNS	     10
#define LINE_LEN     512
#define GAP	     2 /* blanks between columns */
#define NAME_MOST    40
#define BECAUSE_ROOM 24 /* with less, a sentence says nothing */

struct table_row {
	char cells[COLUMNS][FIT_LEN];
	const char *last; /* a sentence of any length */
};

/*
 * Where the terminal is too narrow, columns go in the order of `drop`; 0: it stays. What they have is
 * in explain.
 */
static const struct {
	const char *heading;
	const char *key;
	int drop;
	bool left; /* names and reasons to the left, sizes to the right */
} columns[COLUMNS] = {
	{ "NAME", "name", 0, true },	      { "STATE", "state", 6, true },
	{ "ACTUAL", "actual_kib", 0, false }, { "TARGET", "target_kib", 5, false },
	{ "DEMAND", "demand_kib", 0, false }, { "RESERVED", "reservation_kib", 3, false },
	{ "LIMIT", "limit_kib", 2, false },   { "MAXIMUM", "max_kib", 4, false },
	{ "RESIDENT", "rss_kib", 1, false },  { "DECISION", "reason", 0, true },
};

static const char help[] =
	"usage: aerostatctl status [OPTION]... [VM]...\n"
	"Show the host, its VMs, and why each has the memory it has. VM: a name, a UUID, or\n"
	"a pattern such as 'web*'; none: all. When the daemon is not running or cannot be reached,\n"
	"what libvirt knows. On a narrow terminal some columns are left out.\n"
	"\n"
	"      --names    only what each VM is named by in commands, a line each\n" CTL_HELP_COMMON;

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

/* "3.2 ms": an I/O can take far less than a millisecond. */
static const char *latency_of(const json_t *host, char *buffer)
{
	json_int_t us = json_integer_value(json_object_get(host, "storage_latency_us"));

	snprintf(buffer, CELL_LEN, "%" JSON_INTEGER_FORMAT ".%" JSON_INTEGER_FORMAT " ms",
		 us / 1000, us % 1000 / 100);
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
	char buffer[CELL_LEN], line[LINE_LEN];

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
	line[0] = '\0';
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t used = strlen(line);

		if (json_object_get(host, sizes[i].key))
			snprintf(line + used, sizeof(line) - used, "%s %s, ", sizes[i].label,
				 size_of(host, sizes[i].key, buffer));
	}
	snprintf(line + strlen(line), sizeof(line) - strlen(line), "stalled %s",
		 percent_of(host, "psi_some_permille", buffer));
	if (json_object_get(host, "storage_device"))
		snprintf(line + strlen(line), sizeof(line) - strlen(line), ", I/O on %s %s",
			 text_of(host, "storage_device", ""), latency_of(host, buffer));
	print_wrapped("  ", line);
}

static void fill_row(const json_t *vm, const json_t *host, struct table_row *row)
{
	for (size_t c = 0; c < COLUMNS; c++) {
		const char *key = columns[c].key;

		if (columns[c].left)
			snprintf(row->cells[c], sizeof(row->cells[c]), "%s", text_of(vm, key, "-"));
		else
			size_of(vm, key, row->cells[c]);
	}
	row->last = text_of(vm, "pinned", text_of(vm, "sentence", ""));
	if (row->last[0] && !json_object_get(vm, "pinned"))
		row->last = sentence_of(vm, host);
}

/* The next to go; COLUMNS: none. */
static size_t next_to_drop(const size_t widths[COLUMNS])
{
	size_t next = COLUMNS;

	for (size_t c = 0; c < COLUMNS; c++)
		if (widths[c] && columns[c].drop &&
		    (next == COLUMNS || columns[c].drop < columns[next].drop))
			next = c;
	return next;
}

/*
 * How wide each column is; 0: it is left out. `room` 0: as wide as need be. Returns what is left for
 * sentences.
 */
static size_t lay_out(const struct table_row *rows, size_t n_rows, size_t room,
		      size_t widths[COLUMNS])
{
	size_t total = 0, dropped;

	for (size_t c = 0; c < COLUMNS; c++) {
		widths[c] = 0;
		for (size_t r = 0; r < n_rows; r++)
			if (columns_of(rows[r].cells[c]) > widths[c])
				widths[c] = columns_of(rows[r].cells[c]);
		total += widths[c] + GAP;
	}
	if (room && widths[0] > NAME_MOST) {
		total -= widths[0] - NAME_MOST;
		widths[0] = NAME_MOST;
	}
	while (room && total > room + GAP && (dropped = next_to_drop(widths)) < COLUMNS) {
		total -= widths[dropped] + GAP;
		widths[dropped] = 0;
	}
	return room >= total + BECAUSE_ROOM ? room - total : 0;
}

static void print_rows(const struct table_row *rows, size_t n_rows)
{
	size_t widths[COLUMNS], room = columns_of_output();
	size_t rest = lay_out(rows, n_rows, room, widths);

	for (size_t r = 0; r < n_rows; r++) {
		for (size_t c = 0; c < COLUMNS; c++) {
			int width = (int)widths[c];

			if (width)
				printf("%s%*s",
				       FIT(rows[r].cells[c], columns[c].left ? width : -width),
				       c + 1 < COLUMNS || !room || rest ? GAP : 0, "");
		}
		if (!room || columns_of(rows[r].last) <= rest)
			puts(rows[r].last);
		else if (rest)
			printf("%.*s…\n", (int)columns_cut(rows[r].last, rest - 1), rows[r].last);
		else
			putchar('\n');
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
	for (size_t c = 0; c < COLUMNS; c++)
		strcpy(rows[0].cells[c], columns[c].heading);
	rows[0].last = "BECAUSE";
	for (size_t i = 0; i < n; i++)
		fill_row(json_array_get(vms, i), json_object_get(status, "host"), &rows[i + 1]);
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
	else
		fprintf(stderr, "aerostatctl: nor can libvirt be reached\n");
	return status;
}

/* For programs that read lines, such as the shell's completion; they quote. */
static int print_names(const json_t *status)
{
	const json_t *vms = json_object_get(status, "vms");
	const json_t *vm;
	size_t i;

	json_array_foreach(vms, i, vm) {
		const char *name = text_of(vm, "name", "");

		/* A name that an option parser would take for its own, or that is not one name. */
		if (!name[0] || name[0] == '-' || count_equal(vms, "name", name) > 1)
			name = text_of(vm, "uuid", "");
		puts(name);
	}
	return CTL_OK;
}

static int print(const json_t *status, bool json, bool names)
{
	if (names)
		return print_names(status);
	return json ? print_json(status) : print_table(status);
}

int ctl_status(int argc, char **argv)
{
	bool names = false;
	const struct ctl_option own[] = { { .name = "names", .flag = &names }, { 0 } };
	struct ctl_common common;
	json_t *status = NULL;
	int code, shown;

	if (!ctl_parse(argc, argv, help, own, &common, &code))
		return code;
	if (names && common.json) {
		fprintf(stderr, "aerostatctl: status: --names or --json, not both\n");
		return CTL_USAGE;
	}
	code = client_status(&common.client, &status);
	if (code == CTL_NOT_RUNNING)
		status = without_daemon();
	if (!status)
		return code;
	shown = select_vms(status, argv + common.first, (size_t)(argc - common.first));
	if (!common.json)
		make_printable(status);
	if (shown == CTL_OK)
		shown = print(status, common.json, names);
	json_decref(status);
	return code != CTL_OK ? code : shown;
}
