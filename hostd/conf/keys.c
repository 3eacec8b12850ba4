// SPDX-License-Identifier: GPL-2.0
/*
 * The table of keys (keys.h). A row is all there is to a key: where it is written, its default
 * as a user would write it, the function that reads it, where the value goes, its bounds, and
 * the words for what is right. [vm] and [class NAME] take the fields of tune.h instead.
 */
#include "conf/keys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/reserve.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define CLASS_PREFIX	  "class "
#define HINT_DISTANCE_MAX 2 /* this many wrong letters are still taken for a misspelling */
#define HINT_WORD_LEN	  32
#define MIB		  ((uint64_t)1024) /* in KiB */
#define GIB		  (1024 * MIB)

struct key {
	const char *section;
	const char *name;
	const char *standard; /* the default */
	/* Returns 0, -EINVAL or -ERANGE; writes to `field` only on success. */
	int (*parse)(const struct key *key, const char *value, void *field);
	size_t offset; /* of the field, in struct conf */
	uint64_t min;
	uint64_t max; /* both in the field's unit */
	const char *expected;
};

static int bounded(const struct key *key, uint64_t value)
{
	return value >= key->min && value <= key->max ? 0 : -ERANGE;
}

static int parse_u32(const struct key *key, uint64_t value, void *field)
{
	uint32_t narrow = (uint32_t)value; /* every row's max is far below 2^32 */
	int ret;

	ret = bounded(key, value);
	if (!ret)
		memcpy(field, &narrow, sizeof(narrow));
	return ret;
}

static int parse_ms(const struct key *key, const char *value, void *field)
{
	uint32_t ms;
	int ret;

	ret = size_parse_ms(value, &ms);
	return ret ? ret : parse_u32(key, ms, field);
}

/* libvirt takes the statistics period in whole seconds. */
static int parse_seconds(const struct key *key, const char *value, void *field)
{
	uint32_t ms;
	int ret;

	ret = size_parse_ms(value, &ms);
	if (ret)
		return ret;
	return ms % 1000 ? -ERANGE : parse_u32(key, ms / 1000, field);
}

static int parse_permille(const struct key *key, const char *value, void *field)
{
	uint32_t permille;
	int ret;

	ret = size_parse_permille(value, &permille);
	return ret ? ret : parse_u32(key, permille, field);
}

static int parse_count(const struct key *key, const char *value, void *field)
{
	uint64_t count;
	int ret;

	ret = size_parse_count(value, &count);
	return ret ? ret : parse_u32(key, count, field);
}

static int parse_kib(const struct key *key, const char *value, void *field)
{
	uint64_t kib;
	int ret;

	ret = size_parse_kib(value, &kib);
	if (!ret)
		ret = bounded(key, kib);
	if (!ret)
		memcpy(field, &kib, sizeof(kib));
	return ret;
}

static int parse_kib_or_none(const struct key *key, const char *value, void *field)
{
	struct opt_u64 size = opt_none();
	uint64_t kib;
	int ret;

	if (strcmp(value, "none") != 0) {
		ret = parse_kib(key, value, &kib);
		if (ret)
			return ret;
		size = opt_some(kib);
	}
	memcpy(field, &size, sizeof(size));
	return 0;
}

/* The one key with two fields: a size, a share of the host's memory, or what suits its size. */
static int parse_reserve(const struct key *key, const char *value, void *field)
{
	struct policy_settings *policy = field;
	struct amount amount;
	int ret;

	if (!strcmp(value, "auto")) {
		policy->reserve_kib = policy->reserve_permille = opt_none();
		return 0;
	}
	ret = size_parse_amount(value, &amount);
	if (ret)
		return ret;
	if (amount.unit == AMOUNT_KIB) {
		policy->reserve_kib = opt_some(amount.value);
		return 0;
	}
	ret = bounded(key, amount.value);
	if (ret)
		return ret;
	policy->reserve_kib = opt_none();
	policy->reserve_permille = opt_some(amount.value);
	return 0;
}

static int parse_flag(const struct key *key, const char *value, void *field)
{
	bool flag = !strcmp(value, "yes");

	(void)key;
	if (!flag && strcmp(value, "no") != 0)
		return -EINVAL;
	memcpy(field, &flag, sizeof(flag));
	return 0;
}

