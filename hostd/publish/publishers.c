// SPDX-License-Identifier: GPL-2.0
/*
 * What cannot start costs only itself: a taken port is a warning, and ballooning goes on. It is
 * tried again with the next reload.
 */
#include "publish/publishers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "publish/http.h"
#include "publish/metrics.h"
#include "publish/textfile.h"
#include "util/log.h"

struct publishers {
	sd_event *event;
	status_fn status;
	void *userdata;
	struct conf_metrics metrics; /* as it was when the next two were started */
	struct http *http;
	struct textfile *textfile;
};

int publishers_new(sd_event *event, status_fn status, void *userdata,
		   struct publishers **ret_publishers)
{
	struct publishers *publishers = calloc(1, sizeof(*publishers));

	if (!publishers)
		return -ENOMEM;
	publishers->event = event;
	publishers->status = status;
	publishers->userdata = userdata;
	publishers_reload(publishers);
	*ret_publishers = publishers;
	return 0;
}

static void reload_http(struct publishers *publishers, const struct conf_listen *listen)
{
	const struct conf_listen *before = &publishers->metrics.listen;
	int ret;

	if (publishers->http && before->port == listen->port &&
	    !strcmp(before->address, listen->address))
		return;
	http_free(publishers->http);
	publishers->http = NULL;
	if (!listen->port)
		return;
	ret = http_new(publishers->event, listen, publishers->status, publishers->userdata,
		       &publishers->http);
	if (ret)
		log_warning("metrics: cannot listen on %s port %u: %s", listen->address,
			    listen->port, strerror(-ret));
	else
		log_info("metrics: listening on %s port %u", listen->address, listen->port);
}

static void reload_textfile(struct publishers *publishers, const char *path)
{
	int ret;

	if (publishers->textfile && !strcmp(publishers->metrics.textfile, path))
		return;
	textfile_free(publishers->textfile);
	publishers->textfile = NULL;
	if (!path[0])
		return;
	ret = textfile_new(path, &publishers->textfile);
	if (ret)
		log_warning("metrics: cannot write %s: %s", path, strerror(-ret));
}

void publishers_reload(struct publishers *publishers)
{
	struct status status;

	publishers->status(publishers->userdata, &status);
	reload_http(publishers, &status.conf->metrics.listen);
	reload_textfile(publishers, status.conf->metrics.textfile);
	publishers->metrics = status.conf->metrics;
}

static void write_textfile(struct publishers *publishers, const struct status *status)
{
	char *text;
	size_t length;

	if (publishers->textfile && !metrics_render(status, &text, &length))
		textfile_put(publishers->textfile, text, length);
}

void publishers_tick(struct publishers *publishers)
{
	struct status status;

	publishers->status(publishers->userdata, &status);
	write_textfile(publishers, &status);
}

void publishers_free(struct publishers *publishers)
{
	if (!publishers)
		return;
	http_free(publishers->http);
	textfile_free(publishers->textfile);
	free(publishers);
}
