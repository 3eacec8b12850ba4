// SPDX-License-Identifier: GPL-2.0
/*
 * Three lines of the host, a heading, and a line a VM (top_lines.h). Columns have fixed widths that
 * fit 80; what a wider terminal has more goes to the bars.
 */
#include "ctl/top_lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/select.h"
#include "ctl/sentences.h"

#define FIXED_COLUMNS 61 /* all columns but the bar, with the blanks between them */

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
	char text[TOP_WIDTH_MAX + 1];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	text[lines->width] = '\0';
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

/* "[####++----|--]": used, usable, ballooned, and where the target is. */
static void draw_bar(const json_t *vm, char *bar, size_t width)
{
	json_int_t max_kib = number(vm, "max_kib"), actual_kib = number(vm, "actual_kib");
	size_t room = width - 2;
	size_t has = cells(actual_kib, max_kib, room);
	size_t used = known(vm, "use_kib") ? cells(number(vm, "use_kib"), max_kib, has) : 0;

	bar[0] = '[';
	for (size_t i = 0; i < room; i++)
		bar[1 + i] = i < used ? '#' : i < has ? '+' : '-';
	if (!known(vm, "actual_kib"))
		memset(bar + 1, '?', room);
	else if (used * room > 0 && cells(number(vm, "use_kib"), max_kib, room) > has)
		memset(bar + 1, '#', has);
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

static void add_vm(struct top_lines *lines, const json_t *vm, int width)
{
	size_t bar_width = (size_t)(width - FIXED_COLUMNS);
	char bar[TOP_WIDTH_MAX + 1];

	draw_bar(vm, bar, bar_width);
	add(lines, colour_of(vm), "%-12.12s %10.10s %10.10s %10.10s %s %-13.13s",
	    text_of(vm, "name", "?"), SIZE(vm, "actual_kib"), SIZE(vm, "use_kib"),
	    SIZE(vm, "demand_kib"), bar, text_of(vm, "reason", "-"));
}

static void add_host(struct top_lines *lines, const json_t *host, size_t n_vms)
{
	const char *state = text_of(host, "state", "not judged yet");
	const char *alarms = text_of(host, "alarms", "");

	add(lines, colour_of_state(state), "host %s%s%s%s%s, %zu VMs%s%s", state,
	    json_is_false(json_object_get(host, "connected")) ? ", libvirt away" : "",
	    json_is_true(json_object_get(host, "dry_run")) ? ", dry run" : "",
	    json_is_true(json_object_get(host, "paused")) ? ", paused" : "",
	    number(host, "hung_calls") > 0 ? ", calls hang" : "", n_vms,
	    alarms[0] ? "  ALARM " : "", alarms);
	add(lines, COLOUR_NONE, "memory  %s, available %s, reserve %s, margin %s",
	    SIZE(host, "total_kib"), SIZE(host, "available_kib"), SIZE(host, "reserve_kib"),
	    SIZE(host, "margin_kib"));
	add(lines, COLOUR_NONE, "VMs     may have %s, hold %s, free %s, lack %s",
	    SIZE(host, "capacity_kib"), SIZE(host, "charged_kib"), SIZE(host, "free_kib"),
	    SIZE(host, "shortage_kib"));
	add(lines, COLOUR_NONE,
	    "stalls  some %.1f %%, full %.1f %%; swaps out %s/s; looked %.1f s ago",
	    (double)number(host, "psi_some_permille") / 10,
	    (double)number(host, "psi_full_permille") / 10, SIZE(host, "swap_out_kib_s"),
	    (double)number(host, "sample_age_ms") / 1000);
}

void top_lines_make(const json_t *status, const struct top_view *view, struct top_lines *ret_lines)
{
	const json_t *vms = json_object_get(status, "vms");
	size_t n_vms = json_array_size(vms), n;
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
		add(&lines, COLOUR_NONE, "%-12s %10s %10s %10s %-*s %-13s", "NAME", "ACTUAL",
		    "USED", "DEMAND", width - FIXED_COLUMNS, " #used +free -taken", "DECISION");
		lines.n_head = lines.n;
		for (size_t i = 0; i < n; i++)
			add_vm(&lines, rows[i].vm, width);
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
