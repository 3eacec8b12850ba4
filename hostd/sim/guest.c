// SPDX-License-Identifier: GPL-2.0
/*
 * The guests' memory (guest.h). A guest's memory is, in this order of strength: its kernel, the
 * working set, page cache, free. In each second
 *   - the working set takes what is free, then cache; what does not fit is in swap at once, and
 *     comes back at a bounded rate when there is room;
 *   - the balloon moves: while free memory or cache is there at full rate, for the rest of the
 *     second as fast as pages can be swapped out;
 *   - free memory fills with cache, all of it: the guest reads files all the time.
 *
 * Readings of what the model leaves open, each the least flattering one:
 *   - what is in swap counts as missing until it has come back, also while there is room for it;
 *     a working set that shrinks gives up what is in memory first;
 *   - a balloon that inflates takes pages never touched first, so the host gets nothing until
 *     more than those is taken;
 *   - the kernel and the working set are touched at once, and stay resident when freed;
 *X
 *   - statistics are those of the second before the one they are dated;
 *   - a guest that waits for swap exchanges pages all the time: that part of the second in which
 *     it waits, at the disk's rate; missing cache is read at that rate too, and each read is a
 *     major fault, as if all files were mapped.
 */
#include "sim/guest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EPSILON_MIB 1e-9 /* in place of zero where it divides */
#define UP_BEFORE_S 86400

/* The least a guest lives with, by its size: hv_balloon's table, linear in between. */
static double guest_floor_mib(double provisioned_mib)
{
	if (provisioned_mib < 128)
		return 8 + provisioned_mib / 2;
	if (provisioned_mib < 512)
		return 40 + provisioned_mib / 4;
	if (provisioned_mib < 2048)
		return 104 + provisioned_mib / 8;
	if (provisioned_mib < 8192)
		return 232 + provisioned_mib / 16;
	return 488 + provisioned_mib / 32;
}

struct guest_spec guest_spec_init(const struct trace_vm *vm, uint64_t number)
{
	return (struct guest_spec){
		.demand = { .vm = vm, .number = number, .bursts = true },
		.inflate_mib_s = MODEL_INFLATE_MIB_S,
		.deflate_mib_s = MODEL_DEFLATE_MIB_S,
		.start_fraction = 1,
	};
}

#define EACH_ARRAY(use)                                                                            \
	use(provisioned_mib) use(kernel_mib) use(actual_mib) use(target_mib) use(swap_mib)         \
		use(cache_mib) use(resident_mib) use(slowdown) use(alone_slowdown)                 \
			use(alone_cache_mib) use(moved_mib) use(swapped_in_mib)                    \
				use(swapped_out_mib) use(faults) use(inflate_mib_s) use(inflate_s) \
					use(deflate_mib_s) use(lowest_mib) use(reports)            \
						use(pinned) use(used_before_mib[0])                \
							use(used_before_mib[1]) use(samples)       \
								use(started_s) use(reported_s)     \
									use(phase)

void guests_free(struct guests *guests)
{
	demand_free(&guests->demand);
#define FREE(array) free(guests->array);
	EACH_ARRAY(FREE)
#undef FREE
	memset(guests, 0, sizeof(*guests));
}

int guests_init(struct guests *guests, const struct guest_spec *specs, size_t n,
		uint32_t stats_period_s, uint64_t seed)
{
	struct guests new = { .n = n, .specs = specs, .stats_period_s = stats_period_s };
	struct demand_source *sources = calloc(n, sizeof(*sources));
	bool complete = sources != NULL;
	int ret = -ENOMEM;

#define ALLOCATE(array)                            \
	new.array = calloc(n, sizeof(*new.array)); \
	complete = complete && new.array;
	EACH_ARRAY(ALLOCATE)
#undef ALLOCATE
	if (complete) {
		for (size_t i = 0; i < n; i++)
			sources[i] = specs[i].demand;
		ret = demand_init(&new.demand, sources, n, seed);
	}
	free(sources);
	if (ret) {
		guests_free(&new);
		return ret;
	}
	for (size_t i = 0; i < n; i++) {
		struct rng rng;

		rng_init(&rng, seed, RNG_PHASES, specs[i].demand.number);
		new.phase[i] = (uint32_t)rng_below(&rng, stats_period_s);
		new.slowdown[i] = 1;
		new.alone_slowdown[i] = 1;
		snprintf(new.samples[i].uuid, sizeof(new.samples[i].uuid),
			 "00000000-0000-4000-8000-%012llx", (unsigned long long)i & 0xffffffffffff);
		new.samples[i].name = specs[i].demand.vm->id;
		new.samples[i].has_balloon = true;
	}
	*guests = new;
	return 0;
}

