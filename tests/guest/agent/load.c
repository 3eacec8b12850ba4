// SPDX-License-Identifier: GPL-2.0
/*
 * Loads for demo guests: how much memory an application uses over time.
 *
 * `agent.load=SHAPE[,PARAMETER=VALUE...]` on the kernel command line starts one. All three
 * shapes are one life with different numbers: start with start_mib of memory and cache_mib of
 * page cache; after_s later grow to to_mib at rate_mib_s; hold for hold_s; give the memory back;
 * count times.
 *
 *   idle    never grows
 *   grow    grows once and holds for ever
 *   burst   grows and gives back, again and again
 *
 * The memory is real: every page is written with known content and verified while it is held.
 * Before each step of STEP_MIB the load looks whether the guest would keep headroom_mib
 * available, and waits if not, as an application does that is short of memory and not of life.
 * How long it had to wait is what a balloon costs it.
 *
 * Reports are lines on the port, all of one form:
 *   load NAME t_ms=… phase=… want_mib=… have_mib=… took_ms=… slowest_ms=… starved_ms=… bad_pages=…
 * took_ms: the phase so far; slowest_ms: the longest time from wanting one step to having it, in
 * this growth; starved_ms: the sum of waiting for headroom in this growth; bad_pages: pages whose
 * content was lost, ever.
 */
#include "agent.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define STEP_MIB	 4u
#define STEP_PAGES	 (STEP_MIB * AGENT_MIB_BYTES / AGENT_PAGE_BYTES)
#define REPORT_EVERY_MS	 2000u
#define HEADROOM_POLL_MS 50u

struct load {
	char name[64];
	uint64_t start_mib; /* held from the start to the end */
	uint64_t to_mib; /* what it grows to */
	uint64_t cache_mib; /* page cache made at the start */
	uint64_t after_s; /* from the start, or from giving back, to the next growth */
	uint64_t hold_s; /* how long the grown state lasts; 0: for ever */
	uint64_t rate_mib_s; /* pace of the growth */
	uint64_t headroom_mib; /* MemAvailable the guest keeps while the load grows */
	uint64_t count; /* growths; 0: no end */
	uint64_t verify_s; /* between two looks at all pages held */

	char *memory;
	uint64_t have_pages;
	uint64_t want_mib;
	uint64_t slowest_ms;
	uint64_t starved_ms;
	uint64_t bad_pages;
};

static const struct load shapes[] = {
	{ .name = "idle", .start_mib = 48, .to_mib = 48, .count = 0 },
	{ .name = "grow", .start_mib = 64, .to_mib = 512, .count = 1, .hold_s = 0 },
	{ .name = "burst", .start_mib = 32, .to_mib = 256, .count = 0, .hold_s = 15 },
};

