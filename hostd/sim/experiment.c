// SPDX-License-Identifier: GPL-2.0
/*
 * Experiments (experiment.h).
 *
 * Packing: VMs in an order drawn from the seed, the same for each factor, go onto a host until
 * their provisioned memory reaches the factor times the host's; then comes the next. The last
 * host, when it does not get full, is left out. Each host is a run of its own; a few threads take
 * them one by one, and what they find is added up in the order of hosts, so that the result does
 * not depend on which was ready first.
 */
#include "sim/experiment.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/rng.h"
#include "sim/run.h"

#define PROGRESS_EVERY_S 5

/* A host of a packing. */
struct packed_host {
	size_t factor;
	size_t first; /* of its VMs in the packing's order */
	size_t n;
};

struct job {
	const struct packed_host *host;
	const struct sim_policy *policy;
	struct metrics metrics;
	int ret;
};

struct batch {
	const struct experiment *experiment;
	size_t *order; /* indices of specs */
	struct packed_host *hosts;
	size_t n_hosts;
	struct job *jobs;
	size_t n_jobs;
	atomic_size_t next;
	atomic_size_t done;
	atomic_uint_fast64_t progress_s;
};

static void shuffle(size_t *order, size_t n, uint64_t seed)
{
	struct rng rng;

	rng_init(&rng, seed, RNG_PACKING, 0);
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	for (size_t i = n; i > 1; i--) {
		size_t j = (size_t)rng_below(&rng, i), swap = order[i - 1];

		order[i - 1] = order[j];
		order[j] = swap;
	}
}

/* Returns how many hosts the factor fills; writes them unless `ret_hosts` is NULL. */
static size_t pack(const struct batch *batch, size_t factor, struct packed_host *ret_hosts)
{
	const struct experiment *experiment = batch->experiment;
	double full_mib = experiment->factors[factor] * experiment->ram_mib, sum_mib = 0;
	size_t first = 0, n_hosts = 0;

	if (!(full_mib > 0)) {
		if (ret_hosts)
			*ret_hosts = (struct packed_host){ factor, 0, experiment->n_specs };
		return 1;
	}
	for (size_t i = 0; i < experiment->n_specs; i++) {
		sum_mib += experiment->specs[batch->order[i]].demand.vm->provisioned_mib;
		if (sum_mib < full_mib)
			continue;
		if (ret_hosts)
			ret_hosts[n_hosts] = (struct packed_host){ factor, first, i + 1 - first };
		n_hosts++;
		first = i + 1;
		sum_mib = 0;
	}
	return n_hosts;
}

static int run_job(const struct batch *batch, struct job *job, struct guest_spec *specs,
		   struct vm_settings *settings)
{
	const struct experiment *experiment = batch->experiment;
	size_t n = 0;
	struct run_setup setup = {
		.policy = job->policy,
		.conf = experiment->conf,
		.specs = specs,
		.settings = settings,
		.ram_mib = experiment->ram_mib,
		.seed = experiment->seed,
		.duration_s = experiment->duration_s,
		.timing = experiment->timing,
		.progress_s = &((struct batch *)batch)->progress_s,
	};

	for (; n < job->host->n; n++) {
		size_t spec = batch->order[job->host->first + n];

		specs[n] = experiment->specs[spec];
		settings[n] = experiment->settings[spec];
	}
	for (size_t i = 0; i < experiment->n_extra; i++, n++) {
		specs[n] = experiment->extra[i];
		settings[n] = experiment->extra_settings[i];
	}
	for (size_t i = 0; i < n; i++)
		specs[i].reporting = specs[i].reporting || job->policy->reporting;
	setup.n_specs = n;
	return run_host(&setup, &job->metrics);
}