static void forget_statistics(struct vm_sample *sample)
{
	sample->stats_age_ms = opt_none();
	sample->total_kib = opt_none();
	sample->usable_kib = opt_none();
	sample->unused_kib = opt_none();
	sample->cache_kib = opt_none();
	sample->swap_in_kib = opt_none();
	sample->swap_out_kib = opt_none();
	sample->major_faults = opt_none();
}

static void start_or_stop(struct guests *guests, size_t i)
{
	double provisioned_mib = guests->specs[i].demand.vm->provisioned_mib;
	bool running = guest_running(guests, i);
	double kernel_mib = running ? demand_kernel_mib(provisioned_mib) : 0;

	guests->provisioned_mib[i] = running ? provisioned_mib : 0;
	guests->kernel_mib[i] = kernel_mib;
	guests->actual_mib[i] =
		fmax(guests->provisioned_mib[i] * guests->specs[i].start_fraction, kernel_mib);
	guests->target_mib[i] = guests->actual_mib[i];
	guests->swap_mib[i] = 0;
	guests->cache_mib[i] = 0;
	guests->resident_mib[i] = 0;
	guests->slowdown[i] = 1;
	guests->alone_slowdown[i] = 1;
	guests->alone_cache_mib[i] = 0;
	guests->swapped_in_mib[i] = 0;
	guests->swapped_out_mib[i] = 0;
	guests->faults[i] = 0;
	for (size_t k = 0; k < MODEL_REPORTING_DELAY_S; k++)
		guests->used_before_mib[k][i] = 0;
	guests->lowest_mib[i] = running ? fmax(guest_floor_mib(provisioned_mib),
					       guests->specs[i].lowest_fraction * provisioned_mib)
					: 0;
	guests->reports[i] = running && guests->specs[i].reporting;
	guests->pinned[i] = running && guests->specs[i].pinned;
	/* One that runs when the run begins has long been up, unless it is said to boot. */
	guests->started_s[i] = guests->demand.now_s;
	if (!guests->demand.now_s && !guests->specs[i].boots)
		guests->started_s[i] = -UP_BEFORE_S;
	guests->reported_s[i] = -1;
	guests->samples[i].max_kib = (uint64_t)(guests->provisioned_mib[i] * MODEL_KIB_PER_MIB);
	forget_statistics(&guests->samples[i]);
}

/* Whether time alone lets its balloon move now; *ret_until_s: until when that is so. */
static bool balloon_awake(const struct guests *guests, size_t i, int64_t *ret_until_s)
{
	const struct guest_spec *spec = &guests->specs[i];
	int64_t up_s = guests->demand.now_s - guests->started_s[i];

	*ret_until_s = INT64_MAX;
	if (up_s < MODEL_BOOT_S) {
		*ret_until_s = guests->started_s[i] + MODEL_BOOT_S;
		return false;
	}
	if (!spec->pause_s)
		return true;
	*ret_until_s = guests->demand.now_s + spec->pause_s - up_s % spec->pause_s;
	return up_s / spec->pause_s % 2 == 0;
}

static enum vm_run_state run_state(const struct guests *guests, size_t i, int64_t *ret_until_s)
{
	const struct guest_spec *spec = &guests->specs[i];
	int64_t into_s;

