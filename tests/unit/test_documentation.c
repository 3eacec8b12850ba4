// SPDX-License-Identifier: GPL-2.0
/*
 * Tables of the code against the references for people, both ways: keys of the configuration against
 * the default file, whose commented values are the built-in defaults, and their page; metrics and
 * reasons against theirs. What is no table is compared by scripts/check-documents.
 */
#include "cmocka_test.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "conf/metadata.h"
#include "policy/reason.h"
#include "publish/metrics.h"
#include "scratch_dir.h"

#define CONF_FILE    TEST_TOP "/hostd/data/aerostatd.conf"
#define MAN_FILE     TEST_TOP "/hostd/data/aerostatd.conf.5"
#define METRICS_FILE TEST_TOP "/hostd/data/aerostat-metrics.7"
#define TOOL_FILE    TEST_TOP "/hostd/data/aerostatctl.1"

static char *read_whole(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!file)
		fail_msg("cannot open %s", path);
	/* Up to the end: there is no NUL in it. */
	if (getdelim(&text, &size, '\0', file) < 0)
		fail_msg("cannot read %s", path);
	fclose(file);
	return text;
}

/* True for "#key = value" and "#[section]", which have no blank after the sign; prose has. */
static bool is_commented_setting(const char *line)
{
	return line[0] == '#' && (islower((unsigned char)line[1]) || line[1] == '[');
}

/* The default file, with what is commented put into force: at most up to the example classes. */
static char *put_into_force(bool with_classes)
{
	char *text = read_whole(CONF_FILE);

	for (char *line = text; *line;) {
		char *end = line + strcspn(line, "\n");

		if (!with_classes && !strncmp(line, "#[class", 7)) {
			*line = '\0';
			break;
		}
		if (is_commented_setting(line))
			*line = ' ';
		line = end + (*end == '\n');
	}
	return text;
}

static struct conf *load_text(void **state, const char *text)
{
	struct conf *conf = NULL;
	struct conf_error error = { "" };

	if (conf_load(scratch_write(*state, "aerostatd.conf", text), &conf, &error))
		fail_msg("%s", error.text);
	return conf;
}

static void assert_same_opt(struct opt_u64 a, struct opt_u64 b)
{
	assert_int_equal(a.known, b.known);
	assert_eq(opt_or(a, 0), opt_or(b, 0));
}

static void assert_same_amount(struct amount a, struct amount b)
{
	assert_int_equal(a.unit, b.unit);
	assert_eq(a.value, b.value);
}

static void assert_same_conf(const struct conf *a, const struct conf *b)
{
#define SAME(field) assert_eq(a->field, b->field)
	assert_string_equal(a->daemon.connect, b->daemon.connect);
	SAME(daemon.interval_ms);
	SAME(daemon.event_gap_ms);
	SAME(daemon.stats_period_s);
	SAME(daemon.call_deadline_ms);
	SAME(metrics.listen.port);
	assert_string_equal(a->metrics.listen.address, b->metrics.listen.address);
	assert_string_equal(a->metrics.textfile, b->metrics.textfile);
	SAME(alarms.host_used_permille);
	SAME(alarms.storage_latency_ms);
	SAME(alarms.ballooned_permille);
	SAME(alarms.guest_swap_permille);
	SAME(alarms.cpu_wait_permille);
	SAME(alarms.io_wait_permille);
	SAME(alarms.hold_ms);
	assert_string_equal(a->alarms.hook, b->alarms.hook);
	assert_same_opt(a->policy.reserve_kib, b->policy.reserve_kib);
	assert_same_opt(a->policy.reserve_permille, b->policy.reserve_permille);
	assert_same_opt(a->policy.budget_kib, b->policy.budget_kib);
	SAME(policy.float_permille);
	SAME(policy.hard_permille);
	SAME(policy.low_permille);
	SAME(policy.psi_limit_permille);
	SAME(policy.host_swap_limit_kib);
	SAME(policy.stale_ms);
	SAME(policy.boot_grace_ms);
	SAME(policy.foreign_hold_ms);
	SAME(policy.buffer_min_kib);
	SAME(policy.headroom_permille);
	SAME(policy.decay_permille);
	SAME(policy.window_ms);
	SAME(policy.swap_rate_limit_kib);
	SAME(policy.fault_rate_limit);
	SAME(policy.relief_permille);
	SAME(policy.earned_half_ms);
	SAME(policy.idle_tax_permille);
	SAME(policy.dead_band_kib);
	SAME(policy.dead_band_permille);
	SAME(policy.reclaim_permille);
	SAME(policy.step_permille);
	SAME(policy.turn_hold_ms);
	SAME(policy.turn_hold_urgent_ms);
	SAME(policy.stuck_after_ms);
	SAME(policy.stuck_rate_kib);
	SAME(policy.retry_ms);
	SAME(policy.retry_max_ms);
	SAME(policy.proactive);
	SAME(policy.probe_permille);
	assert_same_amount(a->vm.reservation, b->vm.reservation);
	assert_same_amount(a->vm.limit, b->vm.limit);
	assert_same_opt(a->vm.shares, b->vm.shares);
	assert_same_opt(a->vm.buffer_permille, b->vm.buffer_permille);
	assert_same_opt(a->vm.mode, b->vm.mode);
	assert_eq(a->n_classes, b->n_classes);
#undef SAME
}

