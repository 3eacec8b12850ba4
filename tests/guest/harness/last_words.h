/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_LAST_WORDS_H
#define GUEST_LAST_WORDS_H

#include <stddef.h>

/* The ends of the logs in this directory as lines of TAP comments; what does not fit is left out. */
void last_words(const char *log_dir, char *text, size_t size);

#endif
