// SPDX-License-Identifier: GPL-2.0
/*
 * The host's end of the line to the agent (see agent/command.c for its form).
 */
#include "harness/agent_client.h"
#include "harness/lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct agent {
	struct line_reader reader;
	FILE *log;
};

/*
 * The last request of this process, to whichever agent: one that was put to sleep on one QEMU may
 * answer on another.
 */
static uint64_t last_number;

/* Undoes the agent's \n and \\ in place. */
static void unescape(char *text)
{
	char *out = text;

	for (; *text; text++) {
		if (*text == '\\' && text[1]) {
			text++;
			*out++ = *text == 'n' ? '\n' : *text;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

static int receive(struct agent *agent, uint64_t deadline_ms, char **ret_line)
{
	char *line;
	int r;

	r = line_read(&agent->reader, deadline_ms, &line);
	if (r < 0)
		return r;
	if (agent->log)
		fprintf(agent->log, "< %s\n", line);
	*ret_line = line;
	return 0;
}

/* What a reply line says: 0 or a negative errno, and where its text begins. */
static int parse_reply(char *line, uint64_t number, const char **ret_text, bool *ret_ours)
{
	char *rest;
	long code;

	if (strtoull(line, &rest, 10) != number || *rest != ' ') {
		*ret_ours = false;
		return 0;
	}
	*ret_ours = true;
	rest++;
	if (strcmp(rest, "ok") == 0 || strncmp(rest, "ok ", 3) == 0) {
		rest += rest[2] ? 3 : 2;
		unescape(rest);
		*ret_text = rest;
		return 0;
	}
	if (strncmp(rest, "err ", 4) != 0)
		return -EBADMSG;
	code = strtol(rest + 4, NULL, 10);
	return code > 0 && code < 4096 ? (int)-code : -EBADMSG;
}

int agent_vstart(struct agent *agent, uint64_t *ret_number, const char *format, va_list args)
{
	uint64_t number = ++last_number;
	char verb[4096], *request;
	int length, r;

	vsnprintf(verb, sizeof(verb), format, args);
	length = asprintf(&request, "%llu %s\n", (unsigned long long)number, verb);
	if (length < 0)
		return -ENOMEM;
	if (agent->log)
		fprintf(agent->log, "> %s", request);
	r = line_write(agent->reader.fd, request, (size_t)length);
	free(request);
	if (r == 0)
		*ret_number = number;
	return r;
}

int agent_finish(struct agent *agent, uint64_t timeout_ms, uint64_t number, char **ret_text)
{
	uint64_t deadline_ms = clock_ms() + timeout_ms;
	const char *text = "";
	bool ours = false;
	char *line;
	int r;

	do {
		r = receive(agent, deadline_ms, &line);
		if (r < 0)
			return r;
		r = parse_reply(line, number, &text, &ours);
		if (r == 0 && ours && ret_text) {
			*ret_text = strdup(text);
			if (!*ret_text)
				abort();
		}
		free(line);
	} while (r == 0 && !ours);
	return r;
}

int agent_vask(struct agent *agent, uint64_t timeout_ms, char **ret_text, const char *format,
	       va_list args)
{
	uint64_t number;
	int r;

	r = agent_vstart(agent, &number, format, args);
	return r < 0 ? r : agent_finish(agent, timeout_ms, number, ret_text);
}

int agent_wait_ready(struct agent *agent, uint64_t timeout_ms, int *ret_module_errno)
{
	uint64_t deadline_ms = clock_ms() + timeout_ms;
	bool ready = false;
	const char *code;
	char *line;
	int r;

	while (!ready) {
		r = receive(agent, deadline_ms, &line);
		if (r < 0)
			return r;
		ready = strncmp(line, "agent ready ", 12) == 0;
		code = strstr(line, "module_errno=");
		if (ready)
			*ret_module_errno = code ? atoi(code + strlen("module_errno=")) : 0;
		free(line);
	}
	return 0;
}

int agent_new(int fd, FILE *log, uint64_t timeout_ms, bool running, struct agent **ret_agent,
	      int *ret_module_errno)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	int r;

	if (!agent) {
		close(fd);
		return -ENOMEM;
	}
	agent->reader.fd = fd;
	agent->log = log;
	*ret_module_errno = 0;
	r = running ? 0 : agent_wait_ready(agent, timeout_ms, ret_module_errno);
	if (r < 0) {
		agent_free(agent);
		return r;
	}
	*ret_agent = agent;
	return 0;
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	close(agent->reader.fd);
	line_reader_deinit(&agent->reader);
	free(agent);
}