static int parse_uri(const struct key *key, const char *value, void *field)
{
	size_t length = strlen(value);

	if (!strchr(value, ':'))
		return -EINVAL;
	if (bounded(key, length))
		return -ERANGE;
	memcpy(field, value, length + 1);
	return 0;
}

static int parse_path_or_none(const struct key *key, const char *value, void *field)
{
	size_t length = strlen(value);

	if (!strcmp(value, "none")) {
		*(char *)field = '\0';
		return 0;
	}
	if (value[0] != '/')
		return -EINVAL;
	if (bounded(key, length))
		return -ERANGE;
	memcpy(field, value, length + 1);
	return 0;
}

/* What a number of a host's own says: 127.0.0.0/8 or ::1. */
static bool is_loopback(const char *address)
{
	struct in6_addr in6;
	struct in_addr in4;

	if (inet_pton(AF_INET, address, &in4) == 1)
		return ntohl(in4.s_addr) >> 24 == IN_LOOPBACKNET;
	return inet_pton(AF_INET6, address, &in6) == 1 && IN6_IS_ADDR_LOOPBACK(&in6);
}

/* PORT, ADDRESS:PORT or [ADDRESS]:PORT; what is not loopback is out of bounds. */
static int parse_listen(const struct key *key, const char *value, void *field)
{
	struct conf_listen listen = { .address = "127.0.0.1" };
	const char *colon = strrchr(value, ':');
	uint64_t port;

	if (!strcmp(value, "none")) {
		memset(field, 0, sizeof(listen));
		return 0;
	}
	if (size_parse_count(colon ? colon + 1 : value, &port))
		return -EINVAL;
	if (colon) {
		bool bracketed = value[0] == '[' && colon > value + 1 && colon[-1] == ']';
		const char *start = value + bracketed;
		size_t length = (size_t)(colon - start) - bracketed;

		if (!length || length >= sizeof(listen.address))
			return -EINVAL;
		memcpy(listen.address, start, length);
		listen.address[length] = '\0';
	}
	if (!is_loopback(listen.address) || bounded(key, port))
		return -ERANGE;
	listen.port = (uint16_t)port;
	memcpy(field, &listen, sizeof(listen));
	return 0;
}

#define DAEMON(field)  offsetof(struct conf, daemon.field)
#define METRICS(field) offsetof(struct conf, metrics.field)
#define ALARMS(field)  offsetof(struct conf, alarms.field)
#define POLICY(field)  offsetof(struct conf, policy.field)
#define MINUTE_MS      (60 * 1000)
#define HOUR_MS	       (60 * MINUTE_MS)

