// SPDX-License-Identifier: GPL-2.0
/*
 * A file system may take its time, so writing has a thread of its own, which holds at most one
 * text: the latest. The file is written beside its place and renamed into it, so that no reader
 * sees half of one.
 *
 * A writer that hangs must not hold the daemon up: after END_TIMEOUT_MS it is left behind with all
 * that it uses.
 */
#include "publish/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/log.h"

#define STACK_BYTES    (128 * 1024)
#define END_TIMEOUT_MS 500

struct textfile {
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t news;
	char *text; /* to be written; NULL: nothing */
	size_t length;
	bool ending;
	bool failed; /* has been logged; the writer's own */
	char *path; /* never changes, like the next */
	char *temporary;
};

static int write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0) {
			text += written;
			length -= (size_t)written;
		}
	}
	return 0;
}

static int replace(const struct textfile *textfile, const char *text, size_t length)
{
	int fd, ret;

	fd = open(textfile->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return -errno;
	ret = write_all(fd, text, length);
	/* Whatever our umask: node_exporter is somebody else. */
	if (!ret && fchmod(fd, 0644))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret && rename(textfile->temporary, textfile->path))
		ret = -errno;
	if (ret)
		unlink(textfile->temporary);
	return ret;
}

static void log_outcome(struct textfile *textfile, int ret)
{
	if (ret && !textfile->failed)
		log_warning("metrics: cannot write %s: %s", textfile->path, strerror(-ret));
	if (!ret && textfile->failed)
		log_info("metrics: %s is written again", textfile->path);
	textfile->failed = ret != 0;
}

static void destroy(struct textfile *textfile)
{
	pthread_cond_destroy(&textfile->news);
	pthread_mutex_destroy(&textfile->lock);
	free(textfile->text);
	free(textfile->path);
	free(textfile->temporary);
	free(textfile);
}

static void *writer(void *userdata)
{
	struct textfile *textfile = userdata;

	pthread_mutex_lock(&textfile->lock);
	for (;;) {
		char *text = textfile->text;
		size_t length = textfile->length;

		if (textfile->ending)
			break;
		if (!text) {
			pthread_cond_wait(&textfile->news, &textfile->lock);
			continue;
		}
		textfile->text = NULL;
		pthread_mutex_unlock(&textfile->lock);
		log_outcome(textfile, replace(textfile, text, length));
		free(text);
		pthread_mutex_lock(&textfile->lock);
	}
	pthread_mutex_unlock(&textfile->lock);
	/* What is old looks like what is: so nothing is better. */
	unlink(textfile->path);
	return NULL;
}

static int start_writer(struct textfile *textfile)
{
	pthread_attr_t attributes;
	int ret;

	ret = pthread_attr_init(&attributes);
	if (ret)
		return -ret;
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	ret = pthread_create(&textfile->thread, &attributes, writer, textfile);
	pthread_attr_destroy(&attributes);
	return -ret;
}

int textfile_new(const char *path, struct textfile **ret_textfile)
{
	struct textfile *textfile = calloc(1, sizeof(*textfile));
	int ret = -ENOMEM;

	if (!textfile)
		return -ENOMEM;
	pthread_mutex_init(&textfile->lock, NULL);
	pthread_cond_init(&textfile->news, NULL);
	textfile->path = strdup(path);
	/* node_exporter reads what ends in .prom only. */
	if (textfile->path && asprintf(&textfile->temporary, "%s.new", path) >= 0)
		ret = start_writer(textfile);
	else
		textfile->temporary = NULL;
	if (ret) {
		destroy(textfile);
		return ret;
	}
	*ret_textfile = textfile;
	return 0;
}

void textfile_put(struct textfile *textfile, char *text, size_t length)
{
	char *skipped;

	pthread_mutex_lock(&textfile->lock);
	skipped = textfile->text;
	textfile->text = text;
	textfile->length = length;
	pthread_cond_signal(&textfile->news);
	pthread_mutex_unlock(&textfile->lock);
	free(skipped);
}

void textfile_free(struct textfile *textfile)
{
	struct timespec end;

	if (!textfile)
		return;
	pthread_mutex_lock(&textfile->lock);
	textfile->ending = true;
	pthread_cond_signal(&textfile->news);
	pthread_mutex_unlock(&textfile->lock);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_nsec += END_TIMEOUT_MS * 1000000L;
	end.tv_sec += end.tv_nsec / 1000000000L;
	end.tv_nsec %= 1000000000L;
	if (!pthread_clockjoin_np(textfile->thread, NULL, CLOCK_MONOTONIC, &end))
		destroy(textfile);
}
