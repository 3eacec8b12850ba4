/* SPDX-License-Identifier: GPL-2.0 */
/* Lists of sentences, and the numbers in them. */
#ifndef AEROSTAT_CTL_SENTENCES_H
#define AEROSTAT_CTL_SENTENCES_H

#include <jansson.h>
#include <stdbool.h>

#include "ctl/select.h"

/* Append a sentence to an array. */
__attribute__((format(printf, 2, 3))) void say(json_t *sentences, const char *format, ...);

void print_sentences(const json_t *sentences, const char *indent);

bool known(const json_t *object, const char *key); /* a number is there */

json_int_t number(const json_t *object, const char *key); /* 0: unknown; ask known() first */

/* A size in a buffer of its own, for use as an argument. */
#define SIZE(object, key) size_of(object, key, (char[CELL_LEN]){ 0 })
#define SIZE_KIB(kib)	  size_text(kib, (char[CELL_LEN]){ 0 })

const char *size_text(json_int_t kib, char *buffer);

#endif
