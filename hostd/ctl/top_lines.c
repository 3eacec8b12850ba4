// SPDX-License-Identifier: GPL-2.0
/*
 * Four lines of the host, a heading, and a line a VM (top_lines.h). Columns have fixed widths that
 * fit 80; what a wider terminal has more goes to names that need it, and then to the bars.
 */
#include "ctl/top_lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/columns.h"
#include "ctl/select.h"
#include "ctl/sentences.h"

#define SIZE_COLUMNS   9 /* "16.98 GiB"; three of them */
#define REASON_COLUMNS 13
#define NAME_LEAST     17 /* "instance-0000002a", as OpenStack has it */
#define NAME_MOST      32
#define BAR_LEAST      18
/* All columns but the name and the bar, with the blanks between them. */
#define FIXED_COLUMNS  (3 * (1 + SIZE_COLUMNS) + 1 + 1 + REASON_COLUMNS)

struct row {
	const json_t *vm;
	json_int_t key;
};

static const struct {
	const char *name;
	char key;
	const char *field; /* NULL: by name */
} sorts[] = {
	{ "name", 'n', NULL },		 { "actual", 'a', "actual_kib" },
	{ "used", 'u', "use_kib" },	 { "ballooned", 'b', "max_kib" },
	{ "demand", 'd', "demand_kib" },
};

#define N_SORTS	       (sizeof(sorts) / sizeof(sorts[0]))
#define SORT_BALLOONED 3

bool top_sort_by_name(struct top_view *view, const char *name)
{
	for (size_t i = 0; i < N_SORTS; i++) {
		if (strcmp(sorts[i].name, name) != 0)
			continue;
		view->sort = i;
		return true;
	}
	return false;
}

bool top_sort_by_key(struct top_view *view, int key)
{
	for (size_t i = 0; i < N_SORTS; i++) {
		if (sorts[i].key != key)
			continue;
		view->sort = i;
		return true;
	}
	return false;
}

static json_int_t ballooned_kib(const json_t *vm)
{
	return known(vm, "actual_kib") ? number(vm, "max_kib") - number(vm, "actual_kib") : 0;
}

static int compare(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	if (left->key != right->key)
		return left->key < right->key ? 1 : -1;
	return strcmp(text_of(left->vm, "name", ""), text_of(right->vm, "name", ""));
}

/* The rows to be shown, in order. Returns how many. */
static size_t choose(const json_t *vms, const struct top_view *view, struct row *rows)
{
	const char *filter = view->filter ? view->filter : "";
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(vms); i++) {
		const json_t *vm = json_array_get(vms, i);
		json_int_t key = 0;

		if (!strstr(text_of(vm, "name", ""), filter))
			continue;
		if (view->sort == SORT_BALLOONED)
			key = ballooned_kib(vm);
		else if (sorts[view->sort].field)
			key = number(vm, sorts[view->sort].field);
		rows[n++] = (struct row){ .vm = vm, .key = key };
	}
	qsort(rows, n, sizeof(*rows), compare);
	for (size_t i = 0; view->reverse && i < n / 2; i++) {
		struct row row = rows[i];

		rows[i] = rows[n - 1 - i];
		rows[n - 1 - i] = row;
	}
	return n;
}

__attribute__((format(printf, 3, 4))) static void add(struct top_lines *lines, enum colour colour,
						      const char *format, ...)
{
	char text[4 * TOP_WIDTH_MAX + 1]; /* no character is longer */
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text[columns_cut(text, lines->width)] = '\0';
	for (size_t end = strlen(text); end && text[end - 1] == ' '; end--)
		text[end - 1] = '\0';
	lines->text[lines->n] = strdup(text);
	lines->colour[lines->n] = colour;
	if (lines->text[lines->n])
		lines->n++;
}

/* Cells for a part of the whole, at most `room`. */
static size_t cells(json_int_t part, json_int_t whole, size_t room)
{
	json_int_t n = whole > 0 && part > 0 ? (part * (json_int_t)room + whole / 2) / whole : 0;

	return n > (json_int_t)room ? room : (size_t)n;
}

/*
 * "[####==++--|--]": used, cache that can be dropped, free, ballooned, and where the target is. Where
 * it is not known what of the usable is free, all of it shows as that.
 */
static void draw_bar(const json_t *vm, char *bar, size_t width)
{
	json_int_t max_kib = number(vm, "max_kib"), actual_kib = number(vm, "actual_kib");
	size_t room = width - 2;
	size_t has = cells(actual_kib, max_kib, room);
	size_t used = cells(number(vm, "use_kib"), max_kib, room); /* 0: not known */
	size_t unused = room;

	if (known(vm, "use_kib") && known(vm, "unused_kib"))
		unused = cells(number(vm, "unused_kib"), max_kib, room);
	bar[0] = '[';
	for (size_t i = 0; i < room; i++)
		bar[1 + i] = i >= has ? '-' : i < used ? '#' : i + unused < has ? '=' : '+';
	if (!known(vm, "actual_kib"))
		memset(bar + 1, '?', room);
	if (known(vm, "target_kib") && number(vm, "target_kib") != actual_kib) {
		size_t at = cells(number(vm, "target_kib"), max_kib, room);

		bar[at ? at : 1] = '|';
	}
	bar[1 + room] = ']';
	bar[width] = '\0';
}

static enum colour colour_of(const json_t *vm)
{
	if (json_is_true(json_object_get(vm, "pressed")) ||
	    json_is_true(json_object_get(vm, "harmed")))
		return COLOUR_BAD;
	return json_object_get(vm, "alarms") ? COLOUR_WARNING : COLOUR_NONE;
}

