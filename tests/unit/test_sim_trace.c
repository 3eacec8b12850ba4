// SPDX-License-Identifier: GPL-2.0
/* The trace reader: what it takes, and that it says where what it does not take stands. */
#include "cmocka_test.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/rng.h"
#include "sim/trace.h"

static int read_bytes(const char *bytes, size_t length, struct trace **ret_trace,
		      struct sim_error *ret_error)
{
	FILE *from = fmemopen((char *)bytes, length, "r");
	int ret;

	assert_non_null(from);
	ret = trace_read(from, "t", ret_trace, ret_error);
	fclose(from);
	return ret;
}

static void test_good(void **state)
{
	static const char text[] = "# vm,provisioned_mib, ...\n\nvm1,8192,100,,20.5\r\n"
				   "a b,1,0\n";
	struct sim_error error;
	struct trace *trace;

	(void)state;
	assert_int_equal(read_bytes(text, strlen(text), &trace, &error), 0);
	assert_int_equal(trace->n_vms, 2);
	assert_string_equal(trace->vms[0].id, "vm1");
	assert_true(trace->vms[0].provisioned_mib == 8192);
	assert_int_equal(trace->vms[0].n_samples, 3);
	assert_int_equal(trace->vms[0].step_s, 300);
	assert_true(trace->vms[0].used_mib[0] == 100);
	assert_true(isnan(trace->vms[0].used_mib[1]));
	assert_true(trace->vms[0].used_mib[2] == 20.5F);
	assert_string_equal(trace->vms[1].id, "a b");
	assert_int_equal(trace_duration_s(trace), 900);
	trace_free(trace);
}

static void test_no_newline_at_the_end(void **state)
{
	struct sim_error error;
	struct trace *trace;

	(void)state;
	assert_int_equal(read_bytes("v,64,1,2", 8, &trace, &error), 0);
	assert_int_equal(trace->vms[0].n_samples, 2);
	trace_free(trace);
}

static const struct {
	const char *text;
	const char *where; /* and what */
} bad[] = {
	{ "\n", "no VM in it" },
	{ "vm1\n", "t:1: value 1: a line is" },
	{ "vm1,64\n", "t:1: value 2: a line is" },
	{ ",64,1\n", "t:1: value 1: the VM's name" },
	{ "vm1,0,1\n", "t:1: value 2: a VM has at least" },
	{ "vm1,,1\n", "t:1: value 2: \"\" is no number" },
	{ "vm1,64,1\nvm2,64,1,x\n", "t:2: value 4: \"x\" is no number" },
	{ "vm1,64,-1\n", "t:1: value 3: \"-1\" is no number" },
	{ "vm1,64,nan\n", "t:1: value 3: \"nan\" is no number" },
	{ "vm1,64,inf\n", "t:1: value 3: \"inf\"" },
	{ "vm1,64,0x10\n", "t:1: value 3: \"0x10\"" },
	{ "vm1,64,1e9\n", "t:1: value 3: \"1e9\"" },
	{ "vm1,64, 1\n", "t:1: value 3: \" 1\"" },
	{ "vm1,64,.5\n", "t:1: value 3: \".5\"" },
	{ "vm1,99999999999,1\n", "t:1: value 2: 99999999999 MiB is more" },
	{ "vm1,64,99999999999\n", "t:1: value 3: 99999999999 MiB is more" },
	{ "a\033b,64,1\n", "control characters" },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,64,1\n",
	  "of 1 to 63 characters" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sim_error error = { .text = "" };
		struct trace *trace;

		assert_int_equal(read_bytes(bad[i].text, strlen(bad[i].text), &trace, &error),
				 -EINVAL);
		if (!strstr(error.text, bad[i].where))
			fail_msg("\"%s\" says: %s", bad[i].text, error.text);
	}
}

static void test_compressed(void **state)
{
	static const char bytes[] = "\xfd"
				    "7zXZ\0\0\x04";
	struct sim_error error;
	struct trace *trace;

	(void)state;
	assert_int_equal(read_bytes(bytes, sizeof(bytes) - 1, &trace, &error), -EINVAL);
	assert_non_null(strstr(error.text, "compressed"));
}

/* Whatever the bytes, it is a trace or an error; sanitizers watch. */
static void test_garbage(void **state)
{
	static const char alphabet[] = "0123456789,,,,\n\n.vm#-e\r\"";
	struct rng rng;
	unsigned int good = 0;

	(void)state;
	rng_init(&rng, 1, RNG_TEST, 0);
	for (int i = 0; i < 20000; i++) {
		char text[64];
		size_t length = 1 + rng_below(&rng, sizeof(text) - 1);
		struct sim_error error;
		struct trace *trace;
		int ret;

		for (size_t c = 0; c < length; c++)
			text[c] = rng_below(&rng, 40)
					  ? alphabet[rng_below(&rng, sizeof(alphabet) - 1)]
					  : (char)rng_below(&rng, 256);
		ret = read_bytes(text, length, &trace, &error);
		if (ret) {
			assert_int_equal(ret, -EINVAL);
			continue;
		}
		good++;
		assert_true(trace->n_vms > 0);
		trace_free(trace);
	}
	assert_true(good > 20);
}

/* The algorithms are published with these numbers; another machine has to get the same. */
static void test_random_numbers(void **state)
{
	static const uint64_t published[] = {
		11520,
		0,
		1509978240,
		1215971899390074240,
		1216172134540287360,
		607988272756665600,
		16172922978634559625U,
		8476171486693032832,
		10595114339597558777U,
		2904607092377533576,
	};
	struct rng a, b;
	double sum = 0;

	(void)state;
	rng_init(&a, 1, RNG_BURSTS, 7);
	rng_init(&b, 1, RNG_BURSTS, 7);
	for (int i = 0; i < 100; i++)
		assert_true(rng_u64(&a) == rng_u64(&b));
	rng_init(&b, 1, RNG_BURSTS, 8);
	assert_true(rng_u64(&a) != rng_u64(&b));
	a = (struct rng){ { 1, 2, 3, 4 } };
	for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		assert_true(rng_u64(&a) == published[i]);
	for (int i = 0; i < 100000; i++) {
		double gap = rng_exponential(&a, 50);

		assert_true(gap >= 0);
		assert_true(rng_below(&a, 3) < 3);
		sum += gap;
	}
	assert_true(fabs(sum / 100000 - 50) < 1);
	assert_int_equal(rng_below(&a, 0), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	cmocka_unit_test(test_no_newline_at_the_end),
		cmocka_unit_test(test_bad),	cmocka_unit_test(test_compressed),
		cmocka_unit_test(test_garbage), cmocka_unit_test(test_random_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
