// SPDX-License-Identifier: GPL-2.0
/*
 * A run (run.h). In each second, in this order:
 *   workloads change, VMs start and stop, statistics are published    guests_begin()
 *   the policy looks and decides, where its interval has passed       tick()
 *   memory moves in the guests                                        guests_step()
 *   the host swaps what does not fit                                  host_step()
 *   it is all counted                                                 count_second()
 * So a decision is about what was, and meets what is. Nothing is allocated between the first
 * second and the last.
 */
#include "sim/run.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#define PROGRESS_STEP_S 3600

/* What is counted of each VM. */
struct tally {
	double minute; /* sum of its slowdowns in this minute */
	double minute_alone; /* the same, had it been alone */
	double all; /* in the run */
	uint32_t minute_s; /* seconds it ran in this minute */
	uint64_t run_s;
	double relative; /* sum over the run */
	double actual_mib; /* likewise */
	int direction; /* of its last move: -1, 0, 1 */
};

struct run {
	const struct run_setup *setup;
	struct guests guests;
	struct host host;
	struct metrics metrics;
	struct sim_tick tick;
	void *policy;
	int64_t next_tick_s;
	struct tally *tallies;
	bool *started; /* since the last tick */
	bool vms_changed; /* any was started or stopped since then */
};

uint64_t run_reservation_kib(const struct vm_settings *settings, uint64_t max_kib)
{
	uint64_t kib =
		opt_or(settings->reservation_kib, max_kib * settings->reservation_permille / 1000);

	kib = (kib + MODEL_PAGE_KIB - 1) / MODEL_PAGE_KIB * MODEL_PAGE_KIB;
	return sim_min(kib, max_kib);
}

uint64_t run_limit_kib(const struct vm_settings *settings, uint64_t max_kib)
{
	uint64_t kib = opt_or(settings->limit_kib, max_kib * settings->limit_permille / 1000);

	return sim_max(sim_min(kib, max_kib), run_reservation_kib(settings, max_kib));
}

static void free_run(struct run *run)
{
	if (run->setup->policy->free)
		run->setup->policy->free(run->policy);
	guests_free(&run->guests);
	free(run->tick.vms);
	free(run->tallies);
	free(run->started);
}

static int init_run(struct run *run, const struct run_setup *setup)
{
	struct sim_policy_setup policy_setup = {
		.conf = setup->conf,
		.specs = setup->specs,
		.n_specs = setup->n_specs,
		.ram_mib = setup->ram_mib,
		.seed = setup->seed,
	};
	int ret;

	*run = (struct run){ .setup = setup };
	host_init(&run->host, setup->ram_mib);
	run->tick.vms = calloc(setup->n_specs + 1, sizeof(*run->tick.vms));
	run->tallies = calloc(setup->n_specs + 1, sizeof(*run->tallies));
	run->started = calloc(setup->n_specs + 1, sizeof(*run->started));
	ret = run->tick.vms && run->tallies && run->started ? 0 : -ENOMEM;
	if (!ret)
		ret = guests_init(&run->guests, setup->specs, setup->n_specs,
				  setup->conf->daemon.stats_period_s, setup->seed);
	if (!ret && setup->policy->init)
		ret = setup->policy->init(&policy_setup, &run->policy);
	if (ret)
		free_run(run);
	return ret;
}

static uint64_t to_kib(double mib)
{
	return (uint64_t)llround(mib * MODEL_KIB_PER_MIB);
}

static void look(struct run *run)
{
	struct sim_tick *tick = &run->tick;
	double swap_share = host_swap_share(&run->host);

	tick->now_s = run->guests.demand.now_s;
	tick->host = host_observe(&run->host);
	tick->n_vms = 0;
	for (size_t i = 0; i < run->guests.n; i++) {
		const struct vm_settings *settings = &run->setup->settings[i];
		struct sim_vm *vm = &tick->vms[tick->n_vms];

		if (!guest_running(&run->guests, i))
			continue;
		guests_observe(&run->guests, i, swap_share);
		*vm = (struct sim_vm){
			.index = i,
			.started = run->started[i],
			.sample = &run->guests.samples[i],
			.settings = settings,
			.target_kib = to_kib(run->guests.target_mib[i]),
		};
		vm->reservation_kib = run_reservation_kib(settings, vm->sample->max_kib);
		vm->limit_kib = run_limit_kib(settings, vm->sample->max_kib);
		run->started[i] = false;
		tick->n_vms++;
	}
}