	*ret_until_s = INT64_MAX;
	if (!spec->migrates_every_s)
		return VM_RUNNING;
	into_s = guests->demand.now_s % spec->migrates_every_s;
	if (into_s < spec->migrates_for_s && guests->demand.now_s >= spec->migrates_every_s) {
		*ret_until_s = guests->demand.now_s + spec->migrates_for_s - into_s;
		return VM_MIGRATING;
	}
	*ret_until_s = guests->demand.now_s + spec->migrates_every_s - into_s;
	return VM_RUNNING;
}

static void handle_events(struct guests *guests)
{
	int64_t next_s = INT64_MAX;

	for (size_t i = 0; i < guests->n; i++) {
		const struct guest_spec *spec = &guests->specs[i];
		int64_t awake_until_s, state_until_s;
		bool awake;

		if (!guest_running(guests, i)) {
			guests->inflate_mib_s[i] = guests->inflate_s[i] = 0;
			guests->deflate_mib_s[i] = 0;
			continue;
		}
		awake = balloon_awake(guests, i, &awake_until_s);
		guests->inflate_mib_s[i] = awake ? spec->inflate_mib_s : 0;
		guests->inflate_s[i] = guests->inflate_mib_s[i] > 0 ? 1 / guests->inflate_mib_s[i]
								    : 0;
		guests->deflate_mib_s[i] = awake ? spec->deflate_mib_s : 0;
		guests->samples[i].run_state = run_state(guests, i, &state_until_s);
		next_s = awake_until_s < next_s ? awake_until_s : next_s;
		next_s = state_until_s < next_s ? state_until_s : next_s;
	}
	guests->next_event_s = next_s;
}

static struct opt_u64 kib(double mib)
{
	return opt_some((uint64_t)(fmax(mib, 0) * MODEL_KIB_PER_MIB));
}

/* What the guest's kernel knows; its page descriptors are not part of MemTotal. */
static void publish(struct guests *guests, size_t i)
{
	struct vm_sample *sample = &guests->samples[i];
	double actual_mib = guests->actual_mib[i], cache_mib = guests->cache_mib[i];
	double free_mib = actual_mib - guests->used_before_mib[0][i];
	double usable_mib = free_mib + cache_mib;
	double total_mib = actual_mib - MODEL_KERNEL_FRACTION * guests->provisioned_mib[i];
	double swapped_in_mib = guests->swapped_in_mib[i], faults = guests->faults[i];
	double up_s = (double)(guests->demand.now_s - guests->started_s[i]);

	switch (guests->specs[i].lie) {
	case GUEST_HONEST:
		break;
	case GUEST_LIES_HIGH:
		free_mib = cache_mib = usable_mib = 0;
		swapped_in_mib = up_s * MODEL_DISK_MIB_S;
		faults = up_s * MODEL_DISK_MIB_S * MODEL_KIB_PER_MIB / MODEL_FAULT_CLUSTER_KIB;
		break;
	case GUEST_LIES_LOW:
		free_mib = usable_mib = total_mib;
		cache_mib = swapped_in_mib = faults = 0;
		break;
	}
	sample->total_kib = kib(total_mib);
	sample->unused_kib = kib(free_mib);
	sample->usable_kib = kib(usable_mib);
	sample->cache_kib = kib(cache_mib);
	sample->swap_in_kib = kib(swapped_in_mib);
	sample->swap_out_kib = kib(guests->swapped_out_mib[i]);
	sample->major_faults = opt_some((uint64_t)faults);
	guests->reported_s[i] = guests->demand.now_s;
}

static bool reports_now(const struct guests *guests, size_t i)
{
	const struct guest_spec *spec = &guests->specs[i];
	int64_t up_s = guests->demand.now_s - guests->started_s[i];

	return guest_running(guests, i) && up_s >= MODEL_BOOT_S && !spec->silent &&
	       !(spec->silent_from_s && guests->demand.now_s >= spec->silent_from_s);
}

/*
 * Linux goes back only when it is told a new target, so from then on where it is counts as where it was
 * told to go.
 */
