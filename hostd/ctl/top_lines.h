/* SPDX-License-Identifier: GPL-2.0 */
/* The lines that top shows, made from the daemon's status: text and colours, no terminal. */
#ifndef AEROSTAT_CTL_TOP_LINES_H
#define AEROSTAT_CTL_TOP_LINES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "ctl/colour.h"

#define TOP_WIDTH_MIN 80
#define TOP_WIDTH_MAX 400

struct top_view {
	int width; /* columns; less than TOP_WIDTH_MIN counts as that */
	size_t sort; /* see top_sort_by_*() */
	bool reverse;
	const char *filter; /* only VMs with this in their names; "" or NULL: all */
};

struct top_lines {
	char **text;
	enum colour *colour;
	size_t n;
	size_t width; /* no line is longer */
	size_t n_head; /* the first of them, which do not scroll; the last is the table's heading */
};

/* By one of the names in --help, or by the key with its first letter. False: there is none. */
bool top_sort_by_name(struct top_view *view, const char *name);
bool top_sort_by_key(struct top_view *view, int key);

void top_lines_make(const json_t *status, const struct top_view *view, struct top_lines *ret_lines);

void top_lines_clear(struct top_lines *lines);

#endif
