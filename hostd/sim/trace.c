// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a trace (trace.h). A trace may come from anywhere, so each value is checked, sizes are
 * bounded before memory is asked for, and whatever is wrong is said with line and column.
 */
#include "sim/trace.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/model.h"

#define TRACE_LINE_MAX ((size_t)1 << 29) /* bytes: room for all samples in one line */

struct reader {
	const char *name;
	size_t line;
	size_t column; /* the how-manieth value, from 1 */
	size_t samples; /* of all VMs so far */
	char *text; /* of the line */
	size_t text_size;
	struct sim_error *error;
};

__attribute__((format(printf, 2, 3))) static int wrong(const struct reader *reader,
						       const char *format, ...)
{
	char what[160];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	snprintf(reader->error->text, sizeof(reader->error->text), "%.100s:%zu: value %zu: %s",
		 reader->name, reader->line, reader->column, what);
	return -EINVAL;
}

/* Digits with at most one point among them: neither signs, exponents, nor what strtod() adds. */
static int parse_mib(const struct reader *reader, const char *text, double *ret_mib)
{
	size_t whole = strspn(text, "0123456789");
	const char *rest = text + whole;
	double mib;

	if (whole && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!whole || *rest)
		return wrong(reader, "\"%.40s\" is no number of MiB", text);
	mib = strtod(text, NULL);
	if (mib > TRACE_SIZE_MAX_MIB)
		return wrong(reader, "%.40s MiB is more than a VM can have", text);
	*ret_mib = mib;
	return 0;
}

static int parse_id(const struct reader *reader, const char *text, char *ret_id)
{
	size_t length = strlen(text);

	if (!length || length >= TRACE_ID_LEN)
		return wrong(reader, "the VM's name has to be of 1 to %d characters",
			     TRACE_ID_LEN - 1);
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return wrong(reader, "the VM's name has control characters");
	memcpy(ret_id, text, length + 1);
	return 0;
}

static size_t count_values(const char *line)
{
	size_t n = 1;

	for (; *line; line++)
		n += *line == ',';
	return n;
}

static int parse_value(struct reader *reader, const char *text, struct trace_vm *vm)
{
	double mib = NAN;
	int ret;

	switch (reader->column) {
	case 1:
		return parse_id(reader, text, vm->id);
	case 2:
		ret = parse_mib(reader, text, &vm->provisioned_mib);
		if (!ret && vm->provisioned_mib < 1)
			ret = wrong(reader, "a VM has at least 1 MiB");
		return ret;
	default:
		if (*text) {
			ret = parse_mib(reader, text, &mib);
			if (ret)
				return ret;
		}
		vm->used_mib[vm->n_samples++] = (float)mib;
		return 0;
	}
}

static int parse_line(struct reader *reader, char *line, struct trace_vm *vm)
{
	size_t n = count_values(line);

	reader->column = n;
	if (n < 3)
		return wrong(reader, "a line is: name, provisioned MiB, and at least one sample");
	if (n - 2 > TRACE_SAMPLES_MAX - reader->samples)
		return wrong(reader, "more than %zu samples", (size_t)TRACE_SAMPLES_MAX);
	reader->samples += n - 2;
	vm->step_s = MODEL_TRACE_STEP_S;
	vm->used_mib = malloc((n - 2) * sizeof(*vm->used_mib));
	if (!vm->used_mib)
		return -ENOMEM;
	for (reader->column = 1; reader->column <= n; reader->column++) {
		char *end = strchrnul(line, ',');
		int ret;

		*end = 0;
		ret = parse_value(reader, line, vm);
		if (ret)
			return ret;
		line = end + 1;
	}
	return 0;
}

static struct trace_vm *add_vm(struct trace *trace, size_t *size)
{
	if (trace->n_vms == *size) {
		size_t larger = *size ? *size * 2 : 64;
		struct trace_vm *vms = reallocarray(trace->vms, larger, sizeof(*vms));

		if (!vms)
			return NULL;
		trace->vms = vms;
		*size = larger;
	}
	memset(&trace->vms[trace->n_vms], 0, sizeof(*trace->vms));
	return &trace->vms[trace->n_vms++];
}

/* A line without its end, however long, up to a bound; *ret_end: there is none any more. */
static int read_line(FILE *from, struct reader *reader, bool *ret_end)
{
	size_t length = 0;
	int c;

	reader->line++;
	reader->column = 1;
	while ((c = getc_unlocked(from)) != EOF && c != '\n') {
		if (!c)
			return wrong(reader, "there is a NUL in it: is the file compressed?");
		if (length + 1 >= reader->text_size) {
			size_t larger = reader->text_size ? reader->text_size * 2 : 4096;
			char *text = larger > TRACE_LINE_MAX ? NULL : realloc(reader->text, larger);

			if (larger > TRACE_LINE_MAX)
				return wrong(reader, "the line is too long");
			if (!text)
				return -ENOMEM;
			reader->text = text;
			reader->text_size = larger;
		}
		reader->text[length++] = (char)c;
	}
	*ret_end = c == EOF && !length;
	if (length && reader->text[length - 1] == '\r')
		length--;
	if (reader->text)
		reader->text[length] = 0;
	return 0;
}

static int read_lines(FILE *from, struct reader *reader, struct trace *trace)
{
	size_t vms_size = 0;

	for (;;) {
		struct trace_vm *vm;
		bool end = false;
		int ret;

		errno = 0;
		ret = read_line(from, reader, &end);
		if (ret)
			return ret;
		if (end)
			break;
		if (!reader->text || !*reader->text || *reader->text == '#')
			continue;
		if (trace->n_vms == TRACE_VMS_MAX)
			return wrong(reader, "more than %d VMs", TRACE_VMS_MAX);
		vm = add_vm(trace, &vms_size);
		if (!vm)
			return -ENOMEM;
		ret = parse_line(reader, reader->text, vm);
		if (ret)
			return ret;
	}
	if (ferror(from)) {
		int error = errno ? errno : EIO;

		snprintf(reader->error->text, sizeof(reader->error->text), "%.100s: %s",
			 reader->name, strerror(error));
		return -error;
	}
	if (!trace->n_vms)
		return wrong(reader, "no VM in it");
	return 0;
}

int trace_read(FILE *from, const char *name, struct trace **ret_trace, struct sim_error *ret_error)
{
	struct reader reader = { .name = name, .error = ret_error };
	struct trace *trace = calloc(1, sizeof(*trace));
	int ret = -ENOMEM;

	if (trace)
		ret = read_lines(from, &reader, trace);
	free(reader.text);
	if (ret == -ENOMEM)
		snprintf(ret_error->text, sizeof(ret_error->text), "%.100s: out of memory", name);
	if (ret) {
		trace_free(trace);
		return ret;
	}
	*ret_trace = trace;
	return 0;
}

void trace_free(struct trace *trace)
{
	if (!trace)
		return;
	for (size_t i = 0; i < trace->n_vms; i++)
		free(trace->vms[i].used_mib);
	free(trace->vms);
	free(trace);
}

int64_t trace_duration_s(const struct trace *trace)
{
	int64_t longest_s = 0;

	for (size_t i = 0; i < trace->n_vms; i++) {
		const struct trace_vm *vm = &trace->vms[i];
		int64_t s = (int64_t)vm->n_samples * vm->step_s;

		longest_s = s > longest_s ? s : longest_s;
	}
	return longest_s;
}