/* As it is installed it changes nothing; with the comments taken away it changes nothing either. */
static void test_file_has_the_defaults(void **state)
{
	struct conf *defaults = conf_new_default();
	char *texts[] = { read_whole(CONF_FILE), put_into_force(false) };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct conf *conf = load_text(state, texts[i]);

		assert_same_conf(conf, defaults);
		conf_free(conf);
		free(texts[i]);
	}
	conf_free(defaults);
}

static void test_examples_in_file_are_right(void **state)
{
	char *text = put_into_force(true);
	struct conf *conf = load_text(state, text);

	assert_true(conf->n_classes >= 2);
	assert_non_null(conf_vm_class(conf, "db-1", NULL));
	conf_free(conf);
	free(text);
}

/* Where `section` begins and ends in the file or the page; `heading` opens each section. */
static char *section_of(const char *text, const char *heading, const char *next)
{
	const char *start = strstr(text, heading);
	const char *end;

	if (!start)
		fail_msg("no %s", heading);
	start += strlen(heading);
	end = strstr(start, next);
	return end ? strndup(start, (size_t)(end - start)) : strdup(start);
}

static void test_every_key_is_in_the_file(void **state)
{
	char *file = read_whole(CONF_FILE);
	const char *section, *key;
	char wanted[80];

	(void)state;
	for (size_t i = 0; conf_key(i, &section, &key); i++) {
		char *part;

		snprintf(wanted, sizeof(wanted), "%s[%s%s", strcmp(section, "class") ? "\n" : "#",
			 section, strcmp(section, "class") ? "]\n" : " ");
		part = section_of(file, wanted, "\n[");
		snprintf(wanted, sizeof(wanted), "\n#%s = ", key);
		assert_contains(part, wanted);
		free(part);
	}
	free(file);
}

/* The page has each key in its section, in bold, with the default the file has. */
static void test_every_key_is_in_the_page(void **state)
{
	char *page = read_whole(MAN_FILE), *file = read_whole(CONF_FILE);
	const char *section, *key;
	char wanted[80];

	(void)state;
	for (size_t i = 0; conf_key(i, &section, &key); i++) {
		bool in_class = !strcmp(section, "class");
		char heading[32], value[40] = "";
		const char *line;
		char *part;

		snprintf(heading, sizeof(heading), "\n.SH [%s", section);
		for (char *c = heading + 5; *c; c++)
			*c = (char)toupper((unsigned char)*c);
		part = section_of(page, heading, "\n.SH ");
		if (in_class) {
			snprintf(wanted, sizeof(wanted), "\n.B %s\n", key);
		} else {
			snprintf(wanted, sizeof(wanted), "\n#%s = ", key);
			line = strstr(file, wanted);
			assert_non_null(line);
			assert_int_equal(sscanf(line + strlen(wanted), "%39s", value), 1);
			snprintf(wanted, sizeof(wanted), "\n.BR %s \" = \" %s\n", key, value);
		}
		assert_contains(part, wanted);
		free(part);
	}
	assert_contains(page, METADATA_NAMESPACE);
	free(page);
	free(file);
}

