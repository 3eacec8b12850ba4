/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scope-bound clean-up: a variable declared with one of these is released when it goes out of
 * scope, on every path. Each handler accepts "nothing" (NULL, or -1 for a descriptor).
 */
#ifndef AEROSTAT_UTIL_CLEANUP_H
#define AEROSTAT_UTIL_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close_(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define cleanup(handler) __attribute__((__cleanup__(handler)))
#define cleanup_free	 cleanup(cleanup_free_)
#define cleanup_close	 cleanup(cleanup_close_)

#endif
