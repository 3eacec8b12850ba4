// SPDX-License-Identifier: GPL-2.0
/*
 * One queue, one lock, threads started when a job is queued and no healthy worker is idle. A
 * worker opens its connection with its first job and again when it finds it dead.
 */
#include "source/worker.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/clock.h"

/* A dead peer is noticed after (count + 1) * interval = 20 s; well below TCP's and libvirt's 30 s. */
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_COUNT	     3

struct worker {
	struct workers *pool;
	pthread_t thread;
	bool exists;
	bool idle; /* has no job; it takes one as soon as there is one */
	const struct job *job; /* its present one; only to be compared */
	uint64_t busy_since_ms; /* when that was begun */
	bool abandoned; /* nobody waits for that any more */
};

struct workers {
	struct mailbox *mailbox;
	char *uri;

	pthread_mutex_t lock; /* protects all below */
	uint32_t deadline_ms;
	pthread_cond_t work; /* a job was queued, or stopping was set */
	pthread_cond_t ended; /* a worker has come to its end */
	unsigned int n_running; /* workers that have not */
	struct job *first;
	struct job **last;
	unsigned int queued;
	bool stopping;
	virConnectPtr shared;
	struct worker worker[WORKERS_MAX];
};

int job_fail(struct job *job, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(job->error_text, sizeof(job->error_text), format, args);
	va_end(args);
	return error;
}

