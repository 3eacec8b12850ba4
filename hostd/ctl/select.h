/* SPDX-License-Identifier: GPL-2.0 */
/* Which VMs of the daemon's status are meant, and its values as people read them. */
#ifndef AEROSTAT_CTL_SELECT_H
#define AEROSTAT_CTL_SELECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define CELL_LEN 40 /* a buffer for one formatted value */

/*
 * Leave in status only the VMs that the arguments mean, each a UUID, or else a name, or else a shell
 * pattern of names; without any argument all stay. Returns CTL_OK, or CTL_FAILED after a message when
 * one means none.
 */
int select_vms(json_t *status, char *const *arguments, size_t n_arguments);

/* Of how many objects in an array the text of a key is this. */
size_t count_equal(const json_t *array, const char *key, const char *text);

/* The text of a key; `otherwise` when there is none. */
const char *text_of(const json_t *object, const char *key, const char *otherwise);

/*
 * What a command names the VM by, for sentences that people paste: its name, or, if a shell or an
 * option parser could take that for something else, its UUID.
 */
const char *argument_of(const json_t *vm);

/* The sentence of the last decision; a pause by order, where that is why it is not carried out. */
const char *sentence_of(const json_t *vm, const json_t *host);

/* A size for people, in `buffer` of CELL_LEN; "-" when it is not known. */
const char *size_of(const json_t *object, const char *key, char *buffer);

/* For orders, which print nothing else: with --json {"done": true} once it is. Returns `code`. */
int print_done(bool json, int code);

/* Print as JSON. Returns CTL_OK, or CTL_FAILED when that cannot be written. */
int print_json(const json_t *value);

#endif
