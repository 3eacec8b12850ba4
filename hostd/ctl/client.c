// SPDX-License-Identifier: GPL-2.0
/*
 * The daemon's dictionaries become JSON objects entry by entry, whatever the entries are: so a
 * newer daemon's fields pass through an older tool.
 */
#include "ctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "util/printable.h"

#define SERVICE	  "org.aerostat1"
#define PATH	  "/org/aerostat1"
#define INTERFACE "org.aerostat1.Manager"

/* The daemon answers from memory; what takes longer than this hangs. */
#define TIMEOUT_US	 (5 * 1000 * 1000)
#define MESSAGE_LEN	 1024
#define ORDER_TIMEOUT_US (200 * (uint64_t)1000 * 1000)

int client_bus_parse(const char *text, struct client_options *ret_options)
{
	bool session = !strcmp(text, "session");

	if (!session && strcmp(text, "system") != 0)
		return -EINVAL;
	ret_options->session = session;
	return 0;
}

static bool on_session_bus(void)
{
	sd_bus_creds *creds = NULL;
	sd_bus *connection = NULL;
	bool owned;

	owned = sd_bus_open_user(&connection) >= 0 &&
		sd_bus_get_name_creds(connection, SERVICE, 0, &creds) >= 0;
	sd_bus_creds_unref(creds);
	sd_bus_flush_close_unref(connection);
	return owned;
}

struct client_options client_default(void)
{
	return (struct client_options){ .session = geteuid() != 0 && on_session_bus() };
}

/* The value in a variant; *ret_value NULL: of a type that JSON output does not need. */
static int read_variant(sd_bus_message *m, json_t **ret_value)
{
	const char *contents, *text;
	uint64_t u64;
	char type;
	int ret, flag;

	ret = sd_bus_message_peek_type(m, &type, &contents);
	if (ret < 0)
		return ret;
	ret = sd_bus_message_enter_container(m, 'v', contents);
	if (ret < 0)
		return ret;
	*ret_value = NULL;
	switch (contents[0]) {
	case 't':
		ret = sd_bus_message_read_basic(m, 't', &u64);
		if (ret >= 0)
			*ret_value = json_integer((json_int_t)u64);
		break;
	case 's':
		ret = sd_bus_message_read_basic(m, 's', &text);
		if (ret >= 0)
			*ret_value = json_string(text);
		break;
	case 'b':
		ret = sd_bus_message_read_basic(m, 'b', &flag);
		if (ret >= 0)
			*ret_value = json_boolean(flag);
		break;
	default:
		ret = sd_bus_message_skip(m, contents);
		break;
	}
	return ret < 0 ? ret : sd_bus_message_exit_container(m);
}

static int read_entry(sd_bus_message *m, json_t *object)
{
	json_t *value = NULL;
	const char *key;
	int ret;

	ret = sd_bus_message_read_basic(m, 's', &key);
	if (ret >= 0)
		ret = read_variant(m, &value);
	if (ret >= 0 && value && json_object_set_new(object, key, value))
		ret = -ENOMEM;
	return ret < 0 ? ret : sd_bus_message_exit_container(m);
}

static int read_dictionary(sd_bus_message *m, json_t *object)
{
	int ret;

	ret = sd_bus_message_enter_container(m, 'a', "{sv}");
	while (ret >= 0 && (ret = sd_bus_message_enter_container(m, 'e', "sv")) > 0)
		ret = read_entry(m, object);
	return ret < 0 ? ret : sd_bus_message_exit_container(m);
}

static int read_dictionaries(sd_bus_message *m, json_t *array)
{
	int ret;

	ret = sd_bus_message_enter_container(m, 'a', "a{sv}");
	while (ret >= 0 && (ret = sd_bus_message_at_end(m, 0)) == 0) {
		json_t *object = json_object();

		ret = object ? read_dictionary(m, object) : -ENOMEM;
		if (object && json_array_append_new(array, object))
			ret = -ENOMEM;
	}
	return ret < 0 ? ret : sd_bus_message_exit_container(m);
}

static const char *name_of(const json_t *vm)
{
	const char *name = json_string_value(json_object_get(vm, "name"));

	return name ? name : "";
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(name_of(*(json_t *const *)a), name_of(*(json_t *const *)b));
}

/* A new array of the same VMs in the order of their names; NULL: out of memory. */
static json_t *sorted(const json_t *vms)
{
	size_t n = json_array_size(vms);
	json_t **order = calloc(n + 1, sizeof(*order));
	json_t *array = json_array();

	for (size_t i = 0; order && i < n; i++)
		order[i] = json_array_get(vms, i);
	if (order)
		qsort(order, n, sizeof(*order), compare_names);
	for (size_t i = 0; order && i < n; i++)
		json_array_append(array, order[i]);
	free(order);
	return array;
}