static int errno_of_libvirt(int code)
{
	switch (code) {
	case VIR_ERR_NO_DOMAIN:
		return -ENOENT;
	case VIR_ERR_NO_SUPPORT:
	case VIR_ERR_ARGUMENT_UNSUPPORTED:
	case VIR_ERR_CONFIG_UNSUPPORTED:
		return -EOPNOTSUPP;
	case VIR_ERR_OPERATION_DENIED:
	case VIR_ERR_AUTH_FAILED:
	case VIR_ERR_ACCESS_DENIED:
		return -EACCES;
	case VIR_ERR_OPERATION_TIMEOUT:
		return -ETIMEDOUT;
	case VIR_ERR_INVALID_ARG:
		return -EINVAL;
	case VIR_ERR_OPERATION_INVALID:
		return -EPERM;
	case VIR_ERR_NO_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

int job_fail_libvirt(struct job *job, const char *what)
{
	virErrorPtr error = virGetLastError();

	return job_fail(job, errno_of_libvirt(error ? error->code : VIR_ERR_INTERNAL_ERROR),
			"%s: %s", what, virGetLastErrorMessage());
}

/* What a worker has of libvirt. */
struct link {
	virConnectPtr conn;
	struct handles handles;
};

static void link_close(struct link *link)
{
	handles_clear(&link->handles);
	if (link->conn)
		virConnectClose(link->conn);
	link->conn = NULL;
}

/* The connection that all share, or a new one; NULL: *job says why not. */
static virConnectPtr connect_anew(struct workers *pool, struct job *job)
{
	virConnectPtr conn;
	virConnectPtr shared;

	pthread_mutex_lock(&pool->lock);
	shared = pool->shared;
	if (shared)
		virConnectRef(shared);
	pthread_mutex_unlock(&pool->lock);
	if (shared)
		return shared;

	conn = virConnectOpen(pool->uri);
	if (!conn) {
		job_fail_libvirt(job, "cannot connect");
		job->error = -ENOTCONN;
		return NULL;
	}
	/* Drivers without a daemon have no keepalive and need none. */
	if (virConnectSetKeepAlive(conn, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT))
		virResetLastError();
	return conn;
}

static void run_job(struct workers *pool, struct job *job, struct link *link)
{
	job->error = 0;
	job->error_text[0] = '\0';
	if (job->without_connection) {
		job->error = job->run(job, NULL);
		return;
	}
	/* As far as can be told without asking. */
	if (link->conn && virConnectIsAlive(link->conn) != 1)
		link_close(link);
	if (!link->conn)
		link->conn = connect_anew(pool, job);
	if (!link->conn)
		return;
	job->handles = &link->handles;
	job->error = job->run(job, link->conn);
}

/* Called with the lock held, waits with it released; NULL: the worker is to end. */
static struct job *next_job(struct worker *worker)
{
	struct workers *pool = worker->pool;
	struct job *job;

	worker->idle = true;
	while (!pool->first && !pool->stopping)
		pthread_cond_wait(&pool->work, &pool->lock);
	worker->idle = false;
	job = pool->first;
	if (!job)
		return NULL;
	pool->first = job->next_;
	if (!pool->first)
		pool->last = &pool->first;
	pool->queued--;
	worker->job = job;
	worker->busy_since_ms = clock_monotonic_ms();
	worker->abandoned = false;
	return job;
}

static void *worker_main(void *userdata)
{
	struct worker *worker = userdata;
	struct workers *pool = worker->pool;
	struct link link = { 0 };
	struct job *job;

	pthread_mutex_lock(&pool->lock);
	while ((job = next_job(worker))) {
		pthread_mutex_unlock(&pool->lock);
		run_job(pool, job, &link);
		pthread_mutex_lock(&pool->lock);
		worker->job = NULL;
		pthread_mutex_unlock(&pool->lock);
		mailbox_post(pool->mailbox, &job->message);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	link_close(&link);
	pthread_mutex_lock(&pool->lock);
	pool->n_running--;
	pthread_cond_signal(&pool->ended);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void deliver_job(struct message *message)
{
	struct job *job = (struct job *)message;

	job->done(job);
}

int workers_new(struct mailbox *mailbox, const char *uri, uint32_t deadline_ms,
		struct workers **ret_workers)
{
	struct workers *pool;

	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->uri = strdup(uri);
	if (!pool->uri) {
		free(pool);
		return -ENOMEM;
	}
	pool->mailbox = mailbox;
	pool->deadline_ms = deadline_ms;
	pool->last = &pool->first;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->ended, NULL);
	for (size_t i = 0; i < WORKERS_MAX; i++)
		pool->worker[i].pool = pool;
	*ret_workers = pool;
	return 0;
}

/* Called with the lock held. */
static bool is_lost(const struct worker *worker, uint64_t now_ms)
{
	return worker->exists && !worker->idle &&
	       (worker->abandoned || now_ms - worker->busy_since_ms > worker->pool->deadline_ms);
}

static int start_worker(struct worker *worker)
{
	int ret;

	worker->idle = true;
	ret = pthread_create(&worker->thread, NULL, worker_main, worker);
	if (ret) {
		worker->idle = false;
		return -ret;
	}
	worker->exists = true;
	worker->pool->n_running++;
	return 0;
}

/*
 * Called with the lock held, before a job is queued: start workers until each queued job has an
 * idle one, or enough healthy ones are there. Fails only when nobody is left to take the job now.
 */
static int provide_workers(struct workers *pool)
{
	uint64_t now_ms = clock_monotonic_ms();
	unsigned int healthy = 0, idle = 0;
	int ret = 0;

	for (size_t i = 0; i < WORKERS_MAX; i++) {
		const struct worker *worker = &pool->worker[i];

		healthy += worker->exists && !is_lost(worker, now_ms);
		idle += worker->exists && worker->idle;
	}
	for (size_t i = 0; i < WORKERS_MAX && !ret; i++) {
		if (idle > pool->queued || healthy >= WORKERS_HEALTHY)
			return 0;
		if (pool->worker[i].exists)
			continue;
		ret = start_worker(&pool->worker[i]);
		if (!ret) {
			healthy++;
			idle++;
		}
	}
	return healthy ? 0 : ret;
}

void workers_submit(struct workers *workers, struct job *job)
{
	int ret;

	job->message.deliver = deliver_job;
	job->next_ = NULL;
	pthread_mutex_lock(&workers->lock);
	ret = workers->stopping ? -ESHUTDOWN : provide_workers(workers);
	if (!ret) {
		*workers->last = job;
		workers->last = &job->next_;
		workers->queued++;
		pthread_cond_signal(&workers->work);
	}
	pthread_mutex_unlock(&workers->lock);
	if (ret) {
		job->error = job_fail(job, ret, "cannot hand it to a worker: %s", strerror(-ret));
		mailbox_post(workers->mailbox, &job->message);
	}
}

void workers_abandon(struct workers *workers, const struct job *job)
{
	pthread_mutex_lock(&workers->lock);
	for (size_t i = 0; i < WORKERS_MAX; i++)
		if (workers->worker[i].job == job)
			workers->worker[i].abandoned = true;
	/* Others may have been queued behind it. Whoever submits next hears of a failure. */
	if (workers->queued && !workers->stopping)
		(void)provide_workers(workers);
	pthread_mutex_unlock(&workers->lock);
}

void workers_share_connection(struct workers *workers, virConnectPtr conn)
{
	pthread_mutex_lock(&workers->lock);
	workers->shared = conn;
	pthread_mutex_unlock(&workers->lock);
}

void workers_set_deadline(struct workers *workers, uint32_t deadline_ms)
{
	pthread_mutex_lock(&workers->lock);
	workers->deadline_ms = deadline_ms;
	pthread_mutex_unlock(&workers->lock);
}

unsigned int workers_lost(struct workers *workers)
{
	uint64_t now_ms = clock_monotonic_ms();
	unsigned int lost = 0;

	pthread_mutex_lock(&workers->lock);
	for (size_t i = 0; i < WORKERS_MAX; i++)
		lost += is_lost(&workers->worker[i], now_ms);
	pthread_mutex_unlock(&workers->lock);
	return lost;
}

bool workers_stop(struct workers *workers, uint32_t timeout_ms)
{
	struct timespec until;
	bool all;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&workers->lock);
	workers->stopping = true;
	pthread_cond_broadcast(&workers->work);
	while (workers->n_running &&
	       !pthread_cond_clockwait(&workers->ended, &workers->lock, CLOCK_MONOTONIC, &until))
		;
	all = !workers->n_running;
	pthread_mutex_unlock(&workers->lock);
	for (size_t i = 0; i < WORKERS_MAX && all; i++)
		if (workers->worker[i].exists)
			pthread_join(workers->worker[i].thread, NULL);
	return all;
}

void workers_free(struct workers *workers)
{
	if (!workers)
		return;
	pthread_mutex_destroy(&workers->lock);
	pthread_cond_destroy(&workers->work);
	pthread_cond_destroy(&workers->ended);
	free(workers->uri);
	free(workers);
}
