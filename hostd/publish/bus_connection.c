// SPDX-License-Identifier: GPL-2.0
/*
 * The bus may be restarted under a daemon that is not, or come after it. Then connections are tried
 * with a back-off, and the name taken, without waiting for either. The dead connection stays until
 * there is a new one, so that nobody else has to know: what is sent meanwhile is lost.
 */
#include "publish/bus_internal.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "util/log.h"

#define RETRY_FIRST_MS	  1000
#define RETRY_MAX_MS	  30000
#define TIMER_ACCURACY_US 100000

/* To a bus that does not read, signals would pile up. */
#define SIGNALS_WAITING_MAX 4096

/* Nor may answers about all VMs, which are a megabyte or more each where there are many. */
#define ANSWERS_WAITING_MAX 16

/* Replies to org.freedesktop.DBus.RequestName. */
enum {
	NAME_PRIMARY_OWNER = 1,
	NAME_ALREADY_OWNER = 4,
};

static void retry_later(struct bus *bus)
{
	if (!bus->retry_ms)
		bus->retry_ms = RETRY_FIRST_MS;
	sd_event_source_set_time_relative(bus->retry, bus->retry_ms * 1000);
	sd_event_source_set_enabled(bus->retry, SD_EVENT_ONESHOT);
	bus->retry_ms = bus->retry_ms * 2 < RETRY_MAX_MS ? bus->retry_ms * 2 : RETRY_MAX_MS;
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct bus *bus = userdata;

	(void)m;
	(void)error;
	if (bus->named)
		log_warning("the message bus is gone: no status can be asked for until it is back; "
			    "ballooning goes on");
	bus->named = false;
	retry_later(bus);
	return 0;
}

/* Somebody who has started meanwhile does our work now; two would undo each other's. */
static int on_name(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct bus *bus = userdata;
	uint32_t outcome;

	(void)error;
	if (sd_bus_message_is_method_error(reply, NULL) ||
	    sd_bus_message_read(reply, "u", &outcome) < 0) {
		if (!bus->refused)
			log_warning("%s cannot be taken on the bus: aerostatctl does not find this "
				    "daemon; trying again",
				    BUS_NAME);
		bus->refused = true;
		retry_later(bus);
	} else if (outcome == NAME_PRIMARY_OWNER || outcome == NAME_ALREADY_OWNER) {
		log_info("on the message bus again");
		bus->named = true;
		bus->refused = false;
		bus->retry_ms = 0;
	} else {
		log_error("another aerostatd has taken %s while the bus was away", BUS_NAME);
		bus->orders.name_lost(bus->orders.userdata);
	}
	return 0;
}

static int open_bus(enum bus_kind kind, sd_bus **ret_connection)
{
	switch (kind) {
	case BUS_SYSTEM:
		return sd_bus_open_system(ret_connection);
	case BUS_SESSION:
		return sd_bus_open_user(ret_connection);
	case BUS_NONE:
		break;
	}
	return -EINVAL;
}

static int watch_disconnect(struct bus *bus, sd_bus *connection)
{
	return sd_bus_match_signal(connection, NULL, "org.freedesktop.DBus.Local",
				   "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
				   "Disconnected", on_disconnected, bus);
}

/* All but the name: objects, authority, and a place in the loop. */
static int furnish(struct bus *bus, sd_bus *connection, struct authority **ret_authority)
{
	int ret;

	ret = bus_add_objects(bus, connection);
	if (ret >= 0)
		ret = bus_vm_add_objects(bus, connection);
	if (ret >= 0)
		ret = watch_disconnect(bus, connection);
	if (ret < 0)
		return ret;
	*ret_authority = authority_new(connection, bus);
	return *ret_authority ? 0 : -ENOMEM;
}

/* In place of what there was. */
static void use(struct bus *bus, sd_bus *connection, struct authority *authority)
{
	authority_free(bus->authority);
	bus->authority = authority;
	sd_bus_close_unref(bus->connection);
	bus->connection = connection;
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct bus *bus = userdata;
	struct authority *authority = NULL;
	sd_bus *connection = NULL;
	int ret;

	(void)source;
	(void)usec;
	ret = open_bus(bus->kind, &connection);
	if (ret >= 0)
		ret = furnish(bus, connection, &authority);
	if (ret >= 0)
		ret = sd_bus_request_name_async(connection, NULL, BUS_NAME, 0, on_name, bus);
	if (ret >= 0)
		ret = sd_bus_attach_event(connection, bus->event, SD_EVENT_PRIORITY_NORMAL);
	if (ret < 0) {
		authority_free(authority);
		sd_bus_close_unref(connection);
		log_debug("the message bus is still gone: %s", strerror(-ret));
		retry_later(bus);
		return 0;
	}
	use(bus, connection, authority);
	return 0;
}

/* With the name, or not at all. */
static int connect_now(struct bus *bus)
{
	struct authority *authority = NULL;
	sd_bus *connection;
	int ret;

	ret = open_bus(bus->kind, &connection);
	if (ret < 0)
		return ret;
	ret = furnish(bus, connection, &authority);
	if (ret >= 0)
		ret = sd_bus_request_name(connection, BUS_NAME, 0);
	if (ret >= 0)
		ret = sd_bus_attach_event(connection, bus->event, SD_EVENT_PRIORITY_NORMAL);
	if (ret < 0) {
		authority_free(authority);
		sd_bus_close_unref(connection);
		return ret;
	}
	use(bus, connection, authority);
	bus->named = true;
	return 0;
}

int bus_connect(struct bus *bus)
{
	int ret;

	ret = sd_event_add_time_relative(bus->event, &bus->retry, CLOCK_MONOTONIC, UINT64_MAX / 4,
					 TIMER_ACCURACY_US, on_retry, bus);
	if (ret < 0)
		return ret;
	ret = connect_now(bus);
	if (ret < 0 && ret != -EEXIST) {
		log_warning(
			"not on the bus: %s; aerostatctl does not find this daemon; trying again",
			ret == -ENOMEDIUM ? "its address is not in the environment"
					  : strerror(-ret));
		retry_later(bus);
		return 0;
	}
	return ret;
}

bool bus_takes_signals(const struct bus *bus)
{
	uint64_t waiting;

	return bus->connection && sd_bus_get_n_queued_write(bus->connection, &waiting) >= 0 &&
	       waiting < SIGNALS_WAITING_MAX;
}

int bus_may_answer(struct bus *bus, sd_bus_error *error)
{
	uint64_t waiting;

	if (sd_bus_get_n_queued_write(bus->connection, &waiting) >= 0 && !waiting)
		bus->answers = 0;
	if (bus->answers >= ANSWERS_WAITING_MAX)
		return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					"too many answers wait to be read: ask again in a moment");
	bus->answers++;
	return 0;
}

void bus_disconnect(struct bus *bus)
{
	bus->retry = sd_event_source_disable_unref(bus->retry);
	authority_free(bus->authority);
	bus->authority = NULL;
	/* What was sent is with the kernel, unless the bus does not read: that is not waited for. */
	bus->connection = sd_bus_close_unref(bus->connection);
}