static void sleep_ms(uint64_t ms)
{
	struct timespec t = { .tv_sec = (time_t)(ms / 1000),
			      .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static void report(const struct load *load, const char *phase, uint64_t since_ms)
{
	uint64_t now = now_ms();

	port_sendf("load %s t_ms=%" PRIu64 " phase=%s want_mib=%" PRIu64 " have_mib=%" PRIu64
		   " took_ms=%" PRIu64 " slowest_ms=%" PRIu64 " starved_ms=%" PRIu64
		   " bad_pages=%" PRIu64,
		   load->name, now, phase, load->want_mib,
		   load->have_pages * AGENT_PAGE_BYTES / AGENT_MIB_BYTES, now - since_ms,
		   load->slowest_ms, load->starved_ms, load->bad_pages);
}

/* Waits until the guest can give one more step and keep the headroom. */
static void wait_headroom(struct load *load)
{
	uint64_t available_kib, start_ms = now_ms(), reported_ms = start_ms;
	bool waited = false;

	while (meminfo_kib("MemAvailable", &available_kib) == 0 &&
	       available_kib / 1024 < load->headroom_mib + STEP_MIB) {
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
	while (load->have_pages < to_mib * (AGENT_MIB_BYTES / AGENT_PAGE_BYTES)) {
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
		done_mib = (load->have_pages - first_page) * AGENT_PAGE_BYTES / AGENT_MIB_BYTES;
		due_ms = start_ms + done_mib * 1000 / load->rate_mib_s;
		if (paced && due_ms > now_ms())
			sleep_ms(due_ms - now_ms());
	}
	report(load, "grown", start_ms);
}

static void verify(struct load *load)
{
	for (uint64_t i = 0; i < load->have_pages; i++) {
		if (pattern_intact(load->memory + i * AGENT_PAGE_BYTES, i, 0))
			continue;
		load->bad_pages++;
		/* Count each loss once. */
		pattern_fill(load->memory + i * AGENT_PAGE_BYTES, i, 0);
	}
}

/* Holds what it has for so long (0: for ever), looking at it now and then. */
static void hold(struct load *load, const char *phase, uint64_t hold_s)
{
	uint64_t start_ms = now_ms(), passed_ms, nap_ms;

	do {
		verify(load);
		report(load, phase, start_ms);
		nap_ms = load->verify_s * 1000;
		passed_ms = now_ms() - start_ms;
		if (hold_s && passed_ms + nap_ms > hold_s * 1000)
			nap_ms = hold_s * 1000 > passed_ms ? hold_s * 1000 - passed_ms : 0;
		sleep_ms(nap_ms);
	} while (!hold_s || now_ms() - start_ms < hold_s * 1000);
}

static void give_back(struct load *load)
{
	uint64_t keep = load->start_mib * (AGENT_MIB_BYTES / AGENT_PAGE_BYTES);
	uint64_t start_ms = now_ms();

	verify(load);
	if (load->have_pages > keep) {
		madvise(load->memory + keep * AGENT_PAGE_BYTES,
			(load->have_pages - keep) * AGENT_PAGE_BYTES, MADV_DONTNEED);
		load->have_pages = keep;
	}
	load->want_mib = load->start_mib;
	report(load, "shrunk", start_ms);
}

static void live(struct load *load)
{
	uint64_t start_ms = now_ms();

	if (load->cache_mib) {
		if (cache_fill(load->cache_mib) < 0)
			report(load, "cache-failed", start_ms);
		else
			report(load, "cached", start_ms);
	}
	grow(load, load->start_mib, false);
	if (load->to_mib <= load->start_mib)
		hold(load, "idle", 0);
	for (uint64_t i = 0; !load->count || i < load->count; i++) {
		if (load->after_s)
			hold(load, "idle", load->after_s);
		grow(load, load->to_mib, true);
		hold(load, "hold", load->hold_s);
		give_back(load);
	}
	hold(load, "done", 0);
}

static uint64_t round_up_step(uint64_t mib)
{
	return (mib + STEP_MIB - 1) / STEP_MIB * STEP_MIB;
}

/* One PARAMETER=VALUE. */
static int set_parameter(struct load *load, char *text)
{
	const struct {
		const char *name;
		uint64_t *value;
	} numbers[] = {
		{ "start_mib", &load->start_mib },
		{ "to_mib", &load->to_mib },
		{ "cache_mib", &load->cache_mib },
		{ "after_s", &load->after_s },
		{ "hold_s", &load->hold_s },
		{ "rate_mib_s", &load->rate_mib_s },
		{ "verify_s", &load->verify_s },
		{ "count", &load->count },
		{ "headroom_mib", &load->headroom_mib },
	};
	char *value = strchr(text, '='), *end;
	uint64_t number;

	if (!value || !value[1])
		return -EINVAL;
	*value++ = '\0';
	if (strcmp(text, "name") == 0) {
		if (strlen(value) >= sizeof(load->name))
			return -EMSGSIZE;
		strcpy(load->name, value);
		return 0;
	}
	errno = 0;
	number = strtoull(value, &end, 10);
	if (errno || *end)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		if (strcmp(text, numbers[i].name) == 0) {
			*numbers[i].value = number;
			return 0;
		}
	}
	return -EINVAL;
}

/* Parses SHAPE[,PARAMETER=VALUE...]; the text is taken apart. */
static int load_parse(char *text, struct load *ret_load)
{
	struct load load;
	char *word, *rest;
	int r;

	word = strtok_r(text, ",", &rest);
	for (size_t i = 0; word && i < sizeof(shapes) / sizeof(*shapes); i++) {
		if (strcmp(word, shapes[i].name) != 0)
			continue;
		load = shapes[i];
		load.after_s = 20;
		load.rate_mib_s = 20;
		load.headroom_mib = 32;
		load.verify_s = 15;
		while ((word = strtok_r(NULL, ",", &rest))) {
			r = set_parameter(&load, word);
			if (r < 0)
				return r;
		}
		if (load.rate_mib_s == 0 || load.verify_s == 0)
			return -EINVAL;
		load.start_mib = round_up_step(load.start_mib);
		load.to_mib = round_up_step(load.to_mib);
		*ret_load = load;
		return 0;
	}
	return -EINVAL;
}

int load_start(void)
{
	char text[1024];
	struct load load = { 0 };
	uint64_t most_mib;
	pid_t pid;
	int r;

	r = cmdline_get("agent.load", text, sizeof(text));
	if (r == -ENOENT || (r == 0 && strcmp(text, "none") == 0))
		return 0;
	if (r == 0)
		r = load_parse(text, &load);
	if (r < 0)
		return r;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0)
		return 0;
	most_mib = load.to_mib > load.start_mib ? load.to_mib : load.start_mib;
	load.memory = mmap(NULL, most_mib * AGENT_MIB_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (load.memory == MAP_FAILED)
		_exit(1);
	live(&load);
	_exit(0);
}