static void test_every_metric_is_in_the_page(void **state)
{
	char *page = read_whole(METRICS_FILE);
	const char *name, *type, *help;

	(void)state;
	for (size_t i = 0; metrics_family(i, &name, &type, &help); i++) {
		char *wanted;

		if (asprintf(&wanted, "\n.BR aerostat_%s \" (%s)\"\n%s\n", name, type, help) < 0)
			fail();
		assert_contains(page, wanted);
		free(wanted);
	}
	free(page);
}

/* How many lines of `text` begin so; *ret_first: what follows on line `index` of them. */
static size_t lines_with(const char *text, const char *begin, size_t index, char ret_first[80])
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, begin)); at += strlen(begin))
		if (n++ == index && ret_first)
			sscanf(at + strlen(begin), "%79s", ret_first);
	return n;
}

static bool is_key(const char *name)
{
	const char *section, *key;

	for (size_t i = 0; conf_key(i, &section, &key); i++)
		if (!strcmp(key, name))
			return true;
	return false;
}

/* What was renamed or taken away is in no reference any more. */
static void test_page_has_no_other_keys(void **state)
{
	static const char begin[] = "\n.TP\n.BR ";
	char *page = read_whole(MAN_FILE),
	     *keys = section_of(page, "\n.SH [DAEMON]", "\n.SH [CLASS");
	size_t n = lines_with(keys, begin, 0, NULL);

	(void)state;
	assert_true(n > 30);
	for (size_t i = 0; i < n; i++) {
		char name[80] = "";

		lines_with(keys, begin, i, name);
		if (!is_key(name))
			fail_msg("%s is documented, but there is no such key", name);
	}
	free(keys);
	free(page);
}

static bool is_metric(const char *name)
{
	const char *family, *type, *help;

	for (size_t i = 0; metrics_family(i, &family, &type, &help); i++)
		if (!strcmp(family, name))
			return true;
	return false;
}

static void test_page_has_no_other_metrics(void **state)
{
	static const char begin[] = "\n.BR aerostat_";
	char *page = read_whole(METRICS_FILE);
	size_t n = lines_with(page, begin, 0, NULL);

	(void)state;
	assert_true(n > 30);
	for (size_t i = 0; i < n; i++) {
		char name[80] = "";

		lines_with(page, begin, i, name);
		if (!is_metric(name))
			fail_msg("%s is documented, but there is no such metric", name);
	}
	free(page);
}

/* "dead-band" as troff wants it: "dead\\-band". */
static void escape(const char *name, char escaped[80])
{
	size_t n = 0;

	for (; *name && n < 78; name++) {
		if (*name == '-')
			escaped[n++] = '\\';
		escaped[n++] = *name;
	}
	escaped[n] = '\0';
}

static void test_every_reason_is_in_the_page(void **state)
{
	char *page = read_whole(TOOL_FILE), *part = section_of(page, "\n.SH REASONS", "\n.SH ");

	(void)state;
	for (int i = 0; i < REASON_COUNT_; i++) {
		char name[80], wanted[256];

		escape(reason_to_string((enum reason)i), name);
		snprintf(wanted, sizeof(wanted), "\n.TP\n.B %s\n%s\n", name,
			 reason_to_sentence((enum reason)i));
		assert_contains(page, wanted);
	}
	assert_eq(lines_with(part, "\n.TP\n", 0, NULL), REASON_COUNT_);
	free(part);
	free(page);
}

int main(void)
{
#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
	static const struct CMUnitTest tests[] = {
		WITH_SCRATCH(test_file_has_the_defaults),
		WITH_SCRATCH(test_examples_in_file_are_right),
		cmocka_unit_test(test_every_key_is_in_the_file),
		cmocka_unit_test(test_every_key_is_in_the_page),
		cmocka_unit_test(test_every_metric_is_in_the_page),
		cmocka_unit_test(test_page_has_no_other_keys),
		cmocka_unit_test(test_page_has_no_other_metrics),
		cmocka_unit_test(test_every_reason_is_in_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