static void carry_out(struct run *run)
{
	struct metrics *metrics = &run->metrics;

	for (size_t i = 0; i < run->tick.n_vms; i++) {
		const struct sim_vm *vm = &run->tick.vms[i];
		int *direction = &run->tallies[vm->index].direction;

		if (!vm->set)
			continue;
		metrics->calls++;
		metrics->breaches += vm->set_kib < vm->reservation_kib;
		if (vm->set_kib != vm->target_kib) {
			int way = vm->set_kib > vm->target_kib ? 1 : -1;

			metrics->turns += *direction == -way;
			*direction = way;
		}
		guests_set_target(&run->guests, vm->index, vm->set_kib);
	}
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/*
 * A daemon that gets events looks in the second after one; its interval begins anew with each look.
 */
static bool tick_due(struct run *run)
{
	const struct run_setup *setup = run->setup;
	uint32_t interval_s = setup->policy->interval_s;
	int64_t now_s = run->guests.demand.now_s;
	bool event = false;

	if (!setup->policy->tick)
		return false;
	if (!interval_s) {
		interval_s = (setup->conf->daemon.interval_ms + 999) / 1000;
		event = run->guests.moved_now_mib > 0 || run->vms_changed;
	}
	if (!event && now_s < run->next_tick_s)
		return false;
	run->vms_changed = false;
	run->next_tick_s = now_s + interval_s;
	return true;
}

static int decide(struct run *run)
{
	const struct run_setup *setup = run->setup;
	struct run_view view = {
		.tick = &run->tick,
		.guests = &run->guests,
		.host = &run->host,
		.policy = run->policy,
	};
	uint64_t start_ns;
	int ret = 0;

	look(run);
	start_ns = setup->timing ? now_ns() : 0;
	setup->policy->tick(run->policy, &run->tick);
	run->metrics.tick_ns += setup->timing ? now_ns() - start_ns : 0;
	run->metrics.ticks++;
	run->metrics.tick_vms += run->tick.n_vms;
	if (setup->observe)
		ret = setup->observe(setup->userdata, &view);
	carry_out(run);
	return ret;
}

static void end_minute(struct run *run)
{
	for (size_t i = 0; i < run->guests.n; i++) {
		struct tally *tally = &run->tallies[i];

		if (!tally->minute_s)
			continue;
		metrics_minute(&run->metrics, tally->minute / tally->minute_s,
			       tally->minute_alone / tally->minute_s);
		tally->all += tally->minute;
		tally->run_s += tally->minute_s;
		tally->minute = 0;
		tally->minute_alone = 0;
		tally->minute_s = 0;
	}
}

static void count_second(struct run *run)
{
	struct metrics *metrics = &run->metrics;
	double slowdowns = 0, relative = 0;
	uint64_t running = 0;

	for (size_t i = 0; i < run->guests.n; i++) {
		bool runs = guest_running(&run->guests, i);
		double slowdown = runs ? run->guests.slowdown[i] * run->host.slowdown : 0;

		run->tallies[i].minute += slowdown;
		run->tallies[i].minute_alone += runs ? run->guests.alone_slowdown[i] : 0;
		run->tallies[i].minute_s += runs;
		slowdowns += slowdown;
		run->tallies[i].relative += slowdown / run->guests.alone_slowdown[i];
		run->tallies[i].actual_mib += run->guests.actual_mib[i];
		relative += slowdown / run->guests.alone_slowdown[i];
		running += runs;
	}
	metrics->slowdown_seconds += slowdowns;
	metrics->relative_seconds += relative;
	metrics->vm_seconds += (double)running;
	metrics->seconds++;
	metrics->host_swap_mib_s += run->host.swap_mib;
	metrics->guest_swap_mib_s += run->guests.swap_total_mib;
	metrics->resident_mib_s += run->host.resident_mib - run->host.swap_mib;
	if (run->guests.demand.now_s % 60 == 59)
		end_minute(run);
}

static void tell_vm(const struct run *run, size_t i)
{
	const struct tally *tally = &run->tallies[i];
	double run_s = tally->run_s ? (double)tally->run_s : 1;

	run->setup->vm_results[i] = (struct run_vm_result){
		.slowdown = tally->run_s ? tally->all / run_s : 1,
		.relative = tally->run_s ? tally->relative / run_s : 1,
		.actual_mean_mib = tally->actual_mib / run_s,
		.actual_end_mib = run->guests.actual_mib[i],
	};
}

static void finish(struct run *run)
{
	end_minute(run);
	run->metrics.hosts = 1;
	for (size_t i = 0; i < run->guests.n; i++) {
		const struct tally *tally = &run->tallies[i];

		run->metrics.moved_mib += run->guests.moved_mib[i];
		if (tally->run_s)
			metrics_vm(&run->metrics, run->setup->specs[i].demand.vm->id,
				   tally->all / (double)tally->run_s);
		if (run->setup->vm_results)
			tell_vm(run, i);
	}
}

int run_host(const struct run_setup *setup, struct metrics *ret_metrics)
{
	struct run run;
	int ret = init_run(&run, setup);

	if (ret)
		return ret;
	for (int64_t s = 0; s < setup->duration_s && !ret; s++) {
		guests_begin(&run.guests);
		for (size_t i = 0; i < run.guests.n; i++) {
			if (!run.guests.demand.changed[i])
				continue;
			run.started[i] = guest_running(&run.guests, i);
			run.tallies[i].direction = 0;
			run.vms_changed = true;
		}
		if (tick_due(&run))
			ret = decide(&run);
		guests_step(&run.guests);
		host_step(&run.host, run.guests.resident_total_mib);
		count_second(&run);
		if (setup->watch)
			setup->watch(setup->userdata, &run.guests, &run.host);
		if (setup->progress_s && s % PROGRESS_STEP_S == PROGRESS_STEP_S - 1)
			atomic_fetch_add(setup->progress_s, PROGRESS_STEP_S);
	}
	if (!ret) {
		finish(&run);
		*ret_metrics = run.metrics;
	}
	free_run(&run);
	return ret;
}
