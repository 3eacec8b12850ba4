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
#include "store/disk.h"
#include "util/clock.h"
#include "util/log.h"

#define ALARM_TEXT_LEN	  256
#define HISTORY_MAX_BYTES ((size_t)512 << 20) /* more than it ever is */

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
	const char *state_directory; /* NULL: nothing is kept */
	const struct clock *clock;
	const struct conf *conf; /* during a tick */
	bool ticked; /* there is something to be kept */
};

/* A history that cannot be read costs only itself: it is not missed but in pictures. */
static void load_history(struct publishers *publishers)
{
	const char *directory = publishers->state_directory, *why = NULL;
	void *bytes;
	size_t length;
	int ret;

	if (!directory)
		return;
	ret = disk_read(directory, HISTORY_FILE_NAME, HISTORY_MAX_BYTES, &bytes, &length);
	if (ret == -ENOENT)
		return;
	if (!ret) {
		ret = history_decode(publishers->history, bytes, length, clock_monotonic_ms(),
				     clock_wall_ms(publishers->clock), &why);
		free(bytes);
	}
	if (!ret)
		return;
	log_warning("%s/%s: %s; it is set aside as %s.damaged, and begins anew", directory,
		    HISTORY_FILE_NAME, why ? why : strerror(-ret), HISTORY_FILE_NAME);
	disk_set_aside(directory, HISTORY_FILE_NAME);
}

int publishers_keep(const struct publishers *publishers, void **ret_bytes, size_t *ret_length)
{
	return history_encode(publishers->history, clock_monotonic_ms(),
			      clock_wall_ms(publishers->clock), ret_bytes, ret_length);
}

void publishers_keep_now(const struct publishers *publishers)
{
	void *bytes;
	size_t length;
	int ret;

	if (!publishers || !publishers->state_directory || !publishers->ticked)
		return;
	ret = publishers_keep(publishers, &bytes, &length);
	if (!ret) {
		ret = disk_replace(publishers->state_directory, HISTORY_FILE_NAME, bytes, length);
		free(bytes);
	}
	if (ret)
		log_warning("%s/%s: not written: %s", publishers->state_directory,
			    HISTORY_FILE_NAME, strerror(-ret));
}

int publishers_new(sd_event *event, struct bus *bus, status_fn status, void *userdata,
		   const char *state_directory, const struct clock *clock,
		   struct publishers **ret_publishers)
{
	struct publishers *publishers = calloc(1, sizeof(*publishers));

	if (!publishers)
		return -ENOMEM;
	publishers->event = event;
	publishers->status = status;
	publishers->userdata = userdata;
	publishers->bus = bus;
	publishers->state_directory = state_directory;
	publishers->clock = clock;
	publishers->alarms = alarms_new();
	publishers->history = history_new();
	if (!publishers->alarms || !publishers->history || hook_new(&publishers->hook)) {
		publishers_free(publishers);
		return -ENOMEM;
	}
	load_history(publishers);
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

static void describe_value(const struct alarm *alarm, char *text, size_t size)
{
	uint64_t value, limit;

	text[0] = '\0';
	if (!opt_get(alarm->value, &value) || !opt_get(alarm->limit, &limit))
		return;
	switch (alarm_unit(alarm->kind)) {
	case ALARM_PERMILLE:
		snprintf(text, size,
			 " (%" PRIu64 ".%" PRIu64 " %%, limit %" PRIu64 ".%" PRIu64 " %%)",
			 value / 10, value % 10, limit / 10, limit % 10);
		break;
	case ALARM_US:
		snprintf(text, size,
			 " (%s%s%" PRIu64 ".%" PRIu64 " ms, limit %" PRIu64 ".%" PRIu64 " ms)",
			 alarm->device ? alarm->device : "", alarm->device ? ": " : "",
			 value / 1000, value % 1000 / 100, limit / 1000, limit % 1000 / 100);
		break;
	case ALARM_YES_OR_NO:
		break;
	}
}

static void describe_alarm(const struct alarm *alarm, char *text, size_t size)
{
	char numbers[ALARM_TEXT_LEN / 2];

	describe_value(alarm, numbers, sizeof(numbers));
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
	publishers->ticked = true;
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
