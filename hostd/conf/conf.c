// SPDX-License-Identifier: GPL-2.0
/*
 * Reading the configuration files (conf.h). libinih cuts lines into keys and values; what it
 * does not tell or silently forgives is settled in read_line(), which hands it each line: the
 * line's number, lines longer than its buffer (it would cut them), text after a section's
 * bracket (it would drop it), and indented lines (it would take them for more of the value
 * above; here indentation means nothing).
 */
#include "conf/conf.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/keys.h"

#define SECTION_LEN	  49 /* libinih 55 keeps this much of a section's heading */
#define STALE_PERIODS_MIN 2 /* younger than this, good statistics would count as stale */

struct reader {
	FILE *file;
	const char *path;
	char *line;
	size_t line_size;
	int line_number;
	struct conf *conf;
	int error; /* the first one; nothing is read after it */
	struct conf_error *ret_error;
};

static void set_error(struct conf_error *ret_error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void set_error(struct conf_error *ret_error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(ret_error->text, sizeof(ret_error->text), format, args);
	va_end(args);
}

/* The reader's first error, with the place in front; long names are cut, the rest is kept. */
static void fail(struct reader *reader, int error, const char *text)
{
	if (reader->error)
		return;
	reader->error = error;
	set_error(reader->ret_error, "%s:%d: %s", reader->path, reader->line_number, text);
}

/* A line that begins with '[': check the whole of it, which libinih does not. */
static void begin_section(struct reader *reader, char *line)
{
	struct conf_error error;
	char section[SECTION_LEN + 1];
	char *end = strchr(line, ']');
	size_t length;
	const char *rest;
	int ret;

	if (!end) {
		fail(reader, -EINVAL, "a section's heading ends with ']'");
		return;
	}
	length = (size_t)(end - line) - 1;
	if (length > SECTION_LEN) {
		fail(reader, -EINVAL, "a section's heading is too long");
		return;
	}
	rest = end + 1 + strspn(end + 1, " \t\r\n");
	if (*rest && *rest != ';' && *rest != '#') {
		fail(reader, -EINVAL, "a section's heading stands on a line of its own");
		return;
	}
	memcpy(section, line + 1, length);
	section[length] = '\0';
	ret = keys_begin_section(reader->conf, section, &error);
	if (ret == -ENOMEM)
		fail(reader, ret, strerror(ENOMEM));
	else if (ret)
		fail(reader, ret, error.text);
}

/* libinih's reader: like fgets(). */
static char *read_line(char *buffer, int size, void *stream)
{
	struct reader *reader = stream;
	ssize_t length;
	char *start;

	if (reader->error)
		return NULL;
	errno = 0;
	length = getline(&reader->line, &reader->line_size, reader->file);
	if (length < 0) {
		if (ferror(reader->file) || errno == ENOMEM) {
			reader->error = errno ? -errno : -EIO;
			set_error(reader->ret_error, "%s: %s", reader->path,
				  strerror(-reader->error));
		}
		return NULL;
	}
	reader->line_number++;
	if (memchr(reader->line, '\0', (size_t)length)) {
		fail(reader, -EINVAL, "not a text file");
		return NULL;
	}
	start = reader->line + strspn(reader->line, " \t");
	if (*start == '#' || *start == ';')
		*start = '\0';
	if (strlen(start) >= (size_t)size) {
		fail(reader, -EINVAL, "the line is too long");
		return NULL;
	}
	if (*start == '[')
		begin_section(reader, start);
	if (reader->error)
		return NULL;
	memcpy(buffer, start, strlen(start) + 1);
	return buffer;
}

/* libinih's handler: returns 1 to go on. */
static int take_key(void *user, const char *section, const char *key, const char *value)
{
	struct reader *reader = user;
	struct conf_error error;
	int ret;

	if (!*section) {
		fail(reader, -EINVAL, "a key before the first [section]");
		return 0;
	}
	ret = keys_set(reader->conf, section, key, value, &error);
	if (ret)
		fail(reader, ret, error.text);
	return ret == 0;
}

static int load_file(struct conf *conf, const char *path, struct conf_error *ret_error)
{
	struct reader reader = { .path = path, .conf = conf, .ret_error = ret_error };
	int ret;

	reader.file = fopen(path, "re");
	if (!reader.file) {
		ret = -errno;
		set_error(ret_error, "%s: %s", path, strerror(-ret));
		return ret;
	}
	ret = ini_parse_stream(read_line, &reader, take_key, &reader);
	if (ret > 0 && !reader.error) {
		reader.line_number = ret;
		fail(&reader, -EINVAL, "neither \"key = value\" nor a [section] nor a comment");
	} else if (ret < 0 && !reader.error) {
		reader.error = -ENOMEM;
		set_error(ret_error, "%s: %s", path, strerror(ENOMEM));
	}
	free(reader.line);
	fclose(reader.file);
	return reader.error;
}

static int is_dropin(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > strlen(".conf") &&
	       !strcmp(entry->d_name + length - strlen(".conf"), ".conf");
}

/* By bytes: the order must not depend on the locale. */
static int compare_dropins(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_dropins(struct conf *conf, const char *directory, struct conf_error *ret_error)
{
	struct dirent **entries;
	char path[PATH_MAX];
	int n, ret = 0;

	n = scandir(directory, &entries, is_dropin, compare_dropins);
	if (n < 0) {
		if (errno == ENOENT)
			return 0;
		ret = -errno;
		set_error(ret_error, "%s: %s", directory, strerror(-ret));
		return ret;
	}
	for (int i = 0; i < n; i++) {
		if (!ret) {
			int length = snprintf(path, sizeof(path), "%s/%s", directory,
					      entries[i]->d_name);

			if (length >= (int)sizeof(path)) {
				ret = -ENAMETOOLONG;
				set_error(ret_error, "%s: %s", directory, strerror(-ret));
			} else {
				ret = load_file(conf, path, ret_error);
			}
		}
		free(entries[i]);
	}
	free(entries);
	return ret;
}

/* The settings of a class over those of [vm], and of metadata over both; either may be NULL. */
static int merge(const struct conf *conf, const struct conf_class *class,
		 const struct vm_tune *tune, struct vm_settings *ret_settings)
{
	struct vm_tune merged = conf->vm;

	if (class)
		tune_override(&merged, &class->tune);
	if (tune)
		tune_override(&merged, tune);
	return tune_to_settings(&merged, ret_settings);
}

/* What only the whole configuration can show to be wrong. */
static int check_whole(const struct conf *conf, const char *path, struct conf_error *ret_error)
{
	struct vm_settings settings;

	if (conf->policy.stale_ms < STALE_PERIODS_MIN * 1000 * conf->daemon.stats_period_s) {
		set_error(ret_error,
			  "%s: policy.stale: %u ms is less than %d times daemon.stats_period "
			  "(%u s); good statistics would count as stale",
			  path, conf->policy.stale_ms, STALE_PERIODS_MIN,
			  conf->daemon.stats_period_s);
		return -EINVAL;
	}
	if (merge(conf, NULL, NULL, &settings)) {
		set_error(ret_error, "%s: vm.reservation: above vm.limit", path);
		return -EINVAL;
	}
	for (size_t i = 0; i < conf->n_classes; i++) {
		if (merge(conf, &conf->classes[i], NULL, &settings)) {
			set_error(ret_error,
				  "%s: class %s.reservation: above its limit (what the class does "
				  "not set comes from [vm])",
				  path, conf->classes[i].name);
			return -EINVAL;
		}
	}
	return 0;
}

struct conf *conf_new_default(void)
{
	struct conf *conf = calloc(1, sizeof(*conf));

	if (conf)
		keys_set_defaults(conf);
	return conf;
}

void conf_free(struct conf *conf)
{
	if (!conf)
		return;
	free(conf->classes);
	free(conf);
}

static int load_all(struct conf *conf, const char *path, struct conf_error *ret_error)
{
	const char *main_path = path ? path : CONF_PATH_DEFAULT;
	const char *slash = strrchr(main_path, '/');
	char directory[PATH_MAX];
	int length, ret;

	length = slash ? snprintf(directory, sizeof(directory), "%.*s/" CONF_DROPIN_DIR,
				  (int)(slash - main_path), main_path)
		       : snprintf(directory, sizeof(directory), CONF_DROPIN_DIR);
	if (length >= (int)sizeof(directory)) {
		set_error(ret_error, "%s: %s", main_path, strerror(ENAMETOOLONG));
		return -ENAMETOOLONG;
	}
	ret = load_file(conf, main_path, ret_error);
	if (ret && !(ret == -ENOENT && !path))
		return ret;
	ret = load_dropins(conf, directory, ret_error);
	return ret ? ret : check_whole(conf, main_path, ret_error);
}

int conf_load(const char *path, struct conf **ret_conf, struct conf_error *ret_error)
{
	struct conf *conf;
	int ret;

	conf = conf_new_default();
	if (!conf) {
		set_error(ret_error, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	ret = load_all(conf, path, ret_error);
	if (ret) {
		conf_free(conf);
		return ret;
	}
	*ret_conf = conf;
	return 0;
}

static bool class_matches(const struct conf_class *class, const char *name)
{
	char patterns[CONF_MATCH_LEN];
	char *rest = patterns, *pattern;

	memcpy(patterns, class->match, sizeof(patterns));
	while ((pattern = strsep(&rest, " \t")))
		if (*pattern && !fnmatch(pattern, name, 0))
			return true;
	return false;
}

static const struct conf_class *find_class(const struct conf *conf, const char *name,
					   const struct vm_tune *tune)
{
	bool named = tune && tune->class_name[0];

	for (size_t i = 0; i < conf->n_classes; i++) {
		const struct conf_class *class = &conf->classes[i];

		if (named ? !strcmp(class->name, tune->class_name) : class_matches(class, name))
			return class;
	}
	return NULL;
}

const char *conf_vm_class(const struct conf *conf, const char *name, const struct vm_tune *tune)
{
	const struct conf_class *class = find_class(conf, name, tune);

	return class ? class->name : NULL;
}

int conf_vm_settings(const struct conf *conf, const char *name, const struct vm_tune *tune,
		     struct vm_settings *ret_settings, struct conf_error *ret_error)
{
	const struct conf_class *class = find_class(conf, name, tune);
	int ret;

	if (!class && tune && tune->class_name[0]) {
		set_error(ret_error, "class: no class \"%s\" in the configuration",
			  tune->class_name);
		return -ENOENT;
	}
	ret = merge(conf, class, tune, ret_settings);
	if (ret)
		set_error(ret_error, "reservation: above the limit%s%s",
			  class ? ", with what comes from class " : "", class ? class->name : "");
	return ret;
}
