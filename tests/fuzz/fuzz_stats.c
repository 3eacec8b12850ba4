// SPDX-License-Identifier: GPL-2.0
/*
 * What guests say of themselves: any 64-bit number in any field, missing, going back, changing its
 * type. The bytes are a script of a few VMs over time: libvirt's parameters go through the real
 * readers into the table of domains, and from there into the policy. Whatever they report,
 *
 *   - no target is above a VM's limit or below its reservation,
 *   - no more is granted in a tick than was free,
 *   - the honest VM beside them, which needs its memory, is never left with less than its part.
 */
#include "fuzz.h"

#include <libvirt/libvirt.h>

#include "conf/conf.h"
#include "policy/policy.h"
#include "source/domains.h"
#include "source/stats.h"

#define VMS	 3 /* number 0 is honest */
#define MAX_KIB	 ((uint64_t)2 << 20)
#define USE_KIB	 ((uint64_t)1 << 20) /* of the honest one */
#define HOST_KIB ((uint64_t)6 << 20) /* the three do not fit with their maxima */

/*
 * Of an input, so that it takes less than a millisecond: what depends on time depends on the lengths
 * of steps, which go up to half a minute, and not on their number.
 */
#define TICKS_MAX 32

/* The guest fills in the first ones; the others come from the host, and only must break nothing. */
static const char *const fields[] = {
	"balloon.available", "balloon.usable",	    "balloon.unused",	   "balloon.disk_caches",
	"balloon.swap_in",   "balloon.swap_out",    "balloon.major_fault", "balloon.unknown",
	"balloon.rss",	     "balloon.last-update", "state.state",	   "state.reason",
};

#define N_GUEST_FIELDS 8

#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

struct script {
	const uint8_t *at;
	const uint8_t *end;
};

static uint64_t take(struct script *script, size_t bytes)
{
	uint64_t value = 0;

	for (; bytes && script->at < script->end; bytes--)
		value = value << 8 | *script->at++;
	return value;
}

struct scene {
	const struct conf *conf;
	struct vm_settings settings; /* of all */
	struct fleet fleet;
	struct policy_state state;
	struct host_decision totals;
	uint64_t actual_kib[VMS];
	uint64_t now_ms;
	uint64_t wall_ms;
	/* Of all, in their histories, which take longer than an input to learn. */
	uint64_t usual_bin;
	bool host_lies; /* not only guests */
};

static virTypedParameter param(const char *field, int type, uint64_t value)
{
	virTypedParameter param = { .type = type, .value.ul = value };

	strncpy(param.field, field, sizeof(param.field) - 1);
	return param;
}

/* One lying guest's parameters of this tick: how many, which, of which type and value. */
static int lie(struct scene *scene, struct script *script, virTypedParameter *params, int n)
{
	int more = (int)(take(script, 1) % N_FIELDS);

	for (; more; more--) {
		size_t field = take(script, 1);
		int type = 1 + (int)(field >> 5); /* also types that never occur */
		scene->host_lies |= field % 32 % N_FIELDS >= N_GUEST_FIELDS;

		params[n++] = param(fields[field % 32 % N_FIELDS], type, take(script, 8));
	}
	return n;
}

static void fill(struct scene *scene, struct script *script, size_t i, struct domain_stats *stats)
{
	virTypedParameter params[N_FIELDS + 8];
	uint64_t actual_kib = scene->actual_kib[i];
	int n = 0;

	params[n++] = param("state.state", VIR_TYPED_PARAM_INT, VIR_DOMAIN_RUNNING);
	params[n++] = param("balloon.current", VIR_TYPED_PARAM_ULLONG, actual_kib);
	params[n++] = param("balloon.maximum", VIR_TYPED_PARAM_ULLONG, MAX_KIB);
	params[n++] = param("balloon.last-update", VIR_TYPED_PARAM_ULLONG, scene->wall_ms / 1000);
	if (i)
		n = lie(scene, script, params, n);
	else
		params[n++] = param("balloon.usable", VIR_TYPED_PARAM_ULLONG,
				    actual_kib > USE_KIB ? actual_kib - USE_KIB : 0);
	snprintf(stats->uuid, sizeof(stats->uuid), "00000000-0000-4000-8000-%012zu", i);
	stats->name = strdup("vm");
	must(stats->name);
	stats->id = (int)i + 1;
	stats_from_params(params, n, stats);
}

