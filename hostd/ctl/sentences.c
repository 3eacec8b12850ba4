// SPDX-License-Identifier: GPL-2.0
/* Sentences are JSON strings, so that --json prints the same that people read (sentences.h). */
#include "ctl/sentences.h"

#include <stdarg.h>
#include <stdio.h>

#include "ctl/columns.h"
#include "util/size.h"

#define SENTENCE_LEN 400

void say(json_t *sentences, const char *format, ...)
{
	char text[SENTENCE_LEN];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_array_append_new(sentences, json_string(text));
}

void print_sentences(const json_t *sentences, const char *indent)
{
	for (size_t i = 0; i < json_array_size(sentences); i++)
		print_wrapped(indent, json_string_value(json_array_get(sentences, i)));
}

bool known(const json_t *object, const char *key)
{
	return json_is_integer(json_object_get(object, key));
}

json_int_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *size_text(json_int_t kib, char *buffer)
{
	return size_format_kib(kib > 0 ? (uint64_t)kib : 0, buffer, CELL_LEN);
}
