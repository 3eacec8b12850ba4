/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Strings in tracepoints.
 */
#ifndef AEROSTAT_COMPAT_TRACE_H
#define AEROSTAT_COMPAT_TRACE_H

#include "compat/probed.h"

/* Copy into a field what its __string() was given as @from. */
#if COMPAT_HAS_ASSIGN_STR_ONE
#define compat_assign_str(field, from) __assign_str(field)
#else
#define compat_assign_str(field, from) __assign_str(field, from)
#endif

#endif
