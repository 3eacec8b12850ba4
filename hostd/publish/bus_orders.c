// SPDX-License-Identifier: GPL-2.0
/*
 * Methods that change something. Each is a row: who may (polkit's action), and what is done once
 * that is clear. By then the VM may be gone, so arguments are read after authority has answered,
 * not before.
 */
#include "publish/bus_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "publish/history.h"
#include "publish/metrics.h"
#include "util/clock.h"

#define SETTINGS_MAX 16 /* there are fewer keys */

static const char *error_name(int error)
{
	return error == -EAGAIN ? BUS_ERROR_NOT_READY : BUS_ERROR_REFUSED;
}

/* The order is refused for a reason that the caller can mend, or that time does. */
static int refuse(sd_bus_error *error, int ret, const char *why)
{
	if (ret == -EINVAL || ret == -ENOENT || ret == -ERANGE || ret == -EAGAIN)
		return sd_bus_error_setf(error, error_name(ret), "%s", why);
	return ret;
}

/* Set, Reserve and Reload are answered later: libvirt has taken it, memory is free, files are read. */
static void order_done(void *userdata, int error, const char *why)
{
	sd_bus_message *call = userdata;

	if (error)
		sd_bus_reply_method_errorf(call, error_name(error), "%s", why);
	else
		sd_bus_reply_method_return(call, "");
	sd_bus_message_unref(call);
}

static int do_set(void *userdata, sd_bus_message *call, sd_bus_error *error)
{
	struct bus *bus = userdata;
	struct tune_change changes[SETTINGS_MAX];
	struct conf_error why = { "" };
	const struct vm *vm;
	size_t n = 0;
	int ret, persistent;

	ret = bus_vm_of_call(bus, call, &vm, error);
	if (ret >= 0)
		ret = sd_bus_message_enter_container(call, 'a', "{ss}");
	if (ret < 0)
		return ret;
	while (n < SETTINGS_MAX &&
	       (ret = sd_bus_message_read(call, "{ss}", &changes[n].key, &changes[n].value)) > 0)
		n++;
	if (ret >= 0 && n == SETTINGS_MAX)
		ret = -E2BIG;
	if (ret >= 0)
		ret = sd_bus_message_exit_container(call);
	if (ret >= 0)
		ret = sd_bus_message_read(call, "b", &persistent);
	if (ret < 0)
		return ret;
	sd_bus_message_ref(call);
	ret = bus->orders.set(bus->orders.userdata, vm->sample.uuid, changes, n, persistent,
			      order_done, call, &why);
	if (ret < 0) {
		sd_bus_message_unref(call);
		return refuse(error, ret, why.text);
	}
	return 1;
}

static int do_boost(void *userdata, sd_bus_message *call, sd_bus_error *error)
{
	struct bus *bus = userdata;
	struct conf_error why = { "" };
	uint64_t size_kib, duration_ms;
	const struct vm *vm;
	int ret;

	ret = bus_vm_of_call(bus, call, &vm, error);
	if (ret >= 0)
		ret = sd_bus_message_read(call, "tt", &size_kib, &duration_ms);
	if (ret < 0)
		return ret;
	ret = bus->orders.boost(bus->orders.userdata, vm->sample.uuid, size_kib, duration_ms, &why);
	if (ret < 0)
		return refuse(error, ret, why.text);
	return sd_bus_reply_method_return(call, "");
}

static int do_reserve(void *userdata, sd_bus_message *call, sd_bus_error *error)
{
	struct bus *bus = userdata;
	struct conf_error why = { "" };
	uint64_t size_kib, timeout_ms;
	const char *vm = NULL;
	int ret = 0;

	if (!strcmp(sd_bus_message_get_member(call), "ReserveFor"))
		ret = sd_bus_message_read(call, "s", &vm);
	if (ret >= 0)
		ret = sd_bus_message_read(call, "tt", &size_kib, &timeout_ms);
	if (ret < 0)
		return ret;
	sd_bus_message_ref(call);
	ret = bus->orders.reserve(bus->orders.userdata, vm, size_kib, timeout_ms, order_done, call,
				  &why);
	if (ret < 0) {
		sd_bus_message_unref(call);
		return refuse(error, ret, why.text);
	}
	return 1;
}

static int do_reload(void *userdata, sd_bus_message *call, sd_bus_error *error)
{
	struct bus *bus = userdata;
	struct conf_error why = { "" };
	int ret;

	sd_bus_message_ref(call);
	ret = bus->orders.reload(bus->orders.userdata, order_done, call, &why);
	if (ret < 0) {
		sd_bus_message_unref(call);
		return refuse(error, ret, why.text);
	}
	return 1;
}