/* As wide as the longest name, where that leaves room for a bar. */
static size_t name_columns(const json_t *vms, size_t width)
{
	size_t most = width - FIXED_COLUMNS - BAR_LEAST, longest = NAME_LEAST;

	if (most > NAME_MOST)
		most = NAME_MOST;
	for (size_t i = 0; i < json_array_size(vms); i++) {
		size_t columns = columns_of(text_of(json_array_get(vms, i), "name", "?"));

		if (columns > longest)
			longest = columns;
	}
	return longest < most ? longest : most;
}

static void add_row(struct top_lines *lines, enum colour colour, size_t name_width,
		    const char *const cells[6])
{
	add(lines, colour, "%s %s %s %s %s %s", FIT(cells[0], name_width),
	    FIT(cells[1], -SIZE_COLUMNS), FIT(cells[2], -SIZE_COLUMNS),
	    FIT(cells[3], -SIZE_COLUMNS), cells[4], FIT(cells[5], REASON_COLUMNS));
}

static void add_heading(struct top_lines *lines, size_t name_width)
{
	static const char legend[] = "#used =cache +free -taken";
	size_t room = lines->width - FIXED_COLUMNS - name_width;
	char bar[TOP_WIDTH_MAX + 1];

	snprintf(bar, sizeof(bar), "%-*s", (int)room,
		 strlen(legend) <= room ? legend : "#used=cache+free-");
	add_row(lines, COLOUR_NONE, name_width,
		(const char *[]){ "NAME", "ACTUAL", "USED", "DEMAND", bar, "DECISION" });
}

static void add_vm(struct top_lines *lines, const json_t *vm, size_t name_width)
{
	char bar[TOP_WIDTH_MAX + 1];

	draw_bar(vm, bar, lines->width - FIXED_COLUMNS - name_width);
	add_row(lines, colour_of(vm), name_width,
		(const char *[]){ text_of(vm, "name", "?"), SIZE(vm, "actual_kib"),
				  SIZE(vm, "use_kib"), SIZE(vm, "demand_kib"), bar,
				  text_of(vm, "reason", "-") });
}

/* Tenths of the unit, of which the status has `per_unit`; "-": not known. */
static const char *tenths(const json_t *host, const char *key, json_int_t per_unit, char *buffer)
{
	if (!known(host, key))
		return strcpy(buffer, "-");
	snprintf(buffer, CELL_LEN, "%.1f", (double)number(host, key) / (double)per_unit);
	return buffer;
}

#define TENTHS(host, key, per_unit) tenths(host, key, per_unit, (char[CELL_LEN]){ 0 })

static void add_pressure(struct top_lines *lines, const json_t *host)
{
	add(lines, COLOUR_NONE,
	    "stalls  some %s %%, full %s %%; swaps out %s/s; I/O %s ms; looked %s s ago",
	    TENTHS(host, "psi_some_permille", 10), TENTHS(host, "psi_full_permille", 10),
	    SIZE(host, "swap_out_kib_s"), TENTHS(host, "storage_latency_us", 1000),
	    TENTHS(host, "sample_age_ms", 1000));
}

static void add_host(struct top_lines *lines, const json_t *host, size_t n_vms)
{
	const char *state = text_of(host, "state", "not judged yet");
	const char *alarms = text_of(host, "alarms", "");

	add(lines, colour_of_state(state), "host %s%s%s%s%s, %zu VM%s%s%s", state,
	    json_is_false(json_object_get(host, "connected")) ? ", libvirt away" : "",
	    json_is_true(json_object_get(host, "dry_run")) ? ", dry run" : "",
	    json_is_true(json_object_get(host, "paused")) ? ", paused" : "",
	    number(host, "hung_calls") > 0 ? ", calls hang" : "", n_vms, n_vms == 1 ? "" : "s",
	    alarms[0] ? "  ALARM " : "", alarms);
	add(lines, COLOUR_NONE, "memory  %s, available %s, reserve %s, margin %s",
	    SIZE(host, "total_kib"), SIZE(host, "available_kib"), SIZE(host, "reserve_kib"),
	    SIZE(host, "margin_kib"));
	add(lines, COLOUR_NONE, "VMs     may have %s, hold %s, free %s, lack %s",
	    SIZE(host, "capacity_kib"), SIZE(host, "charged_kib"), SIZE(host, "free_kib"),
	    SIZE(host, "shortage_kib"));
	add_pressure(lines, host);
}

void top_lines_make(const json_t *status, const struct top_view *view, struct top_lines *ret_lines)
{
	const json_t *vms = json_object_get(status, "vms");
	size_t n_vms = json_array_size(vms), n, name_width;
	struct row *rows = calloc(n_vms + 1, sizeof(*rows));
	struct top_lines lines = { .text = calloc(n_vms + 8, sizeof(char *)),
				   .colour = calloc(n_vms + 8, sizeof(enum colour)) };
	int width = view->width;

	if (width < TOP_WIDTH_MIN)
		width = TOP_WIDTH_MIN;
	if (width > TOP_WIDTH_MAX)
		width = TOP_WIDTH_MAX;
	lines.width = (size_t)width;
	if (rows && lines.text && lines.colour) {
		n = choose(vms, view, rows);
		add_host(&lines, json_object_get(status, "host"), n_vms);
		name_width = name_columns(vms, lines.width);
		add_heading(&lines, name_width);
		lines.n_head = lines.n;
		for (size_t i = 0; i < n; i++)
			add_vm(&lines, rows[i].vm, name_width);
	}
	free(rows);
	*ret_lines = lines;
}

void top_lines_clear(struct top_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		free(lines->text[i]);
	free(lines->text);
	free(lines->colour);
	*lines = (struct top_lines){ 0 };
}