/* Why the defaults are what they are: aerostatd.conf(5). */
/* clang-format off: a table is read by its columns */
static const struct key keys[] = {
	{ "daemon", "connect", "qemu:///system", parse_uri, DAEMON(connect), 1, CONF_URI_LEN - 1,
	  "a libvirt URI such as qemu:///system" },
	{ "daemon", "interval", "5s", parse_ms, DAEMON(interval_ms), 200, HOUR_MS,
	  "a duration from 200ms to 1h" },
	{ "daemon", "event_gap", "200ms", parse_ms, DAEMON(event_gap_ms), 50, MINUTE_MS,
	  "a duration from 50ms to 1min" },
	{ "daemon", "stats_period", "5s", parse_seconds, DAEMON(stats_period_s), 1, 3600,
	  "a duration of whole seconds from 1s to 1h" },
	{ "daemon", "call_deadline", "5s", parse_ms, DAEMON(call_deadline_ms), 100, 10 * MINUTE_MS,
	  "a duration from 100ms to 10min" },

	{ "host", "reserve", "10%", parse_reserve, offsetof(struct conf, policy), 0,
	  RESERVE_MAX_PERMILLE,
	  "a size such as 4G, auto, or a percentage of the host's memory from 0% to 90%" },
	{ "host", "budget", "none", parse_kib_or_none, POLICY(budget_kib), MIB, SIZE_MAX_KIB,
	  "a size such as 48G, at least 1M, or none" },
	{ "host", "float", "1%", parse_permille, POLICY(float_permille), 0, 500,
	  "a percentage from 0% to 50%" },
	{ "host", "hard", "32%", parse_permille, POLICY(hard_permille), 0, 1000,
	  "a percentage from 0% to 100%" },
	{ "host", "low", "16%", parse_permille, POLICY(low_permille), 0, 1000,
	  "a percentage from 0% to 100%" },
	{ "host", "psi_limit", "10%", parse_permille, POLICY(psi_limit_permille), 1, 1000,
	  "a percentage from 0.1% to 100%" },
	{ "host", "swap_out_limit", "1M", parse_kib, POLICY(host_swap_limit_kib), 0, 64 * GIB,
	  "a size from 0 to 64G" },

	{ "policy", "stale", "20s", parse_ms, POLICY(stale_ms), 2000, 2 * HOUR_MS,
	  "a duration from 2s to 2h" },
	{ "policy", "boot_grace", "1min", parse_ms, POLICY(boot_grace_ms), 0, HOUR_MS,
	  "a duration from 0 to 1h" },
	{ "policy", "foreign_hold", "5min", parse_ms, POLICY(foreign_hold_ms), 0, 24 * HOUR_MS,
	  "a duration from 0 to 24h" },
	{ "policy", "buffer_min", "32M", parse_kib, POLICY(buffer_min_kib), 0, 64 * GIB,
	  "a size from 0 to 64G" },
	{ "policy", "headroom", "45%", parse_permille, POLICY(headroom_permille), 0, 1000,
	  "a percentage from 0% to 100%" },
	{ "policy", "demand_decay", "5%", parse_permille, POLICY(decay_permille), 1, 1000,
	  "a percentage from 0.1% to 100%" },
	{ "policy", "demand_window", "24h", parse_ms, POLICY(window_ms), HOUR_MS, 400 * HOUR_MS,
	  "a duration from 1h to 400h" },
	{ "policy", "swap_limit", "1M", parse_kib, POLICY(swap_rate_limit_kib), 0, 64 * GIB,
	  "a size from 0 to 64G" },
	{ "policy", "fault_limit", "100", parse_count, POLICY(fault_rate_limit), 0, 1000000,
	  "a number from 0 to 1000000" },
	{ "policy", "relief", "25%", parse_permille, POLICY(relief_permille), 1, 1000,
	  "a percentage from 0.1% to 100%" },
	{ "policy", "earned_half_life", "5min", parse_ms, POLICY(earned_half_ms), 1000,
	  400 * HOUR_MS, "a duration from 1s to 400h" },
	{ "policy", "idle_tax", "99%", parse_permille, POLICY(idle_tax_permille), 0, 990,
	  "a percentage from 0% to 99%" },
	{ "policy", "dead_band", "16M", parse_kib, POLICY(dead_band_kib), 0, 64 * GIB,
	  "a size from 0 to 64G" },
	{ "policy", "dead_band_share", "2%", parse_permille, POLICY(dead_band_permille), 0, 500,
	  "a percentage from 0% to 50%" },
	{ "policy", "reclaim_rate", "1%", parse_permille, POLICY(reclaim_permille), 1, 1000,
	  "a percentage from 0.1% to 100%" },
	{ "policy", "reclaim_step", "25%", parse_permille, POLICY(step_permille), 1, 1000,
	  "a percentage from 0.1% to 100%" },
	{ "policy", "turn_hold", "100s", parse_ms, POLICY(turn_hold_ms), 0, HOUR_MS,
	  "a duration from 0 to 1h" },
	{ "policy", "turn_hold_urgent", "30s", parse_ms, POLICY(turn_hold_urgent_ms), 0, HOUR_MS,
	  "a duration from 0 to 1h" },
	{ "policy", "stuck_after", "10s", parse_ms, POLICY(stuck_after_ms), 1000, HOUR_MS,
	  "a duration from 1s to 1h" },
	{ "policy", "stuck_rate", "4M", parse_kib, POLICY(stuck_rate_kib), 0, 64 * GIB,
	  "a size from 0 to 64G" },
	{ "policy", "retry", "30s", parse_ms, POLICY(retry_ms), 1000, HOUR_MS,
	  "a duration from 1s to 1h" },
	{ "policy", "retry_max", "1h", parse_ms, POLICY(retry_max_ms), 1000, 24 * HOUR_MS,
	  "a duration from 1s to 24h" },
	{ "policy", "proactive", "no", parse_flag, POLICY(proactive), 0, 1, "yes or no" },
	{ "policy", "probe_rate", "0.5%", parse_permille, POLICY(probe_permille), 1, 1000,
	  "a percentage from 0.1% to 100%" },

	{ "metrics", "listen", "none", parse_listen, METRICS(listen), 1, UINT16_MAX,
	  "a port, 127.0.0.1:PORT, [::1]:PORT or none; other hosts come through a proxy" },
	{ "metrics", "textfile", "none", parse_path_or_none, METRICS(textfile), 2,
	  CONF_PATH_LEN - 1, "the full path of a file, or none" },

	{ "alarms", "host_used", "90%", parse_permille, ALARMS(host_used_permille), 1, 1000,
	  "a percentage from 0.1% to 100%" },
	{ "alarms", "storage_latency", "20ms", parse_ms, ALARMS(storage_latency_ms), 1, MINUTE_MS,
	  "a duration from 1ms to 1min" },
	{ "alarms", "ballooned", "30%", parse_permille, ALARMS(ballooned_permille), 1, 1000,
	  "a percentage from 0.1% to 100%" },
	{ "alarms", "guest_swap", "10%", parse_permille, ALARMS(guest_swap_permille), 1, 1000,
	  "a percentage from 0.1% to 100%" },
	{ "alarms", "cpu_wait", "5%", parse_permille, ALARMS(cpu_wait_permille), 1, 100000,
	  "a percentage from 0.1%" },
	{ "alarms", "io_wait", "20%", parse_permille, ALARMS(io_wait_permille), 1, 100000,
	  "a percentage from 0.1%" },
	{ "alarms", "hold", "10min", parse_ms, ALARMS(hold_ms), 0, 24 * HOUR_MS,
	  "a duration from 0 to 24h" },
	{ "alarms", "hook", "none", parse_path_or_none, ALARMS(hook), 2, CONF_PATH_LEN - 1,
	  "the full path of a command, or none" },
};
/* clang-format on */

