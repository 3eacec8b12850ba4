// SPDX-License-Identifier: GPL-2.0
/* __assign_str() takes the field alone (since 6.10); before that what goes into it, too. */
#include <linux/stringify.h>
#include <linux/tracepoint.h>
#include <trace/stages/stage6_event_callback.h>

extern const char probe[];
const char probe[] = __stringify(__assign_str(reason));