static int read_status(sd_bus_message *reply, json_t **ret_status)
{
	json_t *host = json_object(), *vms = json_array(), *status = NULL;
	int ret = host && vms ? 0 : -ENOMEM;

	if (ret >= 0)
		ret = read_dictionary(reply, host);
	if (ret >= 0)
		ret = read_dictionaries(reply, vms);
	if (ret >= 0) {
		status = json_pack("{s:O, s:o}", "host", host, "vms", sorted(vms));
		ret = status ? 0 : -ENOMEM;
	}
	json_decref(host);
	json_decref(vms);
	if (ret < 0)
		return ret;
	*ret_status = status;
	return 0;
}

/* The message may quote what tenants chose. */
static void complain(const char *what, const char *message)
{
	char text[MESSAGE_LEN];

	snprintf(text, sizeof(text), "%s", message ? message : "no reason is given");
	text_make_printable(text);
	fprintf(stderr, "aerostatctl: %s%s\n", what, text);
}

/* Is nobody there who would answer later? */
static bool is_silence(const sd_bus_error *error)
{
	return sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY) ||
	       sd_bus_error_has_name(error, SD_BUS_ERROR_TIMEOUT) ||
	       sd_bus_error_has_name(error, SD_BUS_ERROR_DISCONNECTED);
}

static int explain(const struct client_options *options, const sd_bus_error *error, int ret)
{
	const char *bus = options->session ? "session" : "system";

	if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
	    sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER)) {
		fprintf(stderr,
			"aerostatctl: aerostatd is not running (nobody owns %s on the %s bus)\n",
			SERVICE, bus);
		return CTL_NOT_RUNNING;
	}
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ||
	    sd_bus_error_has_name(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED)) {
		complain("not allowed: ", error->message);
		return CTL_NOT_ALLOWED;
	}
	if (sd_bus_error_has_name(error, SERVICE ".Error.NotReady")) {
		complain("", error->message);
		return CTL_NOT_READY;
	}
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_LIMITS_EXCEEDED) ||
	    (error->name && !strncmp(error->name, SERVICE ".", strlen(SERVICE ".")))) {
		complain("", error->message);
		return CTL_FAILED;
	}
	complain(options->session ? "aerostatd does not answer on the session bus: "
				  : "aerostatd does not answer on the system bus: ",
		 error->message ? error->message : strerror(-ret));
	return is_silence(error) ? CTL_NOT_RUNNING : CTL_FAILED;
}

static int unreadable(int ret)
{
	fprintf(stderr, "aerostatctl: cannot read the answer: %s\n", strerror(-ret));
	return CTL_FAILED;
}

/* An open connection, and a message for a method of the manager. */
static int begin(const struct client_options *options, const char *member, sd_bus **ret_connection,
		 sd_bus_message **ret_call)
{
	sd_bus *connection = NULL;
	int ret;

	ret = options->session ? sd_bus_open_user(&connection) : sd_bus_open_system(&connection);
	if (ret < 0) {
		fprintf(stderr, "aerostatctl: cannot reach the %s bus: %s\n",
			options->session ? "session" : "system",
			ret == -ENOMEDIUM ? "its address is not in the environment"
					  : strerror(-ret));
		return CTL_NOT_RUNNING;
	}
	ret = sd_bus_message_new_method_call(connection, ret_call, SERVICE, PATH, INTERFACE,
					     member);
	if (ret < 0) {
		sd_bus_unref(connection);
		return unreadable(ret);
	}
	*ret_connection = connection;
	return CTL_OK;
}

/* Send the message, and with CTL_OK hand over the reply. Ends what begin() began. */
static int finish(const struct client_options *options, sd_bus *connection, sd_bus_message *call,
		  uint64_t timeout_us, sd_bus_message **ret_reply)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int ret, code = CTL_OK;

	ret = sd_bus_call(connection, call, timeout_us, &error, ret_reply);
	if (ret < 0)
		code = explain(options, &error, ret);
	sd_bus_error_free(&error);
	sd_bus_message_unref(call);
	sd_bus_flush_close_unref(connection);
	return code;
}

int client_status(const struct client_options *options, json_t **ret_status)
{
	sd_bus_message *call, *reply;
	sd_bus *connection;
	int code, ret;

	code = begin(options, "Status", &connection, &call);
	if (code == CTL_OK)
		code = finish(options, connection, call, TIMEOUT_US, &reply);
	if (code != CTL_OK)
		return code;
	ret = read_status(reply, ret_status);
	sd_bus_message_unref(reply);
	return ret < 0 ? unreadable(ret) : CTL_OK;
}

