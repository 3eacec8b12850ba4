/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A load's numbers, between load_options.c, which reads them, and load.c, which lives by them.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdint.h>

#define LOAD_STEP_MIB 4u

struct load_options {
	char name[64];
	uint64_t start_mib; /* held from the start to the end; a multiple of LOAD_STEP_MIB */
	uint64_t to_mib; /* what it grows to; likewise */
	uint64_t cache_mib; /* page cache made at the start; by a job in each cycle */
	char cache_disk[16]; /* the virtio disk that is read for it; empty: none is needed */
	uint64_t after_s; /* from the start, or from giving back, to the next growth */
	uint64_t every_s; /* from when one growth was due to the next; 0: as after_s says */
	uint64_t hold_s; /* how long the grown state lasts; 0: for ever */
	uint64_t sweeps; /* a job: how often all pages are read and written instead; else 0 */
	uint64_t rate_mib_s; /* pace of the growth */
	uint64_t headroom_mib; /* MemAvailable the guest keeps while the load grows; 0: none */
	uint64_t count; /* growths; 0: no end */
	uint64_t verify_s; /* between two looks at all pages held */
};

/* Parses SHAPE[,PARAMETER=VALUE...]; the text is taken apart. -EMSGSIZE: a text is too long. */
int load_parse(char *text, struct load_options *ret_options);

#endif