static const struct {
	const char *name;
	const char *standard;
} vm_defaults[] = {
	{ "reservation", "10%" }, { "limit", "100%" }, { "shares", "1000" },
	{ "buffer", "20%" },	  { "mode", "auto" },
};

#define CLASS_MATCH "match"

static const char *const sections[] = { "daemon", "host", "policy", "metrics", "alarms", "vm" };

bool conf_key(size_t index, const char **ret_section, const char **ret_key)
{
	if (index < ARRAY_SIZE(keys)) {
		*ret_section = keys[index].section;
		*ret_key = keys[index].name;
		return true;
	}
	index -= ARRAY_SIZE(keys);
	if (tune_key(index)) {
		*ret_section = "vm";
		*ret_key = tune_key(index);
		return true;
	}
	if (index && tune_key(index - 1)) {
		*ret_section = "class";
		*ret_key = CLASS_MATCH;
		return true;
	}
	return false;
}

/* A default the table itself refuses is a bug that must not pass for a setting. */
void keys_set_defaults(struct conf *conf)
{
	const char *expected;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].parse(&keys[i], keys[i].standard, (char *)conf + keys[i].offset))
			abort();
	for (size_t i = 0; i < ARRAY_SIZE(vm_defaults); i++)
		if (tune_set(&conf->vm, vm_defaults[i].name, vm_defaults[i].standard, &expected))
			abort();
}

/* Letters to insert, delete or replace to get from one word to the other (Levenshtein). */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[HINT_WORD_LEN + 1];
	size_t length_a = strlen(a), length_b = strlen(b);

	if (length_a > HINT_WORD_LEN || length_b > HINT_WORD_LEN)
		return SIZE_MAX;
	for (size_t j = 0; j <= length_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= length_a; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length_b; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[length_b];
}

static void unknown_section(const char *section, struct conf_error *ret_error)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		if (edit_distance(section, sections[i]) <= HINT_DISTANCE_MAX) {
			snprintf(ret_error->text, sizeof(ret_error->text),
				 "unknown section [%s]; did you mean [%s]?", section, sections[i]);
			return;
		}
	}
	snprintf(ret_error->text, sizeof(ret_error->text),
		 "unknown section [%s]; expected [daemon], [host], [policy], "
		 "[metrics], [alarms], [vm] or [class NAME]",
		 section);
}