/* Unknown numbers are UINT64_MAX on the bus, and absent in JSON. */
static int read_point(sd_bus_message *reply, json_t *points)
{
	static const char *const keys[] = { "age_ms",	  "span_ms",	"actual_kib",
					    "target_kib", "demand_kib", "used_kib" };
	uint64_t values[sizeof(keys) / sizeof(keys[0])];
	json_t *point;
	int ret;

	ret = sd_bus_message_read(reply, "(tttttt)", &values[0], &values[1], &values[2], &values[3],
				  &values[4], &values[5]);
	if (ret <= 0)
		return ret;
	point = json_object();
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (values[i] != UINT64_MAX)
			json_object_set_new(point, keys[i], json_integer((json_int_t)values[i]));
	json_array_append_new(points, point);
	return 1;
}

int client_history(const struct client_options *options, const char *vm, uint64_t since_ms,
		   json_t **ret_points)
{
	sd_bus_message *call, *reply;
	json_t *points;
	sd_bus *connection;
	int code, ret;

	code = begin(options, "History", &connection, &call);
	if (code != CTL_OK)
		return code;
	sd_bus_message_append(call, "st", vm, since_ms);
	code = finish(options, connection, call, TIMEOUT_US, &reply);
	if (code != CTL_OK)
		return code;
	points = json_array();
	ret = sd_bus_message_enter_container(reply, 'a', "(tttttt)");
	while (ret >= 0 && (ret = read_point(reply, points)) > 0)
		;
	sd_bus_message_unref(reply);
	if (ret < 0) {
		json_decref(points);
		return unreadable(ret);
	}
	*ret_points = points;
	return CTL_OK;
}

int client_metrics(const struct client_options *options, char **ret_text)
{
	sd_bus_message *call, *reply;
	sd_bus *connection;
	const char *text;
	int code, ret;

	code = begin(options, "Metrics", &connection, &call);
	if (code == CTL_OK)
		code = finish(options, connection, call, TIMEOUT_US, &reply);
	if (code != CTL_OK)
		return code;
	ret = sd_bus_message_read(reply, "s", &text);
	if (ret >= 0)
		*ret_text = strdup(text);
	sd_bus_message_unref(reply);
	return ret < 0 ? unreadable(ret) : CTL_OK;
}

/* An order may wait until somebody has typed a password. */
static int order(const struct client_options *options, sd_bus *connection, sd_bus_message *call,
		 uint64_t timeout_us)
{
	sd_bus_message *reply = NULL;
	int code;

	sd_bus_message_set_allow_interactive_authorization(call, isatty(STDIN_FILENO));
	code = finish(options, connection, call, timeout_us, &reply);
	sd_bus_message_unref(reply);
	return code;
}

int client_set(const struct client_options *options, const char *vm, char *const *settings,
	       size_t n_settings, bool persistent)
{
	sd_bus_message *call;
	sd_bus *connection;
	int code;

	code = begin(options, "Set", &connection, &call);
	if (code != CTL_OK)
		return code;
	sd_bus_message_append(call, "s", vm);
	sd_bus_message_open_container(call, 'a', "{ss}");
	for (size_t i = 0; i < n_settings; i++) {
		const char *equals = strchr(settings[i], '=');
		char *key = strndup(settings[i], (size_t)(equals - settings[i]));

		sd_bus_message_append(call, "{ss}", key, equals + 1);
		free(key);
	}
	sd_bus_message_close_container(call);
	sd_bus_message_append(call, "b", (int)persistent);
	return order(options, connection, call, ORDER_TIMEOUT_US);
}

int client_boost(const struct client_options *options, const char *vm, uint64_t size_kib,
		 uint64_t duration_ms)
{
	sd_bus_message *call;
	sd_bus *connection;
	int code;

	code = begin(options, "Boost", &connection, &call);
	if (code != CTL_OK)
		return code;
	sd_bus_message_append(call, "stt", vm, size_kib, duration_ms);
	return order(options, connection, call, ORDER_TIMEOUT_US);
}

int client_pause(const struct client_options *options, const char *vm, bool pause)
{
	sd_bus_message *call;
	sd_bus *connection;
	int code;

	code = begin(options, pause ? "Pause" : "Resume", &connection, &call);
	if (code != CTL_OK)
		return code;
	sd_bus_message_append(call, "s", vm ? vm : "");
	return order(options, connection, call, ORDER_TIMEOUT_US);
}

int client_reserve(const struct client_options *options, const char *vm, uint64_t size_kib,
		   uint64_t timeout_ms)
{
	sd_bus_message *call;
	sd_bus *connection;
	int code;

	code = begin(options, vm ? "ReserveFor" : "Reserve", &connection, &call);
	if (code != CTL_OK)
		return code;
	if (vm)
		sd_bus_message_append(call, "s", vm);
	sd_bus_message_append(call, "tt", size_kib, timeout_ms);
	return order(options, connection, call, ORDER_TIMEOUT_US + timeout_ms * 1000);
}
