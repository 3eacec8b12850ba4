/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's state as Prometheus metrics, in its text exposition format 0.0.4. How they get to
 * Prometheus is not known here: http.c serves them, textfile.c leaves them for node_exporter.
 *
 * Names begin with aerostat_, units are bytes, seconds and ratios. A number that is not known has
 * no sample: absent is not zero. What each means is in aerostatd(8).
 */
#ifndef AEROSTAT_PUBLISH_METRICS_H
#define AEROSTAT_PUBLISH_METRICS_H

#include <stddef.h>

#include "publish/status.h"

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* So long a text may be used again: a tick is never sooner after another than event_gap, 200 ms. */
#define METRICS_FRESH_MS 200

/*
 * *ret_text, with a terminating NUL that *ret_length does not count, is to be freed. Returns 0 or
 * -ENOMEM.
 */
int metrics_render(const struct status *status, char **ret_text, size_t *ret_length);

/*
 * The families by index, for documentation and its tests: name without the prefix aerostat_, type,
 * and help. False after the last.
 */
bool metrics_family(size_t index, const char **ret_name, const char **ret_type,
		    const char **ret_help);

#endif
