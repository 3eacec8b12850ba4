/* SPDX-License-Identifier: GPL-2.0 */
/* Colours on a terminal, and none elsewhere or where NO_COLOR is set. */
#ifndef AEROSTAT_CTL_COLOUR_H
#define AEROSTAT_CTL_COLOUR_H

enum colour {
	COLOUR_NONE,
	COLOUR_GOOD,
	COLOUR_WARNING,
	COLOUR_BAD,
};

/* What to print before a text on standard output, "" where there are no colours ... */
const char *colour(enum colour colour);

/* ... and after it. */
const char *colour_end(void);

enum colour colour_of_state(const char *host_state); /* "relaxed", "soft", "hard", "low" */

#endif
