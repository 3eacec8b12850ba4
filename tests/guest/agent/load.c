// SPDX-License-Identifier: GPL-2.0
/*
 * Loads for demo guests and benchmarks: how much memory an application uses over time.
 *
 * `agent.load=SHAPE[,PARAMETER=VALUE...]` on the kernel command line starts one. All shapes are
 * one life with different numbers (load.h): start with start_mib of memory and cache_mib of page
 * cache; after_s later grow to to_mib at rate_mib_s; hold for hold_s; give the memory back; count
 * times.
 *
 *   idle    never grows
 *   grow    grows once and holds for ever
 *   burst   grows and gives back, again and again
 *   job     has work to do that ends: each cycle is due at a set time, fills the page cache, grows,
 *           reads and writes all it has `sweeps` times, and gives back. Late cycles follow at once
 *
 * The memory is real: every page is written with known content and verified while it is held.
 * Before each step of LOAD_STEP_MIB the load looks whether the guest would keep headroom_mib
 * available, and waits if not, as an application does that is short of memory and not of life.
 * How long it had to wait is what a balloon costs it. A job does not look, and does not wait:
 * what a shortage costs it are reclaim and swapping, and so time.
 *
 * Reports are lines on the port, all of one form:
 *   load NAME t_ms=… phase=… want_mib=… have_mib=… took_ms=… slowest_ms=… starved_ms=… bad_pages=…
 * took_ms: the phase so far; slowest_ms: the longest time from wanting one step to having it, in
 * this growth; starved_ms: the sum of waiting for headroom in this growth; bad_pages: pages whose
 * content was lost, ever. A job adds what its work has taken until now:
 *   … cycles=… worked_ms=… swap_in_kib=… swap_out_kib=… major_faults=…
 * cycles: those done; worked_ms: the sum of the times from when each was due to its end; the
 * others: the whole guest's, since its boot.
 */
#include "agent.h"
#include "load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MIB_PAGES	 (AGENT_MIB_BYTES / AGENT_PAGE_BYTES)
#define STEP_PAGES	 (LOAD_STEP_MIB * MIB_PAGES)
#define REPORT_EVERY_MS	 2000u
#define HEADROOM_POLL_MS 50u

struct load {
	struct load_options options;

	char *memory;
	uint64_t have_pages;
	uint64_t want_mib;
	uint64_t slowest_ms;
	uint64_t starved_ms;
	uint64_t bad_pages;
	uint64_t cycles;
	uint64_t worked_ms;
};

static bool is_job(const struct load *load)
{
	return load->options.sweeps > 0;
}

