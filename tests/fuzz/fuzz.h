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

#define FUZZ_CHECKSUM_LEN 8

/*
 * The bytes with the checksum behind them that our files end with, to be freed. As in store/bytes.c;
 * on purpose written once more.
 */
static inline uint8_t *fuzz_sealed(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size + FUZZ_CHECKSUM_LEN);
	uint64_t hash = 0xcbf29ce484222325;

	must(bytes);
	memcpy(bytes, data, size);
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	for (size_t i = 0; i < FUZZ_CHECKSUM_LEN; i++)
		bytes[size + i] = (uint8_t)(hash >> (8 * i));
	return bytes;
}

/* A message for people: terminated, and not empty where something was refused. */
static inline void must_be_said(const char *text, size_t room, int error)
{
	must(strnlen(text, room) < room);
	must(!error || *text);
}

#endif
