/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text that others choose, such as names of domains, made fit for terminals, logs and labels: what
 * would act on whoever shows it, instead of being shown, becomes a question mark.
 */
#ifndef AEROSTAT_UTIL_PRINTABLE_H
#define AEROSTAT_UTIL_PRINTABLE_H

/*
 * In place; the text never grows. Replaced are control characters (ASCII and C1: escape sequences
 * and new lines begin with one), marks that turn the direction of writing or have no width, and
 * bytes that are not UTF-8. All else stays as it is.
 */
void text_make_printable(char *text);

#endif