/* Name the key that was probably meant: the same one elsewhere, or a near one in this section. */
static void unknown_key(const char *section, const char *name, struct conf_error *ret_error)
{
	bool in_class = !strncmp(section, CLASS_PREFIX, strlen(CLASS_PREFIX));
	const char *key_section, *key, *nearest = NULL;
	size_t nearest_distance = HINT_DISTANCE_MAX + 1;

	for (size_t i = 0; conf_key(i, &key_section, &key); i++) {
		bool here =
			!strcmp(section, key_section) ||
			(in_class && (!strcmp(key_section, "vm") || !strcmp(key_section, "class")));
		size_t distance = edit_distance(name, key);

		if (!here && distance == 0) {
			snprintf(ret_error->text, sizeof(ret_error->text),
				 "%s.%s: unknown key; it belongs in [%s%s]", section, name,
				 key_section, !strcmp(key_section, "class") ? " NAME" : "");
			return;
		}
		if (here && distance < nearest_distance) {
			nearest_distance = distance;
			nearest = key;
		}
	}
	if (nearest)
		snprintf(ret_error->text, sizeof(ret_error->text),
			 "%s.%s: unknown key; did you mean %s?", section, name, nearest);
	else
		snprintf(ret_error->text, sizeof(ret_error->text), "%s.%s: unknown key", section,
			 name);
}

static void bad_value(const char *section, const char *name, const char *value, int why,
		      const char *expected, struct conf_error *ret_error)
{
	snprintf(ret_error->text, sizeof(ret_error->text), "%s.%s: \"%s\" is %s; expected %s",
		 section, name, value, why == -ERANGE ? "out of bounds" : "not understood",
		 expected);
}

static struct conf_class *find_class(struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_classes; i++)
		if (!strcmp(conf->classes[i].name, name))
			return &conf->classes[i];
	return NULL;
}

/* The name in "class NAME"; NULL when the section is not a class's. */
static const char *class_name(const char *section)
{
	if (strncmp(section, CLASS_PREFIX, strlen(CLASS_PREFIX)) != 0)
		return NULL;
	section += strlen(CLASS_PREFIX);
	return section + strspn(section, " \t");
}

int keys_begin_section(struct conf *conf, const char *section, struct conf_error *ret_error)
{
	const char *name = class_name(section);
	struct conf_class *classes;

	if (!name) {
		for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
			if (!strcmp(section, sections[i]))
				return 0;
		unknown_section(section, ret_error);
		return -EINVAL;
	}
	if (!tune_class_name_valid(name)) {
		snprintf(ret_error->text, sizeof(ret_error->text),
			 "\"%s\" cannot name a class; expected up to %d letters, digits, "
			 "'.', '_' and '-'",
			 name, CONF_CLASS_NAME_LEN - 1);
		return -EINVAL;
	}
	if (find_class(conf, name))
		return 0;
	classes = reallocarray(conf->classes, conf->n_classes + 1, sizeof(*classes));
	if (!classes)
		return -ENOMEM;
	conf->classes = classes;
	memset(&classes[conf->n_classes], 0, sizeof(*classes));
	memcpy(classes[conf->n_classes].name, name, strlen(name) + 1);
	conf->n_classes++;
	return 0;
}

static int set_tune(struct vm_tune *tune, const char *section, const char *name, const char *value,
		    struct conf_error *ret_error)
{
	const char *expected;
	int ret;

	ret = tune_set(tune, name, value, &expected);
	if (ret == -ENOENT)
		unknown_key(section, name, ret_error);
	else if (ret)
		bad_value(section, name, value, ret, expected, ret_error);
	return ret ? -EINVAL : 0;
}

int keys_set(struct conf *conf, const char *section, const char *name, const char *value,
	     struct conf_error *ret_error)
{
	struct conf_class *class = class_name(section) ? find_class(conf, class_name(section))
						       : NULL;

	if (class && !strcmp(name, CLASS_MATCH)) {
		size_t length = strlen(value);

		if (!length || length >= sizeof(class->match)) {
			bad_value(section, name, value, length ? -ERANGE : -EINVAL,
				  "patterns such as web-* separated by blanks", ret_error);
			return -EINVAL;
		}
		memcpy(class->match, value, length + 1);
		return 0;
	}
	if (class)
		return set_tune(&class->tune, section, name, value, ret_error);
	if (!strcmp(section, "vm"))
		return set_tune(&conf->vm, section, name, value, ret_error);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct key *key = &keys[i];
		int ret;

		if (strcmp(key->section, section) != 0 || strcmp(key->name, name) != 0)
			continue;
		ret = key->parse(key, value, (char *)conf + key->offset);
		if (ret)
			bad_value(section, name, value, ret, key->expected, ret_error);
		return ret ? -EINVAL : 0;
	}
	unknown_key(section, name, ret_error);
	return -EINVAL;
}
