// SPDX-License-Identifier: GPL-2.0
/*
 * sd-bus does the talking, on the daemon's loop. The name is asked for synchronously at start,
 * because it decides whether the daemon may run at all; everything later is asynchronous.
 */
#include "publish/bus_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "publish/advice.h"
#include "publish/bus_nodes.h"
#include "util/clock.h"
#include "util/log.h"

#ifndef AEROSTAT_VERSION
#error "the build defines AEROSTAT_VERSION"
#endif

static const char *const kind_names[] = {
	[BUS_SYSTEM] = "system",
	[BUS_SESSION] = "session",
	[BUS_NONE] = "none",
};

int bus_kind_parse(const char *text, enum bus_kind *ret_kind)
{
	for (size_t i = 0; i < sizeof(kind_names) / sizeof(kind_names[0]); i++) {
		if (!strcmp(kind_names[i], text)) {
			*ret_kind = (enum bus_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

enum bus_kind bus_kind_default(void)
{
	return geteuid() == 0 ? BUS_SYSTEM : BUS_SESSION;
}

/* One entry of a dictionary; an unknown number is left out. */
static int add_number(sd_bus_message *m, const char *key, struct opt_u64 number)
{
	uint64_t value;

	if (!opt_get(number, &value))
		return 0;
	return sd_bus_message_append(m, "{sv}", key, "t", value);
}

static int add_text(sd_bus_message *m, const char *key, const char *value)
{
	return value ? sd_bus_message_append(m, "{sv}", key, "s", value) : 0;
}

static int add_flag(sd_bus_message *m, const char *key, bool value)
{
	return sd_bus_message_append(m, "{sv}", key, "b", (int)value);
}

struct named_number {
	const char *key;
	struct opt_u64 value;
};

static int add_numbers(sd_bus_message *m, const struct named_number *numbers, size_t n)
{
	int ret = 0;

	for (size_t i = 0; i < n && ret >= 0; i++)
		ret = add_number(m, numbers[i].key, numbers[i].value);
	return ret;
}

/* A number of the last decision, which only counts once there was one. */
static struct opt_u64 if_judged(bool judged, uint64_t value)
{
	return judged ? opt_some(value) : opt_none();
}

static struct opt_u64 since_ms(uint64_t then_ms)
{
	return then_ms ? opt_some(clock_monotonic_ms() - then_ms) : opt_none();
}

static struct opt_u64 left_ms(uint64_t until_ms)
{
	uint64_t now_ms = clock_monotonic_ms();

	if (!until_ms)
		return opt_none();
	return opt_some(until_ms > now_ms ? until_ms - now_ms : 0);
}

/* The names of the alarms that are raised, separated by blanks; without any there is no entry. */
static int add_alarms(sd_bus_message *m, const struct alarms *alarms, const struct vm *vm)
{
	char names[128] = "";

	for (int i = vm ? ALARM_FIRST_OF_VM : 0; i < (vm ? ALARM_KINDS_ : ALARM_FIRST_OF_VM); i++) {
		enum alarm_kind kind = (enum alarm_kind)i;
		size_t used = strlen(names);

		if (alarms_raised(alarms, kind, vm ? vm->sample.uuid : NULL))
			snprintf(names + used, sizeof(names) - used, "%s%s", used ? " " : "",
				 alarm_to_string(kind));
	}
	return names[0] ? add_text(m, "alarms", names) : 0;
}

static int append_host(sd_bus_message *m, const struct status *status)
{
	const struct host_decision *decision = &status->decision;
	const struct conf *conf = status->conf;
	const struct storage_sample storage = status_storage(status);
	const struct named_number numbers[] = {
		{ "total_kib", status->host.total_kib },
		{ "available_kib", status->host.available_kib },
		{ "reserve_kib", status_reserve_kib(status) },
		{ "budget_kib", conf->policy.budget_kib },
		{ "capacity_kib", decision->capacity_kib },
		{ "free_kib", decision->free_kib },
		{ "margin_kib", decision->margin_kib },
		{ "limits_kib", if_judged(status->ticks, decision->limits_kib) },
		{ "reservations_kib", if_judged(status->ticks, decision->reservations_kib) },
		{ "shortage_kib", if_judged(status->ticks, decision->shortage_kib) },
		{ "swap_out_kib_s", decision->swap_out_kib_s },
		{ "float_permille", opt_some(conf->policy.float_permille) },
		{ "headroom_permille", opt_some(conf->policy.headroom_permille) },
		{ "idle_tax_permille", opt_some(conf->policy.idle_tax_permille) },
		{ "charged_kib", if_judged(status->ticks, decision->charged_kib) },
		{ "psi_some_permille", status->host.psi_some_permille },
		{ "psi_full_permille", status->host.psi_full_permille },
		{ "harmed_vms", if_judged(status->ticks, decision->harmed_vms) },
		{ "ksm_saved_kib", status->host_detail->ksm_saved_kib },
		{ "zswap_stored_kib", status->host_detail->zswap_stored_kib },
		{ "zswap_pool_kib", status->host_detail->zswap_pool_kib },
		{ "storage_latency_us", storage.latency_us },
		{ "psi_limit_permille", opt_some(conf->policy.psi_limit_permille) },
		{ "host_used_limit_permille", alarm_limit(ALARM_HOST_MEMORY, conf) },
		{ "storage_latency_limit_us", alarm_limit(ALARM_STORAGE_LATENCY, conf) },
		{ "ballooned_limit_permille", alarm_limit(ALARM_BALLOONED, conf) },
		{ "guest_swap_limit_permille", alarm_limit(ALARM_GUEST_SWAP, conf) },
		{ "cpu_wait_limit_permille", alarm_limit(ALARM_CPU_WAIT, conf) },
		{ "io_wait_limit_permille", alarm_limit(ALARM_IO_WAIT, conf) },
		{ "ticks", opt_some(status->ticks) },
		{ "late_ticks", opt_some(status->late_ticks) },
		{ "interval_ms", opt_some(conf->daemon.interval_ms) },
		{ "sample_age_ms", since_ms(status->sampled_ms) },
		{ "sampling_us", status->sampling_us },
		{ "hung_calls", opt_some(status->lost_workers) },
	};
	const char *state = status->ticks ? host_state_to_string(decision->state) : NULL;
	int ret;

	ret = sd_bus_message_open_container(m, 'a', "{sv}");
	if (ret >= 0)
		ret = add_text(m, "version", AEROSTAT_VERSION);
	if (ret >= 0)
		ret = add_text(m, "uri", status->uri);
	if (ret >= 0)
		ret = add_flag(m, "connected", status->connected);
	if (ret >= 0)
		ret = add_flag(m, "dry_run", status->dry_run);
	if (ret >= 0 && status->paused)
		ret = add_flag(m, "paused", true);
	if (ret >= 0 && status->alarms)
		ret = add_alarms(m, status->alarms, NULL);
	if (ret >= 0)
		ret = add_text(m, "state", state);
	if (ret >= 0)
		ret = add_numbers(m, numbers, sizeof(numbers) / sizeof(numbers[0]));
	if (ret >= 0)
		ret = add_text(m, "storage_device", storage.device[0] ? storage.device : NULL);
	if (ret >= 0)
		ret = bus_append_nodes(m, status->host_detail);
	return ret < 0 ? ret : sd_bus_message_close_container(m);
}

static int append_vm_texts(sd_bus_message *m, const struct status *status, const struct vm *vm)
{
	bool judged = vm->decided_ms != 0;
	int ret;

	ret = add_text(m, "name", vm->name);
	if (ret >= 0)
		ret = add_text(m, "uuid", vm->sample.uuid);
	if (ret >= 0)
		ret = add_text(m, "state", run_state_to_string(vm->sample.run_state));
	if (ret >= 0 && judged)
		ret = add_text(m, "reason", reason_to_string(vm->decision.reason));
	if (ret >= 0 && judged)
		ret = add_text(m, "sentence", reason_to_sentence(vm->decision.reason));
	if (ret >= 0 && judged && vm->decision.demand_kib.known)
		ret = add_flag(m, "pressed", vm->decision.need.pressed);
	if (ret >= 0 && vm->orders.paused)
		ret = add_flag(m, "paused", true);
	if (ret >= 0 && status->alarms)
		ret = add_alarms(m, status->alarms, vm);
	if (ret >= 0 && judged && vm->decision.harm_permille.known)
		ret = add_flag(m, "harmed", vm->decision.harmed);
	if (ret < 0 || !vm->described)
		return ret;

	ret = add_text(m, "mode", vm_mode_to_string(vm->settings.mode));
	if (ret >= 0)
		ret = add_text(m, "class", conf_vm_class(status->conf, vm->name, &vm->tune));
	if (ret >= 0)
		ret = add_flag(m, "balloon", vm->description.has_balloon);
	if (ret >= 0)
		ret = add_text(m, "pinned", vm->description.pinned);
	if (ret >= 0 && vm->settings_error.text[0])
		ret = add_text(m, "settings_error", vm->settings_error.text);
	return ret;
}

static int append_vm(sd_bus_message *m, const struct status *status, const struct vm *vm,
		     const struct vm *advice)
{
	bool judged = vm->decided_ms != 0;
	const struct vm_decision *decision = &vm->decision;
	const struct vm_need *need = &decision->need;
	const struct vm_host *host = &vm->sample.host;
	bool needs = judged && decision->demand_kib.known;
	const struct named_number numbers[] = {
		{ "actual_kib", vm->sample.actual_kib },
		{ "target_kib", vm->asked_kib },
		{ "demand_kib", judged ? decision->demand_kib : opt_none() },
		{ "usual_kib", judged ? decision->usual_kib : opt_none() },
		{ "need_size_kib", if_judged(needs, need->size_kib) },
		{ "use_kib", if_judged(needs, need->use_kib) },
		{ "buffer_kib", if_judged(needs, need->buffer_kib) },
		{ "earned_kib", if_judged(needs, need->earned_kib) },
		{ "swap_in_kib_s", needs ? need->swap_in_kib_s : opt_none() },
		{ "major_faults_s", needs ? need->faults_s : opt_none() },
		{ "decided_kib", if_judged(judged, decision->target_kib) },
		{ "wait_ms", if_judged(judged && decision->wait_ms, decision->wait_ms) },
		{ "entitlement_kib", if_judged(judged, decision->entitlement_kib) },
		{ "reservation_kib", if_judged(judged, decision->reservation_kib) },
		{ "limit_kib", if_judged(judged, decision->limit_kib) },
		{ "shares", if_judged(vm->described, vm->settings.shares) },
		{ "max_kib", opt_some(vm->sample.max_kib) },
		{ "rss_kib", vm->sample.rss_kib },
		{ "total_kib", vm->sample.total_kib },
		{ "usable_kib", vm->sample.usable_kib },
		{ "unused_kib", vm->sample.unused_kib },
		{ "cache_kib", vm->sample.cache_kib },
		{ "host_swap_kib", host->swapped_kib },
		{ "cgroup_kib", host->cgroup_kib },
		{ "cgroup_swap_kib", host->cgroup_swap_kib },
		{ "stall_some_permille", host->stall_some_permille },
		{ "stall_full_permille", host->stall_full_permille },
		{ "cpu_wait_permille", host->cpu_wait_permille },
		{ "io_wait_permille", host->io_wait_permille },
		{ "swap_wait_permille", host->swap_wait_permille },
		{ "thrash_wait_permille", host->thrash_wait_permille },
		{ "reclaim_wait_permille", host->reclaim_wait_permille },
		{ "harm_permille", judged ? decision->harm_permille : opt_none() },
		{ "stats_age_ms", vm->sample.stats_age_ms },
		{ "reason_age_ms", since_ms(vm->decided_ms) },
		{ "swap_estimate_kib", vm_swap_estimate_kib(vm) },
		{ "boost_kib", if_judged(vm->orders.boost_until_ms, vm->orders.boost_kib) },
		{ "boost_left_ms", left_ms(vm->orders.boost_until_ms) },
		{ "advised_to_move", if_judged(vm == advice, 1) },
	};
	int ret;

	ret = sd_bus_message_open_container(m, 'a', "{sv}");
	if (ret >= 0)
		ret = append_vm_texts(m, status, vm);
	if (ret >= 0)
		ret = add_numbers(m, numbers, sizeof(numbers) / sizeof(numbers[0]));
	return ret < 0 ? ret : sd_bus_message_close_container(m);
}

static int append_vms(sd_bus_message *m, const struct status *status)
{
	const struct vm *advice = advice_migration(status);
	int ret;

	ret = sd_bus_message_open_container(m, 'a', "a{sv}");
	for (size_t i = 0; i < status->fleet->n_vms && ret >= 0; i++)
		ret = append_vm(m, status, status->fleet->vms[i], advice);
	return ret < 0 ? ret : sd_bus_message_close_container(m);
}

static int on_status(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct bus *bus = userdata;
	sd_bus_message *reply = NULL;
	struct status status;
	int ret;

	ret = bus_may_answer(bus, error);
	if (ret < 0)
		return ret;
	bus->status(bus->userdata, &status);
	ret = sd_bus_message_new_method_return(call, &reply);
	if (ret >= 0)
		ret = append_host(reply, &status);
	if (ret >= 0)
		ret = append_vms(reply, &status);
	if (ret >= 0)
		ret = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return ret;
}

static int get_version(sd_bus *connection, const char *path, const char *interface,
		       const char *property, sd_bus_message *reply, void *userdata,
		       sd_bus_error *error)
{
	(void)connection;
	(void)path;
	(void)interface;
	(void)property;
	(void)userdata;
	(void)error;
	return sd_bus_message_append(reply, "s", AEROSTAT_VERSION);
}

static int get_state(sd_bus *connection, const char *path, const char *interface,
		     const char *property, sd_bus_message *reply, void *userdata,
		     sd_bus_error *error)
{
	struct bus *bus = userdata;
	struct status status;

	(void)connection;
	(void)path;
	(void)interface;
	(void)property;
	(void)error;
	bus->status(bus->userdata, &status);
	return sd_bus_message_append(reply, "s", host_state_to_string(status.decision.state));
}

static const sd_bus_vtable vtable[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD_WITH_ARGS("Status", SD_BUS_NO_ARGS,
				SD_BUS_RESULT("a{sv}", host, "aa{sv}", vms), on_status,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Metrics", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", text), bus_on_metrics,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("History", SD_BUS_ARGS("s", vm, "t", since_ms),
				SD_BUS_RESULT("a(tttttt)", points), bus_on_history,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Set", SD_BUS_ARGS("s", vm, "a{ss}", settings, "b", persistent),
				SD_BUS_NO_RESULT, bus_on_order, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Boost", SD_BUS_ARGS("s", vm, "t", size_kib, "t", duration_ms),
				SD_BUS_NO_RESULT, bus_on_order, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reserve", SD_BUS_ARGS("t", size_kib, "t", timeout_ms),
				SD_BUS_NO_RESULT, bus_on_order, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("ReserveFor", SD_BUS_ARGS("s", vm, "t", size_kib, "t", timeout_ms),
				SD_BUS_NO_RESULT, bus_on_order, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Reload", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, bus_on_order,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Pause", SD_BUS_ARGS("s", vm), SD_BUS_NO_RESULT, bus_on_order,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_ARGS("Resume", SD_BUS_ARGS("s", vm), SD_BUS_NO_RESULT, bus_on_order,
				SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL_WITH_ARGS("StateChanged", SD_BUS_ARGS("s", before, "s", now), 0),
	SD_BUS_SIGNAL_WITH_ARGS(
		"Alarm", SD_BUS_ARGS("s", alarm, "b", raised, "s", vm, "s", uuid, "s", text), 0),
	SD_BUS_SIGNAL_WITH_ARGS("MigrationAdvice", SD_BUS_ARGS("s", vm, "s", uuid, "t", actual_kib),
				0),
	SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
	SD_BUS_PROPERTY("State", "s", get_state, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
	SD_BUS_VTABLE_END,
};

int bus_add_objects(struct bus *bus, sd_bus *connection)
{
	return sd_bus_add_object_vtable(connection, NULL, BUS_PATH, BUS_INTERFACE, vtable, bus);
}

int bus_new(sd_event *event, enum bus_kind kind, status_fn status, void *userdata,
	    const struct bus_orders *orders, struct bus **ret_bus)
{
	struct bus *bus;
	int ret;

	bus = calloc(1, sizeof(*bus));
	if (!bus)
		return -ENOMEM;
	bus->status = status;
	bus->userdata = userdata;
	bus->orders = *orders;
	bus->event = event;
	bus->kind = kind;
	ret = bus_connect(bus);
	if (ret)
		goto fail;
	*ret_bus = bus;
	return 0;

fail:
	bus_free(bus);
	return ret;
}

void bus_emit_alarm(struct bus *bus, const struct alarm *alarm, const char *text)
{
	if (!bus_takes_signals(bus))
		return;
	sd_bus_emit_signal(bus->connection, BUS_PATH, BUS_INTERFACE, "Alarm", "sbsss",
			   alarm_to_string(alarm->kind), (int)alarm->raised,
			   alarm->vm ? alarm->vm : "", alarm->uuid ? alarm->uuid : "", text);
}

void bus_free(struct bus *bus)
{
	if (!bus)
		return;
	bus_disconnect(bus);
	by_vm_clear(&bus->signalled);
	free(bus->metrics);
	free(bus);
}
