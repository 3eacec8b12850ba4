// SPDX-License-Identifier: GPL-2.0
/* A bounded queue under a mutex that is held for a few instructions, and one thread that empties it. */
#include "util/log_writer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/thread.h"

/* Lines of a thousand VMs that are all found at once, and then some. */
#define WAITING_MAX_BYTES ((size_t)2 << 20)

struct entry {
	struct entry *next;
	size_t bytes;
	enum log_level level;
	size_t n_fields;
	struct log_field *fields; /* behind the text, in the same allocation */
	char message[];
};

static struct {
	pthread_mutex_t lock; /* of all below but `write` */
	pthread_cond_t news; /* something waits, or it is to end */
	pthread_cond_t ended; /* the thread has */
	log_write_fn write; /* never changes while the thread runs */
	bool running;
	bool ending;
	struct entry *first;
	struct entry **last;
	size_t waiting_bytes;
	unsigned long dropped; /* not said yet */
} writer = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.news = PTHREAD_COND_INITIALIZER,
	.ended = PTHREAD_COND_INITIALIZER,
	.last = &writer.first,
};

static struct entry *entry_new(enum log_level level, const char *message,
			       const struct log_field *fields, size_t n_fields)
{
	size_t text = strlen(message) + 1, rest = n_fields * sizeof(*fields);
	struct entry *entry = malloc(sizeof(*entry) + text + rest);

	if (!entry)
		return NULL;
	entry->next = NULL;
	entry->bytes = sizeof(*entry) + text + rest;
	entry->level = level;
	entry->n_fields = n_fields;
	entry->fields = (struct log_field *)(entry->message + text);
	memcpy(entry->message, message, text);
	if (rest)
		memcpy(entry->fields, fields, rest);
	return entry;
}

bool log_writer_put(enum log_level level, const char *message, const struct log_field *fields,
		    size_t n_fields)
{
	struct entry *entry;

	pthread_mutex_lock(&writer.lock);
	if (!writer.running) {
		pthread_mutex_unlock(&writer.lock);
		return false;
	}
	entry = writer.waiting_bytes < WAITING_MAX_BYTES
			? entry_new(level, message, fields, n_fields)
			: NULL;
	if (entry) {
		*writer.last = entry;
		writer.last = &entry->next;
		writer.waiting_bytes += entry->bytes;
		pthread_cond_signal(&writer.news);
	} else {
		writer.dropped++;
	}
	pthread_mutex_unlock(&writer.lock);
	return true;
}

static void say_dropped(unsigned long dropped)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "%lu lines of log are missing here: they could not be written in time", dropped);
	writer.write(LOG_LEVEL_WARNING, text, NULL, 0);
}

/* Called with the lock held; released while it writes. False: nothing waits. */
static bool write_one(void)
{
	struct entry *entry = writer.first;
	unsigned long dropped = 0;

	if (!entry && !writer.dropped)
		return false;
	/* What was dropped came after all that waits. */
	if (entry) {
		writer.first = entry->next;
		if (!writer.first)
			writer.last = &writer.first;
		writer.waiting_bytes -= entry->bytes;
	} else {
		dropped = writer.dropped;
		writer.dropped = 0;
	}
	pthread_mutex_unlock(&writer.lock);
	if (entry)
		writer.write(entry->level, entry->message, entry->fields, entry->n_fields);
	else
		say_dropped(dropped);
	free(entry);
	pthread_mutex_lock(&writer.lock);
	return true;
}

static void *writer_main(void *userdata)
{
	(void)userdata;
	pthread_mutex_lock(&writer.lock);
	for (;;) {
		if (write_one())
			continue;
		if (writer.ending)
			break;
		pthread_cond_wait(&writer.news, &writer.lock);
	}
	writer.running = false;
	pthread_cond_signal(&writer.ended);
	pthread_mutex_unlock(&writer.lock);
	return NULL;
}

int log_writer_start(log_write_fn write)
{
	int ret;

	writer.write = write;
	writer.ending = false;
	writer.running = true;
	ret = thread_start_detached(writer_main, NULL);
	if (ret)
		writer.running = false;
	return ret;
}

void log_writer_stop(uint32_t timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&writer.lock);
	writer.ending = true;
	pthread_cond_signal(&writer.news);
	/* One that hangs is left behind: all it uses is static. */
	while (writer.running &&
	       !pthread_cond_clockwait(&writer.ended, &writer.lock, CLOCK_MONOTONIC, &until))
		;
	pthread_mutex_unlock(&writer.lock);
}
