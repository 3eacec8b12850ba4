// SPDX-License-Identifier: GPL-2.0
/*
 * Columns as wcwidth() counts them: names may be of any script, some characters take two columns and
 * some none. What has no width in the locale's opinion counts as one column.
 */
#include "ctl/columns.h"

#include <ctype.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "util/printable.h"

#define ELLIPSIS    "…"
#define COLUMNS_MAX 100000
#define FIT_COLUMNS ((FIT_LEN - 8) / 4) /* of four bytes each they fit a buffer */
#define SHORT_LEN   (FIT_LEN - FIT_COLUMNS) /* and so much without the blanks */
#define TOO_NARROW  20 /* words would stand alone: the terminal breaks lines better */

void columns_init(void)
{
	if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

size_t columns_of_output(void)
{
	const char *text = getenv("COLUMNS");
	struct winsize size = { 0 };
	unsigned long columns;
	char *end;

	if (text && *text) {
		columns = strtoul(text, &end, 10);
		if (!*end && columns && columns < COLUMNS_MAX)
			return columns;
	}
	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		return 0;
	return size.ws_col;
}

/* The next character's bytes, and its columns in *ret_columns; 0 at the end. */
static size_t step(const char *text, size_t *ret_columns)
{
	mbstate_t state = { 0 };
	wchar_t character;
	size_t length = mbrtowc(&character, text, MB_LEN_MAX, &state);
	int columns;

	if (!*text)
		return 0;
	if (length == (size_t)-1 || length == (size_t)-2 || !length) {
		*ret_columns = 1;
		return 1;
	}
	columns = wcwidth(character);
	*ret_columns = columns < 0 ? 1 : (size_t)columns;
	return length;
}

size_t columns_of(const char *text)
{
	size_t total = 0, columns, length;

	for (; (length = step(text, &columns)); text += length)
		total += columns;
	return total;
}

/* The longest beginning of the text that takes at most so many columns: its bytes. */
static size_t head_of(const char *text, size_t width, size_t *ret_columns)
{
	size_t bytes = 0, total = 0, columns, length;

	for (; (length = step(text + bytes, &columns)); bytes += length) {
		if (total + columns > width)
			break;
		total += columns;
	}
	*ret_columns = total;
	return bytes;
}

size_t columns_cut(const char *text, size_t width)
{
	size_t columns;

	return head_of(text, width, &columns);
}

/* Where the longest end begins that takes at most so many columns. */
static const char *tail_of(const char *text, size_t width, size_t *ret_columns)
{
	size_t total = columns_of(text), columns = 0, length;

	for (; total > width && (length = step(text, &columns)); text += length)
		total -= columns;
	/* What has no columns belongs to the character before it. */
	while (*text && (length = step(text, &columns)) && !columns)
		text += length;
	*ret_columns = total;
	return text;
}

/* At most so many columns, shortened in the middle, in SHORT_LEN. Returns how many it takes. */
static size_t shorten(const char *text, size_t width, char *buffer)
{
	size_t left, right = 0, bytes;
	const char *tail;

	if (columns_of(text) <= width && strlen(text) < SHORT_LEN) {
		snprintf(buffer, SHORT_LEN, "%s", text);
		return columns_of(text);
	}
	bytes = head_of(text, width / 2, &left);
	/* Characters without columns are not counted, but must end somewhere. */
	if (bytes > SHORT_LEN / 3)
		bytes = 0, left = 0;
	tail = tail_of(text, width - width / 2 - 1, &right);
	if (strlen(tail) > SHORT_LEN / 3)
		tail = "", right = 0;
	snprintf(buffer, SHORT_LEN, "%.*s" ELLIPSIS "%s", (int)bytes, text, tail);
	return left + 1 + right;
}

const char *fit(const char *text, int width, char *buffer)
{
	size_t columns = (size_t)abs(width), used, padding;
	char shortened[SHORT_LEN];

	if (columns > FIT_COLUMNS)
		columns = FIT_COLUMNS;
	used = columns ? shorten(text, columns, shortened) : 0;
	padding = used < columns ? columns - used : 0;
	if (!columns)
		buffer[0] = '\0';
	else if (width < 0)
		snprintf(buffer, FIT_LEN, "%*s%s", (int)padding, "", shortened);
	else
		snprintf(buffer, FIT_LEN, "%s%*s", shortened, (int)padding, "");
	return buffer;
}

/* The next word's bytes; a number is not parted from its unit. */
static size_t word_length(const char *text)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "%", "s" };
	size_t length = strcspn(text, " ");

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && text[length]; i++) {
		size_t unit = strlen(units[i]);

		if (!strncmp(text + length + 1, units[i], unit) &&
		    !isalnum((unsigned char)text[length + 1 + unit]))
			return length + 1 + strcspn(text + length + 1, " ");
	}
	return length;
}

void print_wrapped(const char *indent, const char *text)
{
	size_t width = columns_of_output(), margin = columns_of(indent);
	size_t column = 0;

	if (width < margin + TOO_NARROW) {
		printf("%s%s\n", indent, text);
		return;
	}
	fputs(indent, stdout);
	while (*text) {
		size_t length = word_length(text), columns;
		char word[FIT_LEN];

		snprintf(word, sizeof(word), "%.*s", (int)length, text);
		columns = columns_of(word);
		if (column && column + 1 + columns > width - margin) {
			printf("\n%*s", (int)margin, "");
			column = 0;
		}
		/* A word longer than the buffer is printed whole all the same. */
		printf("%s%.*s", column ? " " : "", (int)length, text);
		column += columns + (column > 0);
		text += length;
		text += strspn(text, " ");
	}
	putchar('\n');
}

static json_t *printable_string(const json_t *value)
{
	char *copy = strdup(json_string_value(value));
	json_t *string;

	if (!copy)
		return NULL;
	text_make_printable(copy);
	string = json_string(copy);
	free(copy);
	return string;
}

void make_printable(json_t *value)
{
	const char *key;
	json_t *item;
	size_t i;
	void *next;

	json_object_foreach_safe(value, next, key, item)
	{
		if (json_is_string(item))
			json_object_set_new(value, key, printable_string(item));
		else
			make_printable(item);
	}
	json_array_foreach(value, i, item) {
		if (json_is_string(item))
			json_array_set_new(value, i, printable_string(item));
		else
			make_printable(item);
	}
}