static void on_found(void *userdata, struct vm *vm)
{
	const struct scene *scene = userdata;
	struct vm_history *history = &vm->state.history;

	history->max_kib = MAX_KIB;
	history->since_ms = scene->now_ms;
	history->ms[0][scene->usual_bin % HISTORY_BINS] = 7200000;
}

static void on_lost(void *userdata, struct vm *vm)
{
	(void)userdata;
	(void)vm;
}

static void sample(struct scene *scene, struct script *script)
{
	const struct fleet_observer observer = { .found = on_found,
						 .lost = on_lost,
						 .userdata = scene };
	struct stats_batch batch = { .n_domains = VMS };

	batch.domains = calloc(VMS, sizeof(*batch.domains));
	must(batch.domains);
	for (size_t i = 0; i < VMS; i++)
		fill(scene, script, i, &batch.domains[i]);
	must(!fleet_merge(&scene->fleet, &batch, scene->now_ms, &observer));
	for (size_t i = 0; i < VMS; i++)
		fleet_take_numbers(&scene->fleet, &batch.domains[i], scene->now_ms);
	stats_batch_clear(&batch);
	must(scene->fleet.n_vms == VMS);
	for (size_t i = 0; i < VMS; i++) /* else nothing is tested here */
		must(opt_or(scene->fleet.vms[i]->sample.actual_kib, 0) == scene->actual_kib[i]);
}

static void check_vm(const struct vm_decision *decision)
{
	must(decision->limit_kib <= MAX_KIB);
	must(decision->reservation_kib <= decision->limit_kib);
	must(decision->entitlement_kib <= MAX_KIB);
	must((unsigned int)decision->reason < REASON_COUNT_);
	if (!decision->set)
		return;
	must(decision->target_kib <= decision->limit_kib);
	must(decision->target_kib >= decision->reservation_kib);
}

static void decide(struct scene *scene)
{
	struct policy_vm vms[VMS];
	uint64_t used_kib = 0;
	struct host_sample host = { .total_kib = opt_some(HOST_KIB) };

	for (size_t i = 0; i < VMS; i++) {
		struct vm *vm = scene->fleet.vms[i];

		used_kib += scene->actual_kib[i];
		vm->sample.stats_age_ms = stats_age_ms(vm->last_update_s, scene->wall_ms);
		vm->sample.up_ms = scene->now_ms;
		vm->sample.has_balloon = true;
		vms[i] = (struct policy_vm){
			.sample = &vm->sample,
			.settings = &scene->settings,
			.state = &vm->state,
		};
	}
	host.available_kib = opt_some(used_kib < HOST_KIB ? HOST_KIB - used_kib : 0);
	policy_tick(scene->now_ms, &scene->conf->policy, &host, &scene->state, vms, VMS,
		    &scene->totals);
	must(scene->totals.grant_kib <= opt_or(scene->totals.free_kib, 0) + VMS * 4);
	for (size_t i = 0; i < VMS; i++) {
		check_vm(&vms[i].decision);
		if (vms[i].decision.set)
			scene->actual_kib[i] = vms[i].decision.target_kib;
	}
	/* With 6 GiB for three VMs of equal shares what it uses is within the honest one's part. */
	must(scene->host_lies || scene->actual_kib[0] >= USE_KIB);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = { .at = data, .end = data + size };
	struct scene scene = { .now_ms = 3600000, .wall_ms = 1700000000000 };
	static struct conf *defaults; /* read once, not for each input */
	struct conf_error error;

	if (!defaults)
		defaults = conf_new_default();
	must(defaults);
	scene.conf = defaults;
	must(!conf_vm_settings(scene.conf, "vm", NULL, &scene.settings, &error));
	scene.usual_bin = size ? data[0] : 0;
	for (size_t i = 0; i < VMS; i++)
		scene.actual_kib[i] = MAX_KIB * 3 / 4;
	for (int tick = 0; tick < TICKS_MAX && script.at < script.end; tick++) {
		uint64_t step_ms = 1000 + take(&script, 1) * 100;

		scene.now_ms += step_ms;
		scene.wall_ms += step_ms;
		sample(&scene, &script);
		decide(&scene);
	}
	fleet_clear(&scene.fleet);
	return 0;
}
