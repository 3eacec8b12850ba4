/* SPDX-License-Identifier: GPL-2.0 */
/* Text in the columns of a terminal, which are neither bytes nor characters. */
#ifndef AEROSTAT_CTL_COLUMNS_H
#define AEROSTAT_CTL_COLUMNS_H

#include <jansson.h>
#include <stddef.h>

#define FIT_LEN 512 /* a buffer for one cell; no cell is so wide that it does not do */

/* At the start of the program: from here on text is UTF-8, whatever the locale. */
void columns_init(void);

/*
 * How many columns standard output has: $COLUMNS, or else what the terminal says. 0: it is no
 * terminal, and lines may be of any length.
 */
size_t columns_of_output(void);

/* How many columns the text takes. */
size_t columns_of(const char *text);

/* How many bytes of the text take at most so many columns. */
size_t columns_cut(const char *text, size_t width);

/*
 * The text in exactly so many columns, in `buffer` of FIT_LEN: filled up with blanks, to its right
 * or, with a negative width, to its left. What is too long loses its middle to an ellipsis, because
 * names of one host differ at either end.
 */
const char *fit(const char *text, int width, char *buffer);

/* In a buffer of its own, for use as an argument. */
#define FIT(text, width) fit((text), (int)(width), (char[FIT_LEN]){ 0 })

/* Print a text, broken between words where the terminal ends; further lines are as far in as `indent`. */
void print_wrapped(const char *indent, const char *text);

/* What the daemon and libvirt say of tenants' making, fit to be shown; in place, all the way down. */
void make_printable(json_t *value);

#endif
