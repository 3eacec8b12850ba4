// SPDX-License-Identifier: GPL-2.0
/* Escape sequences for standard output, if that is a terminal (colour.h). */
#include "ctl/colour.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool wanted(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (no_color && no_color[0])
		return false;
	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

const char *colour(enum colour which)
{
	if (!wanted())
		return "";
	switch (which) {
	case COLOUR_NONE:
		break;
	case COLOUR_GOOD:
		return "\033[32m";
	case COLOUR_WARNING:
		return "\033[33m";
	case COLOUR_BAD:
		return "\033[31m";
	}
	return "";
}

const char *colour_end(void)
{
	return wanted() ? "\033[0m" : "";
}

enum colour colour_of_state(const char *host_state)
{
	if (!strcmp(host_state, "relaxed"))
		return COLOUR_GOOD;
	if (!strcmp(host_state, "hard"))
		return COLOUR_WARNING;
	if (!strcmp(host_state, "low"))
		return COLOUR_BAD;
	return COLOUR_NONE;
}
