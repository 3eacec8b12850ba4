// SPDX-License-Identifier: GPL-2.0
/* A VM's settings from the layers: built in, [vm], class, metadata. */
#include "cmocka_test.h"

#include <errno.h>

#include "conf/conf.h"
#include "conf/metadata.h"
#include "scratch_dir.h"

static struct conf *load_text(void **state, const char *text)
{
	struct conf *conf = NULL;
	struct conf_error error = { "" };

	if (conf_load(scratch_write(*state, "aerostatd.conf", text), &conf, &error))
		fail_msg("%s", error.text);
	return conf;
}

static struct vm_tune metadata(const char *xml)
{
	struct vm_tune tune;
	struct conf_error error = { "" };

	if (metadata_parse(xml, &tune, &error))
		fail_msg("%s", error.text);
	return tune;
}

static struct vm_settings settings(const struct conf *conf, const char *name,
				   const struct vm_tune *tune)
{
	struct vm_settings settings;
	struct conf_error error = { "" };

	if (conf_vm_settings(conf, name, tune, &settings, &error))
		fail_msg("%s", error.text);
	return settings;
}

static void test_defaults(void **state)
{
	struct conf *conf = conf_new_default();
	struct vm_settings vm = settings(conf, "any", NULL);

	(void)state;
	assert_false(vm.reservation_kib.known);
	assert_eq(vm.reservation_permille, 100);
	assert_false(vm.limit_kib.known);
	assert_eq(vm.limit_permille, 1000);
	assert_eq(vm.shares, 1000);
	assert_eq(vm.buffer_permille, 200);
	assert_int_equal(vm.mode, VM_MODE_AUTO);
	conf_free(conf);
}

static const char three_layers[] = "[vm]\n"
				   "shares = 10\n"
				   "buffer = 10%\n"
				   "[class web]\n"
				   "match = web-*  front-?\n"
				   "shares = 20\n"
				   "reservation = 10%\n"
				   "[class late]\n"
				   "match = *\n"
				   "shares = 30\n"
				   "[class named]\n"
				   "shares = 40\n"
				   "reservation = 1G\n";

static void test_layers(void **state)
{
	struct conf *conf = load_text(state, three_layers);
	struct vm_tune tune = metadata("<tune shares='99'/>");
	struct vm_settings vm = settings(conf, "web-1", &tune);

	assert_eq(vm.shares, 99); /* metadata */
	assert_eq(vm.reservation_permille, 100); /* class */
	assert_eq(vm.buffer_permille, 100); /* [vm] */
	assert_eq(vm.limit_permille, 1000); /* built in */
	conf_free(conf);
}

static void test_classes(void **state)
{
	struct conf *conf = load_text(state, three_layers);
	struct vm_tune named = metadata("<tune class='named'/>");

	assert_eq(settings(conf, "web-1", NULL).shares, 20);
	assert_eq(settings(conf, "front-1", NULL).shares, 20);
	assert_eq(settings(conf, "front-12", NULL).shares, 30);
	assert_string_equal(conf_vm_class(conf, "web-1", NULL), "web");
	assert_string_equal(conf_vm_class(conf, "xweb-1", NULL), "late");
	/* What the metadata names counts before any pattern, and takes nothing from the other. */
	assert_string_equal(conf_vm_class(conf, "web-1", &named), "named");
	assert_eq(settings(conf, "web-1", &named).shares, 40);
	assert_eq(opt_or(settings(conf, "web-1", &named).reservation_kib, 0), 1024 * 1024);
	conf_free(conf);
	conf = load_text(state, "[class never]\nmatch = x\n");
	assert_null(conf_vm_class(conf, "web-1", NULL));
	conf_free(conf);
}

static void test_failures_keep_settings(void **state)
{
	struct conf *conf = load_text(state, "[class small]\nmatch = s*\nlimit = 1G\n");
	struct vm_tune tune = metadata("<tune class='none-such'/>");
	struct vm_settings vm = { .shares = 77 };
	struct conf_error error;

	assert_int_equal(conf_vm_settings(conf, "a", &tune, &vm, &error), -ENOENT);
	assert_contains(error.text, "class: no class \"none-such\"");
	tune = metadata("<tune reservation='2G'/>");
	assert_int_equal(conf_vm_settings(conf, "s1", &tune, &vm, &error), -ERANGE);
	assert_contains(error.text, "reservation: above the limit");
	assert_contains(error.text, "class small");
	assert_eq(vm.shares, 77);
	conf_free(conf);
}

int main(void)
{
#define WITH_SCRATCH(test) cmocka_unit_test_setup_teardown(test, scratch_setup, scratch_teardown)
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		WITH_SCRATCH(test_layers),
		WITH_SCRATCH(test_classes),
		WITH_SCRATCH(test_failures_keep_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
