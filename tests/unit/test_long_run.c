// SPDX-License-Identifier: GPL-2.0
/*
 * A hundred thousand ticks without libvirt: batches of statistics into the table of domains, from
 * there into the policy, and its memory to a state file and back. Guests say anything at all in
 * their statistics, VMs come, go, are renamed and restarted, clocks are set back. What must hold
 * holds after each tick, and at the end as much memory is in use as near the beginning.
 *
 * AEROSTAT_SEED begins elsewhere, AEROSTAT_TICKS makes it shorter or longer.
 */
#include "cmocka_test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "policy/policy.h"
#include "source/domains.h"
#include "source/stats.h"
#include "store/state_file.h"

/* Without these the checks of memory in use are left to the leak checker and valgrind. */
#if defined(__SANITIZE_ADDRESS__)
size_t __sanitizer_get_current_allocated_bytes(void); /* its header is not always installed */
#define memory_in_use() __sanitizer_get_current_allocated_bytes()
#else
#define memory_in_use() ((size_t)0)
#endif

#define TICKS_DEFAULT 100000
#define VMS	      8
#define MAX_KIB	      ((uint64_t)4 << 20)
#define HOST_KIB      ((uint64_t)16 << 20)
#define SETTLED_TICK  1000 /* by then everything that is allocated once has been */
#define SAVE_EVERY    997

static const char *const guest_fields[] = {
	"balloon.available", "balloon.usable",	 "balloon.unused",	"balloon.disk_caches",
	"balloon.swap_in",   "balloon.swap_out", "balloon.major_fault", "balloon.hugetlb_pgalloc",
};