static void sleep_ms(uint64_t ms)
{
	struct timespec t = { .tv_sec = (time_t)(ms / 1000),
			      .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* What a job adds to its reports; counters the kernel does not have are left out. */
static void describe_work(const struct load *load, char *ret_text, size_t size)
{
	static const struct {
		const char *counter, *field;
		uint64_t factor;
	} costs[] = {
		{ "pswpin", "swap_in_kib", AGENT_PAGE_BYTES / 1024 },
		{ "pswpout", "swap_out_kib", AGENT_PAGE_BYTES / 1024 },
		{ "pgmajfault", "major_faults", 1 },
	};
	uint64_t value;
	size_t used;

	used = (size_t)snprintf(ret_text, size, " cycles=%" PRIu64 " worked_ms=%" PRIu64,
				load->cycles, load->worked_ms);
	for (size_t i = 0; i < sizeof(costs) / sizeof(*costs) && used < size; i++)
		if (vmstat_counter(costs[i].counter, &value) == 0)
			used += (size_t)snprintf(ret_text + used, size - used, " %s=%" PRIu64,
						 costs[i].field, value * costs[i].factor);
}

static void report(const struct load *load, const char *phase, uint64_t since_ms)
{
	uint64_t now = now_ms();
	char work[256] = "";

	if (is_job(load))
		describe_work(load, work, sizeof(work));
	port_sendf("load %s t_ms=%" PRIu64 " phase=%s want_mib=%" PRIu64 " have_mib=%" PRIu64
		   " took_ms=%" PRIu64 " slowest_ms=%" PRIu64 " starved_ms=%" PRIu64
		   " bad_pages=%" PRIu64 "%s",
		   load->options.name, now, phase, load->want_mib, load->have_pages / MIB_PAGES,
		   now - since_ms, load->slowest_ms, load->starved_ms, load->bad_pages, work);
}

/* Waits until the guest can give one more step and keep the headroom, if any is asked for. */
static void wait_headroom(struct load *load)
{
	uint64_t available_kib, start_ms = now_ms(), reported_ms = start_ms;
	uint64_t headroom_mib = load->options.headroom_mib;
	bool waited = false;

	while (headroom_mib && meminfo_kib("MemAvailable", &available_kib) == 0 &&
	       available_kib / 1024 < headroom_mib + LOAD_STEP_MIB) {
		waited = true;
		sleep_ms(HEADROOM_POLL_MS);
		if (now_ms() - reported_ms >= REPORT_EVERY_MS) {
			reported_ms = now_ms();
			report(load, "starved", start_ms);
		}
	}
	if (waited)
		load->starved_ms += now_ms() - start_ms;
}

static void grow(struct load *load, uint64_t to_mib, bool paced)
{
	uint64_t start_ms = now_ms(), reported_ms = start_ms, step_ms, due_ms, done_mib;
	uint64_t first_page = load->have_pages;

	load->want_mib = to_mib;
	load->slowest_ms = 0;
	load->starved_ms = 0;
	report(load, "grow", start_ms);
	while (load->have_pages < to_mib * MIB_PAGES) {
		step_ms = now_ms();
		wait_headroom(load);
		for (unsigned int i = 0; i < STEP_PAGES; i++, load->have_pages++)
			pattern_fill(load->memory + load->have_pages * AGENT_PAGE_BYTES,
				     load->have_pages, 0);
		step_ms = now_ms() - step_ms;
		if (step_ms > load->slowest_ms)
			load->slowest_ms = step_ms;
		if (now_ms() - reported_ms >= REPORT_EVERY_MS) {
			reported_ms = now_ms();
			report(load, "growing", start_ms);
		}
		done_mib = (load->have_pages - first_page) / MIB_PAGES;
		due_ms = start_ms + done_mib * 1000 / load->options.rate_mib_s;
		if (paced && due_ms > now_ms())
			sleep_ms(due_ms - now_ms());
	}
	report(load, "grown", start_ms);
}

/* Looks at all pages held; with `rewrite` each is written anew, too. */
static void verify(struct load *load, bool rewrite)
{
	for (uint64_t i = 0; i < load->have_pages; i++) {
		bool intact = pattern_intact(load->memory + i * AGENT_PAGE_BYTES, i, 0);

		if (!intact)
			load->bad_pages++;
		/* A lost page is mended, so that each loss counts once. */
		if (!intact || rewrite)
			pattern_fill(load->memory + i * AGENT_PAGE_BYTES, i, 0);
	}
}

/* Holds what it has for so long (0: for ever), looking at it now and then. */
static void hold(struct load *load, const char *phase, uint64_t hold_ms)
{
	uint64_t start_ms = now_ms(), passed_ms, nap_ms;

	do {
		verify(load, false);
		report(load, phase, start_ms);
		nap_ms = load->options.verify_s * 1000;
		passed_ms = now_ms() - start_ms;
		if (hold_ms && passed_ms + nap_ms > hold_ms)
			nap_ms = hold_ms > passed_ms ? hold_ms - passed_ms : 0;
		sleep_ms(nap_ms);
	} while (!hold_ms || now_ms() - start_ms < hold_ms);
}

static void give_back(struct load *load)
{
	uint64_t keep = load->options.start_mib * MIB_PAGES;
	uint64_t start_ms = now_ms();

	verify(load, false);
	if (load->have_pages > keep) {
		madvise(load->memory + keep * AGENT_PAGE_BYTES,
			(load->have_pages - keep) * AGENT_PAGE_BYTES, MADV_DONTNEED);
		load->have_pages = keep;
	}
	load->want_mib = load->options.start_mib;
	report(load, "shrunk", start_ms);
}

static void fill_cache(struct load *load)
{
	uint64_t start_ms = now_ms();
	int r;

	if (!load->options.cache_mib)
		return;
	if (*load->options.cache_disk)
		r = cache_disk(load->options.cache_disk, load->options.cache_mib);
	else
		r = cache_fill(load->options.cache_mib);
	report(load, r < 0 ? "cache-failed" : "cached", start_ms);
}

/* When a growth is due, counted in growths before it; the load's life began at start_ms. */
static uint64_t due_at_ms(const struct load *load, uint64_t start_ms, uint64_t growths)
{
	if (!load->options.every_s)
		return now_ms() + load->options.after_s * 1000;
	return start_ms + (load->options.after_s + growths * load->options.every_s) * 1000;
}

/* One cycle of a job's work, which was due at due_ms. */
static void work(struct load *load, uint64_t due_ms)
{
	fill_cache(load);
	grow(load, load->options.to_mib, true);
	for (uint64_t i = 0; i < load->options.sweeps; i++) {
		uint64_t start_ms = now_ms();

		verify(load, true);
		report(load, "swept", start_ms);
	}
	give_back(load);
	load->cycles++;
	load->worked_ms += now_ms() - due_ms;
}

static void live(struct load *load)
{
	uint64_t start_ms = now_ms(), due_ms;

	if (!is_job(load))
		fill_cache(load);
	grow(load, load->options.start_mib, false);
	if (load->options.to_mib <= load->options.start_mib)
		hold(load, "idle", 0);
	for (uint64_t i = 0; !load->options.count || i < load->options.count; i++) {
		due_ms = due_at_ms(load, start_ms, i);
		if (due_ms > now_ms())
			hold(load, "idle", due_ms - now_ms());
		if (is_job(load)) {
			work(load, due_ms);
			continue;
		}
		grow(load, load->options.to_mib, true);
		hold(load, "hold", load->options.hold_s * 1000);
		give_back(load);
	}
	hold(load, "done", 0);
}

int load_start(void)
{
	struct load load = { 0 };
	const struct load_options *options = &load.options;
	uint64_t most_mib;
	char text[1024];
	pid_t pid;
	int r;

	r = cmdline_get("agent.load", text, sizeof(text));
	if (r == -ENOENT || (r == 0 && strcmp(text, "none") == 0))
		return 0;
	if (r == 0)
		r = load_parse(text, &load.options);
	if (r < 0)
		return r;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0)
		return 0;
	most_mib = options->to_mib > options->start_mib ? options->to_mib : options->start_mib;
	load.memory = mmap(NULL, most_mib * AGENT_MIB_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (load.memory == MAP_FAILED)
		_exit(1);
	live(&load);
	_exit(0);
}
