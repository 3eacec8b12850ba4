/* SPDX-License-Identifier: GPL-2.0 */
/*
 * GET /metrics, on a loopback address only. There is neither TLS nor a password: whoever wants the
 * metrics of this host on another one puts a proxy before it, or uses the text file (textfile.h).
 */
#ifndef AEROSTAT_PUBLISH_HTTP_H
#define AEROSTAT_PUBLISH_HTTP_H

#include <systemd/sd-event.h>

#include "conf/conf.h"
#include "publish/status.h"

struct http;

/*
 * Listen where `listen` says, its port not 0. Requests are answered from the loop, from memory.
 * Returns 0 or a negative errno: -EADDRINUSE, -EACCES, ...
 */
int http_new(sd_event *event, const struct conf_listen *listen, status_fn status, void *userdata,
	     struct http **ret_http);

void http_free(struct http *http); /* takes NULL */

#endif