static void deflate_on_oom(struct guests *guests, size_t i)
{
	double swap_mib = guests->swap_mib[i];
	double step_mib = fmin(guests->specs[i].oom_mib_s, swap_mib);

	if (!guest_running(guests, i) || step_mib <= 0)
		return;
	guests->actual_mib[i] = fmin(guests->actual_mib[i] + step_mib, guests->provisioned_mib[i]);
	guests->target_mib[i] = fmax(guests->target_mib[i], guests->actual_mib[i]);
}

static void publish_due(struct guests *guests)
{
	int64_t now_s = guests->demand.now_s;
	uint32_t phase = (uint32_t)(now_s % guests->stats_period_s);

	for (size_t i = 0; i < guests->n; i++)
		if (guests->phase[i] == phase && reports_now(guests, i))
			publish(guests, i);
}

void guests_begin(struct guests *guests)
{
	bool any = false;

	demand_step(&guests->demand);
	for (size_t i = 0; i < guests->n; i++) {
		if (!guests->demand.changed[i])
			continue;
		start_or_stop(guests, i);
		any = true;
	}
	if (any || guests->demand.now_s >= guests->next_event_s)
		handle_events(guests);
	for (size_t i = 0; i < guests->n; i++)
		if (guests->specs[i].oom_mib_s > 0)
			deflate_on_oom(guests, i);
	publish_due(guests);
}

void guests_observe(struct guests *guests, size_t i, double host_swap_share)
{
	struct vm_sample *sample = &guests->samples[i];
	int64_t now_s = guests->demand.now_s;

	sample->up_ms = (uint64_t)(now_s - guests->started_s[i]) * 1000;
	sample->actual_kib = kib(guests->actual_mib[i]);
	sample->rss_kib = kib(guests->resident_mib[i] * (1 - host_swap_share));
	sample->host.swapped_kib = kib(guests->resident_mib[i] * host_swap_share);
	if (guests->reported_s[i] >= 0)
		sample->stats_age_ms = opt_some((uint64_t)(now_s - guests->reported_s[i]) * 1000);
}

void guests_set_target(struct guests *guests, size_t i, uint64_t target_kib)
{
	guests->target_mib[i] =
		fmin((double)target_kib / MODEL_KIB_PER_MIB, guests->provisioned_mib[i]);
}

static inline double at_least(double a, double b)
{
	return a > b ? a : b;
}

static inline double at_most(double a, double b)
{
	return a < b ? a : b;
}

