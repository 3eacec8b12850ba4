// SPDX-License-Identifier: GPL-2.0
/*
 * What cannot start costs only itself: a taken port is a warning, and ballooning goes on. It is
 * tried again with the next reload.
 */
#include "publish/publishers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "publish/alarms.h"
#include "publish/bus.h"
#include "publish/history.h"
#include "publish/hook.h"
#include "publish/http.h"
#include "publish/journal.h"
#include "publish/metrics.h"
#include "publish/textfile.h"
#include "util/clock.h"
#include "util/log.h"

#define ALARM_TEXT_LEN 256

struct publishers {
	sd_event *event;
	status_fn status;
	void *userdata;
	struct conf_metrics metrics; /* as it was when the next two were started */
	struct http *http;
	struct textfile *textfile;
	struct bus *bus;
	struct alarms *alarms;
	struct history *history;
	struct hook *hook;
	const struct conf *conf; /* during a tick */
};

int publishers_new(sd_event *event, struct bus *bus, status_fn status, void *userdata,
		   struct publishers **ret_publishers)
{
	struct publishers *publishers = calloc(1, sizeof(*publishers));

	if (!publishers)
		return -ENOMEM;
	publishers->event = event;
	publishers->status = status;
	publishers->userdata = userdata;
	publishers->bus = bus;
	publishers->alarms = alarms_new();
	publishers->history = history_new();
	if (!publishers->alarms || !publishers->history || hook_new(event, &publishers->hook)) {
		publishers_free(publishers);
		return -ENOMEM;
	}
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

static void describe_alarm(const struct alarm *alarm, char *text, size_t size)
{
	char numbers[64] = "";
	uint64_t value, limit;

	if (opt_get(alarm->value_permille, &value) && opt_get(alarm->limit_permille, &limit))
		snprintf(numbers, sizeof(numbers),
			 " (%" PRIu64 ".%" PRIu64 " %%, limit %" PRIu64 ".%" PRIu64 " %%)",
			 value / 10, value % 10, limit / 10, limit % 10);
	snprintf(text, size, "%.100s: %s%s: %s%s", alarm->vm ? alarm->vm : "host",
		 alarm->raised ? "alarm " : "no longer ", alarm_to_string(alarm->kind),
		 alarm_to_sentence(alarm->kind), numbers);
}

static void on_alarm(void *userdata, const struct alarm *alarm)
{
	struct publishers *publishers = userdata;
	char text[ALARM_TEXT_LEN];

	describe_alarm(alarm, text, sizeof(text));
	journal_alarm(alarm, text);
	if (publishers->bus)
		bus_emit_alarm(publishers->bus, alarm, text);
	if (publishers->conf->alarms.hook[0])
		hook_run(publishers->hook, publishers->conf->alarms.hook, alarm, text);
}

void publishers_tick(struct publishers *publishers)
{
	struct status status;

	publishers->status(publishers->userdata, &status);
	publishers->conf = status.conf;
	if (alarms_tick(publishers->alarms, &status, clock_monotonic_ms(), on_alarm, publishers))
		log_error("out of memory; some alarms are not judged in this tick");
	publishers->conf = NULL;
	if (history_tick(publishers->history, &status, clock_monotonic_ms()))
		log_error("out of memory; a point of the history is missing");
	if (publishers->bus)
		bus_tick(publishers->bus);
	write_textfile(publishers, &status);
}

const struct alarms *publishers_alarms(const struct publishers *publishers)
{
	return publishers ? publishers->alarms : NULL;
}

const struct history *publishers_history(const struct publishers *publishers)
{
	return publishers ? publishers->history : NULL;
}

void publishers_free(struct publishers *publishers)
{
	if (!publishers)
		return;
	http_free(publishers->http);
	textfile_free(publishers->textfile);
	hook_free(publishers->hook);
	history_free(publishers->history);
	alarms_free(publishers->alarms);
	free(publishers);
}