struct scene {
	uint64_t random;
	struct conf *conf;
	struct fleet fleet;
	struct policy_state state;
	struct host_decision totals;
	bool running[VMS];
	int run[VMS]; /* number of its present run */
	uint64_t actual_kib[VMS];
	uint64_t now_ms;
	uint64_t wall_ms;
	uint64_t targets; /* that were set; none would mean that nothing was tested */
};

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t random_u64(struct scene *scene)
{
	uint64_t z = scene->random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static uint64_t below(struct scene *scene, uint64_t bound)
{
	return random_u64(scene) % bound;
}

/* Any 64-bit pattern, with a liking for the extremes. */
static uint64_t wild(struct scene *scene)
{
	switch (below(scene, 6)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX - below(scene, 3);
	case 2:
		return (uint64_t)INT64_MAX + below(scene, 3);
	case 3:
		return below(scene, MAX_KIB);
	default:
		return random_u64(scene) >> below(scene, 64);
	}
}

static virTypedParameter param(const char *field, int type, uint64_t value)
{
	virTypedParameter param = { .type = type, .value.ul = value };

	strncpy(param.field, field, sizeof(param.field) - 1);
	return param;
}

static void fill(struct scene *scene, size_t i, struct domain_stats *stats)
{
	virTypedParameter params[ARRAY_SIZE(guest_fields) + 5];
	char name[32];
	int n = 0;

	params[n++] = param("state.state", VIR_TYPED_PARAM_INT,
			    below(scene, 50) ? VIR_DOMAIN_RUNNING : below(scene, 9));
	params[n++] = param("balloon.current", VIR_TYPED_PARAM_ULLONG, scene->actual_kib[i]);
	params[n++] = param("balloon.maximum", VIR_TYPED_PARAM_ULLONG, MAX_KIB);
	if (below(scene, 20))
		params[n++] =
			param("balloon.last-update", VIR_TYPED_PARAM_ULLONG, scene->wall_ms / 1000);
	if (below(scene, 5))
		params[n++] = param("balloon.rss", VIR_TYPED_PARAM_ULLONG, below(scene, MAX_KIB));
	for (size_t f = 0; f < ARRAY_SIZE(guest_fields); f++)
		if (below(scene, 4))
			params[n++] = param(guest_fields[f], VIR_TYPED_PARAM_ULLONG, wild(scene));
	snprintf(stats->uuid, sizeof(stats->uuid), "00000000-0000-4000-8000-%012zu", i);
	snprintf(name, sizeof(name), below(scene, 100) ? "vm-%zu" : "renamed-%zu", i);
	stats->name = strdup(name);
	stats->id = scene->run[i];
	stats_from_params(params, n, stats);
}

static void ignore(void *userdata, struct vm *vm)
{
	(void)userdata;
	(void)vm;
}

static void sample(struct scene *scene)
{
	const struct fleet_observer observer = { .found = ignore, .lost = ignore };
	struct stats_batch batch = { 0 };

	batch.domains = calloc(VMS, sizeof(*batch.domains));
	assert_non_null(batch.domains);
	for (size_t i = 0; i < VMS; i++)
		if (scene->running[i])
			fill(scene, i, &batch.domains[batch.n_domains++]);
	assert_int_equal(fleet_merge(&scene->fleet, &batch, scene->now_ms, &observer), 0);
	assert_eq(scene->fleet.n_vms, batch.n_domains);
	for (size_t i = 0; i < batch.n_domains; i++)
		fleet_take_numbers(&scene->fleet, &batch.domains[i], scene->now_ms);
	stats_batch_clear(&batch);
}

/* Which of ours it is: the last digits of its UUID. */
static size_t index_of(const struct vm *vm)
{
	return (size_t)(vm->sample.uuid[VM_UUID_LEN - 2] - '0');
}

static void check(const struct scene *scene, const struct policy_vm *vm)
{
	const struct vm_decision *decision = &vm->decision;

	assert_true(decision->reservation_kib <= decision->limit_kib);
	assert_true(decision->limit_kib <= MAX_KIB);
	assert_true(decision->entitlement_kib <= MAX_KIB);
	assert_true(!decision->set || decision->target_kib <= decision->limit_kib);
	/* Who is below its reservation is raised, as far as there is memory. */
	assert_true(!decision->set || decision->target_kib >= decision->reservation_kib ||
		    decision->target_kib >= opt_or(vm->sample->actual_kib, 0));
	assert_true(scene->totals.grant_kib <= opt_or(scene->totals.free_kib, 0) + VMS * 4);
}

static void decide(struct scene *scene)
{
	struct host_sample host = { .total_kib = opt_some(HOST_KIB) };
	struct policy_vm vms[VMS];
	uint64_t used_kib = 0;
	struct conf_error error;

	for (size_t i = 0; i < scene->fleet.n_vms; i++) {
		struct vm *vm = scene->fleet.vms[i];

		used_kib += scene->actual_kib[index_of(vm)];
		vm->sample.stats_age_ms = stats_age_ms(vm->last_update_s, scene->wall_ms);
		vm->sample.up_ms = scene->now_ms - vm->run_since_ms;
		vm->sample.has_balloon = below(scene, 30);
		vm->sample.host.thrash_wait_permille = opt_some(wild(scene));
		assert_int_equal(
			conf_vm_settings(scene->conf, vm->name, NULL, &vm->settings, &error), 0);
		vms[i] = (struct policy_vm){
			.sample = &vm->sample,
			.settings = &vm->settings,
			.state = &vm->state,
		};
	}
	if (below(scene, 20))
		host.available_kib = opt_some(used_kib < HOST_KIB ? HOST_KIB - used_kib : 0);
	policy_tick(scene->now_ms, &scene->conf->policy, &host, &scene->state, vms,
		    scene->fleet.n_vms, &scene->totals);
	for (size_t i = 0; i < scene->fleet.n_vms; i++) {
		check(scene, &vms[i]);
		scene->targets += vms[i].decision.set;
		if (vms[i].decision.set && below(scene, 10))
			scene->actual_kib[index_of(scene->fleet.vms[i])] =
				vms[i].decision.target_kib;
	}
}

/* As if the daemon had been started anew. */
static void save_and_restore(struct scene *scene)
{
	struct state_vm vms[VMS] = { 0 };
	struct state_vms state = { .vms = vms, .n_vms = scene->fleet.n_vms }, read;
	const char *why = "";
	size_t length;
	void *bytes;

	for (size_t i = 0; i < scene->fleet.n_vms; i++) {
		const struct vm *vm = scene->fleet.vms[i];

		memcpy(vms[i].uuid, vm->sample.uuid, sizeof(vms[i].uuid));
		vm_keep(&vm->state, scene->now_ms, &vms[i].kept);
	}
	assert_int_equal(state_file_encode(&state, &bytes, &length), 0);
	assert_int_equal(state_file_decode(bytes, length, &read, &why), 0);
	for (size_t i = 0; i < read.n_vms; i++) {
		struct vm *vm = scene->fleet.vms[i];

		vm->state = (struct vm_state){ 0 };
		vm_take_back(&read.vms[i].kept, scene->now_ms, below(scene, 100000), &vm->state);
	}
	state_vms_clear(&read);
	free(bytes);
}

static void live_on(struct scene *scene)
{
	uint64_t step_ms = 100 + below(scene, 8000);

	scene->now_ms += step_ms;
	scene->wall_ms += step_ms;
	if (!below(scene, 500)) /* the wall clock is set */
		scene->wall_ms += below(scene, 7200000) - 3600000;
	for (size_t i = 0; i < VMS; i++) {
		if (below(scene, 300))
			continue;
		scene->running[i] = below(scene, 4);
		scene->run[i]++;
		scene->actual_kib[i] = below(scene, MAX_KIB / 4 + 1) * 4;
	}
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *given = getenv(name);

	return given ? strtoull(given, NULL, 0) : otherwise;
}

/* Everybody there, so that the same is allocated each time. */
static size_t memory_of_all(struct scene *scene)
{
	for (size_t i = 0; i < VMS; i++)
		scene->running[i] = true;
	sample(scene);
	return memory_in_use();
}

static void test_long_run(void **state)
{
	struct scene scene = {
		.random = from_environment("AEROSTAT_SEED", 1),
		.now_ms = 1000,
		.wall_ms = 1700000000000,
	};
	uint64_t ticks = from_environment("AEROSTAT_TICKS", TICKS_DEFAULT);
	size_t settled_bytes = 0;

	(void)state;
	print_message("# AEROSTAT_SEED=%" PRIu64 " AEROSTAT_TICKS=%" PRIu64 "\n", scene.random,
		      ticks);
	scene.conf = conf_new_default();
	assert_non_null(scene.conf);
	for (uint64_t tick = 0; tick < ticks; tick++) {
		live_on(&scene);
		sample(&scene);
		decide(&scene);
		if (tick % SAVE_EVERY == 0)
			save_and_restore(&scene);
		if (tick == SETTLED_TICK)
			settled_bytes = memory_of_all(&scene);
	}
	if (ticks > SETTLED_TICK) /* but for a longer name */
		assert_true(memory_of_all(&scene) <= settled_bytes + VMS * 16);
	assert_true(scene.targets >= ticks / 10);
	fleet_clear(&scene.fleet);
	conf_free(scene.conf);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
