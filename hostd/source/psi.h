/* SPDX-License-Identifier: GPL-2.0 */
/* Pressure stall information: how much of the time somebody waited for memory. */
#ifndef AEROSTAT_SOURCE_PSI_H
#define AEROSTAT_SOURCE_PSI_H

#include "util/opt.h"

struct psi {
	struct opt_u64 some_permille; /* avg10: share of the last 10 s in which a task stalled, */
	struct opt_u64 full_permille; /* ... and in which all did */
};

/*
 * Parse the text of a pressure file. A line that is missing or malformed leaves its number
 * unknown; the kernel has no "full" line for some resources.
 */
struct psi psi_parse(const char *text);

#endif