/* On the manager's object an empty name means all VMs, present and future. */
static int pause_or_resume(struct bus *bus, sd_bus_message *call, sd_bus_error *error, bool pause)
{
	const struct vm *vm = NULL;
	const char *name;
	int ret;

	if (!strcmp(sd_bus_message_get_path(call), BUS_PATH)) {
		ret = sd_bus_message_read(call, "s", &name);
		if (ret < 0)
			return ret;
		if (name[0])
			sd_bus_message_rewind(call, true);
		else
			goto all;
	}
	ret = bus_vm_of_call(bus, call, &vm, error);
	if (ret < 0)
		return ret;
all:
	bus->orders.pause(bus->orders.userdata, vm ? vm->sample.uuid : NULL, pause);
	return sd_bus_reply_method_return(call, "");
}

static int do_pause(void *userdata, sd_bus_message *call, sd_bus_error *error)
{
	return pause_or_resume(userdata, call, error, true);
}

static int do_resume(void *userdata, sd_bus_message *call, sd_bus_error *error)
{
	return pause_or_resume(userdata, call, error, false);
}

static const struct {
	const char *member;
	const char *action;
	authority_fn act;
} orders[] = {
	{ "Set", "org.aerostat1.set", do_set },
	{ "Boost", "org.aerostat1.boost", do_boost },
	{ "Reserve", "org.aerostat1.reserve", do_reserve },
	{ "ReserveFor", "org.aerostat1.reserve", do_reserve },
	{ "Reload", "org.aerostat1.reload", do_reload },
	{ "Pause", "org.aerostat1.pause", do_pause },
	{ "Resume", "org.aerostat1.pause", do_resume },
};

int bus_on_order(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct bus *bus = userdata;
	const char *member = sd_bus_message_get_member(call);

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (!strcmp(orders[i].member, member))
			return authority_ask(bus->authority, call, orders[i].action, orders[i].act,
					     error);
	return -ENOSYS;
}

static int append_point(void *userdata, const struct history_point *point)
{
	sd_bus_message *reply = userdata;

	return sd_bus_message_append(
		reply, "(tttttt)", point->age_ms, point->span_ms,
		opt_or(point->actual_kib, UINT64_MAX), opt_or(point->target_kib, UINT64_MAX),
		opt_or(point->demand_kib, UINT64_MAX), opt_or(point->used_kib, UINT64_MAX));
}

/* Reading, not an order: for everybody. */
int bus_on_history(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct bus *bus = userdata;
	sd_bus_message *reply = NULL;
	struct status status;
	const struct vm *vm;
	uint64_t since_ms;
	int ret;

	ret = bus_may_answer(bus, error);
	if (ret < 0)
		return ret;
	bus->status(bus->userdata, &status);
	ret = bus_vm_of_call(bus, call, &vm, error);
	if (ret >= 0)
		ret = sd_bus_message_read(call, "t", &since_ms);
	if (ret >= 0)
		ret = sd_bus_message_new_method_return(call, &reply);
	if (ret >= 0)
		ret = sd_bus_message_open_container(reply, 'a', "(tttttt)");
	if (ret >= 0 && status.history)
		ret = history_each(status.history, vm->sample.uuid, clock_monotonic_ms(), since_ms,
				   append_point, reply);
	if (ret >= 0)
		ret = sd_bus_message_close_container(reply);
	if (ret >= 0)
		ret = sd_bus_send(NULL, reply, NULL);
	sd_bus_message_unref(reply);
	return ret;
}

/* Who asks more often than anything changes gets what was rendered a moment ago. */
static int render(struct bus *bus)
{
	struct status status;
	size_t length;

	if (bus->metrics && clock_monotonic_ms() - bus->metrics_ms < METRICS_FRESH_MS)
		return 0;
	free(bus->metrics);
	bus->metrics = NULL;
	bus->status(bus->userdata, &status);
	if (metrics_render(&status, &bus->metrics, &length))
		return -ENOMEM;
	bus->metrics_ms = clock_monotonic_ms();
	return 0;
}

int bus_on_metrics(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	struct bus *bus = userdata;
	int ret;

	ret = bus_may_answer(bus, error);
	if (ret >= 0)
		ret = render(bus);
	return ret < 0 ? ret : sd_bus_reply_method_return(call, "s", bus->metrics);
}