static void *work(void *userdata)
{
	struct batch *batch = userdata;
	size_t most = batch->experiment->n_specs + batch->experiment->n_extra + 1;
	struct guest_spec *specs = calloc(most, sizeof(*specs));
	struct vm_settings *settings = calloc(most, sizeof(*settings));

	for (;;) {
		size_t next = atomic_fetch_add(&batch->next, 1);

		if (next >= batch->n_jobs)
			break;
		batch->jobs[next].ret =
			specs && settings ? run_job(batch, &batch->jobs[next], specs, settings)
					  : -ENOMEM;
		atomic_fetch_add(&batch->done, 1);
	}
	free(specs);
	free(settings);
	return NULL;
}

static void report_progress(const struct batch *batch, time_t start)
{
	double all_s = (double)batch->n_jobs * (double)batch->experiment->duration_s;
	double done = (double)atomic_load(&batch->progress_s) / (all_s > 0 ? all_s : 1);
	double elapsed_s = (double)(time(NULL) - start);

	fprintf(batch->experiment->progress, "%5.1f %% of %zu runs, %.0f s", done * 100,
		batch->n_jobs, elapsed_s);
	if (done > 0.01)
		fprintf(batch->experiment->progress, ", about %.0f s to go",
			elapsed_s / done - elapsed_s);
	fputc('\n', batch->experiment->progress);
	fflush(batch->experiment->progress);
}

/* The threads work; this one says how far they are. */
static void watch(struct batch *batch)
{
	time_t start = time(NULL), told = start;

	while (atomic_load(&batch->done) < batch->n_jobs) {
		struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };

		nanosleep(&pause, NULL);
		if (!batch->experiment->progress || time(NULL) - told < PROGRESS_EVERY_S)
			continue;
		told = time(NULL);
		report_progress(batch, start);
	}
}

static int run_all(struct batch *batch)
{
	unsigned int wanted = batch->experiment->jobs ? batch->experiment->jobs : 1, n = 0;
	pthread_t *threads = calloc(wanted, sizeof(*threads));
	int ret = threads ? 0 : -ENOMEM;

	while (threads && n < wanted && n < batch->n_jobs &&
	       !pthread_create(&threads[n], NULL, work, batch))
		n++;
	if (!n)
		work(batch); /* on this thread, then */
	else
		watch(batch);
	for (unsigned int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	for (size_t i = 0; i < batch->n_jobs && !ret; i++)
		ret = batch->jobs[i].ret;
	return ret;
}

static int prepare(struct batch *batch)
{
	const struct experiment *experiment = batch->experiment;
	size_t n = 0;

	batch->order = calloc(experiment->n_specs + 1, sizeof(*batch->order));
	if (!batch->order)
		return -ENOMEM;
	shuffle(batch->order, experiment->n_specs, experiment->seed);
	for (size_t f = 0; f < experiment->n_factors; f++)
		n += pack(batch, f, NULL);
	batch->hosts = calloc(n + 1, sizeof(*batch->hosts));
	batch->jobs = calloc(n * experiment->n_policies + 1, sizeof(*batch->jobs));
	if (!batch->hosts || !batch->jobs)
		return -ENOMEM;
	for (size_t f = 0; f < experiment->n_factors; f++)
		batch->n_hosts += pack(batch, f, batch->hosts + batch->n_hosts);
	for (size_t h = 0; h < batch->n_hosts; h++)
		for (size_t p = 0; p < experiment->n_policies; p++)
			batch->jobs[batch->n_jobs++] = (struct job){
				.host = &batch->hosts[h],
				.policy = experiment->policies[p],
			};
	return 0;
}

int experiment_run(const struct experiment *experiment, struct metrics *ret_metrics)
{
	struct batch batch = { .experiment = experiment };
	size_t n = experiment->n_factors * experiment->n_policies;
	int ret = prepare(&batch);

	if (!ret)
		ret = run_all(&batch);
	if (!ret) {
		memset(ret_metrics, 0, n * sizeof(*ret_metrics));
		for (size_t j = 0; j < batch.n_jobs; j++)
			metrics_add(
				&ret_metrics[batch.jobs[j].host->factor * experiment->n_policies +
					     j % experiment->n_policies],
				&batch.jobs[j].metrics);
	}
	free(batch.order);
	free(batch.hosts);
	free(batch.jobs);
	return ret;
}
