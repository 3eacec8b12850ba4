/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What all fuzzers share. libFuzzer calls LLVMFuzzerTestOneInput() with any bytes; a fuzzer turns
 * them into what its reader takes, and ends the process where something is promised and not kept.
 */
#ifndef AEROSTAT_TESTS_FUZZ_H
#define AEROSTAT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Like assert(), but never left out. */
#define must(condition)                                                                           \
	do {                                                                                      \
		if (!(condition)) {                                                               \
			fprintf(stderr, "%s:%d: not kept: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                  \
		}                                                                                 \
	} while (0)

/* The bytes with a NUL behind them, as text of a file would be; to be freed. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	must(text);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* A message for people: terminated, and not empty where something was refused. */
static inline void must_be_said(const char *text, size_t room, int error)
{
	must(strnlen(text, room) < room);
	must(!error || *text);
}

#endif
