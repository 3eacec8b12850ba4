// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU's monitor: commands with a deadline, events kept until somebody asks for them.
 *
 * One thread, one command at a time: events that arrive while a reply is awaited are queued.
 */
#include "harness/qmp.h"
#include "harness/lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct qmp {
	struct line_reader reader;
	FILE *log;
	json_t *events; /* array, oldest first */
	uint64_t next_id;
	char error[512]; /* what QEMU said to the last refused command */
};

/*
 * QEMU writes a 64-bit number that it does not know as all ones, without a sign, which is more than a
 * JSON integer holds here. As -1 it is the same bits.
 */
static void mend_all_ones(char *line)
{
	static const char all_ones[] = "18446744073709551615";

	for (char *place = line; (place = strstr(place, all_ones)); place += sizeof(all_ones) - 1) {
		memset(place, ' ', sizeof(all_ones) - 1);
		memcpy(place, "-1", 2);
	}
}

/* One message; events are queued and not returned (-EAGAIN). */
static int receive(struct qmp *qmp, uint64_t deadline_ms, json_t **ret_message)
{
	json_t *message;
	char *line;
	int r;

	r = line_read(&qmp->reader, deadline_ms, &line);
	if (r < 0)
		return r;
	if (qmp->log)
		fprintf(qmp->log, "< %s\n", line);
	mend_all_ones(line);
	message = json_loads(line, 0, NULL);
	free(line);
	if (!message)
		return -EBADMSG;
	if (json_object_get(message, "event")) {
		json_array_append_new(qmp->events, message);
		return -EAGAIN;
	}
	*ret_message = message;
	return 0;
}

static int send_command(struct qmp *qmp, const char *command, json_t *arguments, uint64_t id)
{
	json_t *message = json_pack("{s:s, s:I}", "execute", command, "id", (json_int_t)id);
	char *text;
	int r;

	if (!message)
		return -ENOMEM;
	if (arguments)
		json_object_set(message, "arguments", arguments);
	text = json_dumps(message, JSON_COMPACT);
	json_decref(message);
	if (!text)
		return -ENOMEM;
	if (qmp->log)
		fprintf(qmp->log, "> %s\n", text);
	r = line_write(qmp->reader.fd, text, strlen(text));
	free(text);
	return r;
}

/* Waits for the reply to this id; older ones belong to commands that were given up on. */
static int receive_reply(struct qmp *qmp, uint64_t deadline_ms, uint64_t id, json_t **ret_result)
{
	json_t *message, *error;
	int r;

	for (;;) {
		r = receive(qmp, deadline_ms, &message);
		if (r == -EAGAIN)
			continue;
		if (r < 0)
			return r;
		if ((uint64_t)json_integer_value(json_object_get(message, "id")) == id)
			break;
		json_decref(message);
	}
	error = json_object_get(message, "error");
	if (error) {
		snprintf(qmp->error, sizeof(qmp->error), "%s",
			 json_string_value(json_object_get(error, "desc")));
		r = -EREMOTEIO;
	} else if (ret_result) {
		*ret_result = json_incref(json_object_get(message, "return"));
	}
	json_decref(message);
	return r;
}

int qmp_command(struct qmp *qmp, uint64_t timeout_ms, json_t **ret_result, const char *command,
		const char *arguments, ...)
{
	uint64_t id = ++qmp->next_id, deadline_ms = clock_ms() + timeout_ms;
	json_t *packed = NULL;
	json_error_t error;
	va_list args;
	int r;

	if (arguments) {
		va_start(args, arguments);
		packed = json_vpack_ex(&error, 0, arguments, args);
		va_end(args);
		if (!packed)
			return -EINVAL;
	}
	r = send_command(qmp, command, packed, id);
	json_decref(packed);
	if (r < 0)
		return r;
	return receive_reply(qmp, deadline_ms, id, ret_result);
}

const char *qmp_error(const struct qmp *qmp)
{
	return qmp->error;
}

int qmp_wait_event(struct qmp *qmp, uint64_t timeout_ms, const char *event, json_t **ret_data)
{
	uint64_t deadline_ms = clock_ms() + timeout_ms;
	json_t *message;
	const char *name;
	size_t i = 0;
	int r;

	for (;;) {
		for (; i < json_array_size(qmp->events); i++) {
			message = json_array_get(qmp->events, i);
			name = json_string_value(json_object_get(message, "event"));
			if (!name || strcmp(name, event) != 0)
				continue;
			if (ret_data)
				*ret_data = json_incref(json_object_get(message, "data"));
			json_array_remove(qmp->events, i);
			return 0;
		}
		r = receive(qmp, deadline_ms, &message);
		if (r == 0)
			json_decref(message);
		else if (r != -EAGAIN)
			return r;
	}
}

void qmp_forget_events(struct qmp *qmp)
{
	json_array_clear(qmp->events);
}

int qmp_new(int fd, FILE *log, uint64_t timeout_ms, struct qmp **ret_qmp)
{
	struct qmp *qmp = calloc(1, sizeof(*qmp));
	json_t *greeting = NULL;
	int r;

	if (!qmp) {
		close(fd);
		return -ENOMEM;
	}
	qmp->reader.fd = fd;
	qmp->log = log;
	qmp->events = json_array();
	r = receive(qmp, clock_ms() + timeout_ms, &greeting);
	json_decref(greeting);
	if (r == 0)
		r = qmp_command(qmp, timeout_ms, NULL, "qmp_capabilities", NULL);
	if (r < 0) {
		qmp_free(qmp);
		return r;
	}
	*ret_qmp = qmp;
	return 0;
}

void qmp_free(struct qmp *qmp)
{
	if (!qmp)
		return;
	close(qmp->reader.fd);
	line_reader_deinit(&qmp->reader);
	json_decref(qmp->events);
	free(qmp);
}