void guests_step(struct guests *guests)
{
	const double *restrict working_set_mib = guests->demand.working_set_mib;
	const double *restrict provisioned_mib = guests->provisioned_mib;
	const double *restrict kernel_mib = guests->kernel_mib;
	const double *restrict target_mib = guests->target_mib;
	const double *restrict inflate_mib_s = guests->inflate_mib_s;
	const double *restrict inflate_s = guests->inflate_s;
	const double *restrict deflate_mib_s = guests->deflate_mib_s;
	const double *restrict lowest_mib = guests->lowest_mib;
	const double *restrict reports = guests->reports;
	const double *restrict pinned = guests->pinned;
	double *restrict actual_mib = guests->actual_mib;
	double *restrict swap_mib = guests->swap_mib;
	double *restrict cache_mib = guests->cache_mib;
	double *restrict resident_mib = guests->resident_mib;
	double *restrict slowdown = guests->slowdown;
	double *restrict alone_slowdown = guests->alone_slowdown;
	double *restrict alone_cache_mib = guests->alone_cache_mib;
	double *restrict moved_mib = guests->moved_mib;
	double *restrict swapped_in_mib = guests->swapped_in_mib;
	double *restrict swapped_out_mib = guests->swapped_out_mib;
	double *restrict faults = guests->faults;
	double *restrict used_1_mib = guests->used_before_mib[0];
	double *restrict used_2_mib = guests->used_before_mib[1];
	double swap_total_mib = 0, resident_total_mib = 0, moved_now_mib = 0;

	for (size_t i = 0; i < guests->n; i++) {
		double working_set = working_set_mib[i];
		double actual = actual_mib[i];
		double swap = at_most(swap_mib[i], working_set);
		double room, out, back, down, quick, slow, up, cache, used, shown, resident;
		double useful, missing, swap_cost, cache_cost, exchanged, alone_room, alone_cache;

		/* The working set fits as far as it does. */
		room = actual - kernel_mib[i] - (working_set - swap);
		out = at_most(at_least(-room, 0), working_set - swap);
		room = at_least(room, 0);
		back = at_most(at_most(swap, MODEL_GUEST_SWAP_IN_MIB_S), room);
		swap += out - back;
		room -= back;

		/* The balloon. */
		down = at_least(actual - at_least(target_mib[i], lowest_mib[i]), 0);
		quick = at_most(at_most(down, inflate_mib_s[i]), room);
		slow = at_most(at_most(down - quick, working_set - swap),
			       at_most(MODEL_INFLATE_SWAP_MIB_S, inflate_mib_s[i]) *
				       (1 - quick * inflate_s[i]));
		up = at_most(at_least(target_mib[i] - actual, 0), deflate_mib_s[i]);
		actual += up - quick - slow;
		room += up - quick;
		swap += slow;
		out += slow;

		/* The page cache. */
		cache = at_most(cache_mib[i], room);
		cache += at_most(MODEL_CACHE_FILL_MIB_S, room - cache);

		/* On the host. */
		used = kernel_mib[i] + working_set - swap + cache;
		shown = at_least(used, at_least(used_1_mib[i], used_2_mib[i]));
		used_2_mib[i] = used_1_mib[i];
		used_1_mib[i] = used;
		resident = at_least(resident_mib[i], used);
		resident = reports[i] > 0 ? shown : resident;
		resident = at_most(resident, actual);
		resident = pinned[i] > 0 ? at_least(resident_mib[i], resident) : resident;

		useful = MODEL_USEFUL_CACHE * working_set;
		missing = at_least(useful - cache, 0) / at_least(useful, EPSILON_MIB);
		/* Alone it would only lack cache: its working set never exceeds what it has. */
		alone_room = at_least(provisioned_mib[i] - kernel_mib[i] - working_set, 0);
		alone_cache = at_most(alone_cache_mib[i], alone_room);
		alone_cache += at_most(MODEL_CACHE_FILL_MIB_S, alone_room - alone_cache);
		alone_cache_mib[i] = alone_cache;
		alone_slowdown[i] = 1 + MODEL_COST_GUEST_CACHE * at_least(useful - alone_cache, 0) /
						at_least(useful, EPSILON_MIB);

		swap_cost = 1 + MODEL_COST_GUEST_SWAP * swap / at_least(working_set, EPSILON_MIB);
		cache_cost = 1 + MODEL_COST_GUEST_CACHE * missing;
		exchanged = MODEL_DISK_MIB_S * (1 - 1 / swap_cost);

		actual_mib[i] = actual;
		swap_mib[i] = swap;
		cache_mib[i] = cache;
		resident_mib[i] = resident;
		/* The costs add up within the guest: they are parts of the same time. */
		slowdown[i] = swap_cost + cache_cost - 1;
		moved_mib[i] += up + quick + slow;
		swapped_in_mib[i] += back + exchanged;
		swapped_out_mib[i] += out + exchanged;
		faults[i] += (back + exchanged) * (MODEL_KIB_PER_MIB / MODEL_FAULT_CLUSTER_KIB) +
			     MODEL_DISK_MIB_S * (1 - 1 / cache_cost) *
				     (MODEL_KIB_PER_MIB / MODEL_READAHEAD_KIB);
		swap_total_mib += swap;
		resident_total_mib += resident;
		moved_now_mib += up + quick + slow;
	}
	guests->swap_total_mib = swap_total_mib;
	guests->resident_total_mib = resident_total_mib;
	guests->moved_now_mib = moved_now_mib;
}
