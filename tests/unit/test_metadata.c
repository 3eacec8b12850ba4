// SPDX-License-Identifier: GPL-2.0
/* Per-VM settings from metadata: forms that are taken, and hostile documents. */
#include "cmocka_test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/metadata.h"

#define OURS "xmlns='" METADATA_NAMESPACE "'"

static struct vm_tune parse(const char *xml)
{
	struct vm_tune tune;
	struct conf_error error = { "" };

	memset(&tune, 0xa5, sizeof(tune));
	if (metadata_parse(xml, &tune, &error))
		fail_msg("%s", error.text);
	return tune;
}

static void assert_nothing_set(const char *xml)
{
	struct vm_tune tune = parse(xml);

	assert_string_equal(tune.class_name, "");
	assert_int_equal(tune.reservation.unit, AMOUNT_UNSET);
	assert_int_equal(tune.limit.unit, AMOUNT_UNSET);
	assert_false(tune.shares.known);
	assert_false(tune.buffer_permille.known);
	assert_false(tune.mode.known);
}

static void refuse(const char *xml, int expected_errno, const char *what)
{
	struct vm_tune tune = { .class_name = "kept" };
	struct conf_error error = { "" };

	assert_int_equal(metadata_parse(xml, &tune, &error), expected_errno);
	assert_contains(error.text, what);
	assert_string_equal(tune.class_name, "kept");
	assert_false(tune.shares.known);
}

static void test_all_attributes(void **state)
{
	struct vm_tune tune = parse("<tune " OURS " class='batch' reservation='512M' limit='75%'"
				    " shares='500' buffer='10%' mode='observe'/>");

	(void)state;
	assert_string_equal(tune.class_name, "batch");
	assert_int_equal(tune.reservation.unit, AMOUNT_KIB);
	assert_eq(tune.reservation.value, 512 * 1024);
	assert_int_equal(tune.limit.unit, AMOUNT_PERMILLE);
	assert_eq(tune.limit.value, 750);
	assert_eq(opt_or(tune.shares, 0), 500);
	assert_eq(opt_or(tune.buffer_permille, 0), 100);
	assert_eq(opt_or(tune.mode, 99), VM_MODE_OBSERVE);
}

/* As libvirt returns it, and as it stands in a domain under whatever prefix. */
static void test_forms(void **state)
{
	(void)state;
	assert_eq(opt_or(parse("<tune shares='5'/>").shares, 0), 5);
	assert_eq(opt_or(parse("<a:tune xmlns:a='" METADATA_NAMESPACE "' shares='5'/>").shares, 0),
		  5);
	assert_eq(opt_or(parse("<?xml version='1.0'?>\n<!-- c --><tune shares='5'>\n <!-- c -->\n"
			       "</tune>")
				 .shares,
			 0),
		  5);
	assert_eq(opt_or(parse("<domain type='kvm'><name>tune</name><metadata>"
			       "<o:tune xmlns:o='urn:other' shares='6' strange=''/>"
			       "<x:tune xmlns:x='" METADATA_NAMESPACE "' shares='5'/>"
			       "</metadata></domain>")
				 .shares,
			 0),
		  5);
}

static void test_nothing_set(void **state)
{
	(void)state;
	assert_nothing_set(NULL);
	assert_nothing_set("<tune/>");
	assert_nothing_set("<domain><name>a</name></domain>");
	assert_nothing_set("<domain><metadata/></domain>");
	/* Not in metadata, or not ours: somebody else's. */
	assert_nothing_set("<domain><tune " OURS " shares='5'/></domain>");
	assert_nothing_set("<domain><metadata><tune shares='5'/></metadata></domain>");
}

static void test_refused(void **state)
{
	(void)state;
	refuse("", -EINVAL, "not well-formed");
	refuse("tune", -EINVAL, "not well-formed");
	refuse("<tune shares='5'>", -EINVAL, "not well-formed");
	refuse("<tune shares='5' shares='6'/>", -EINVAL, "not well-formed");
	refuse("<other/>", -EINVAL, "not the element tune");
	refuse("<tune xmlns='urn:other' shares='5'/>", -EINVAL, "not the element tune");
	refuse("<tune share='5'/>", -EINVAL, "share: unknown attribute; known are class, reserv");
	refuse("<tune xmlns:x='urn:x' x:shares='5'/>", -EINVAL, "shares: unknown attribute");
	refuse("<tune shares='five'/>", -EINVAL, "shares: \"five\" is not understood; expected");
	refuse("<tune shares='0'/>", -EINVAL, "shares: \"0\" is out of bounds");
	refuse("<tune reservation='512'/>", -EINVAL, "reservation: ");
	refuse("<tune mode=''/>", -EINVAL, "mode: \"\" is not understood; expected auto");
	refuse("<tune class='a b'/>", -EINVAL, "class: ");
	refuse("<tune class='aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'/>", -EINVAL, "class: ");
	refuse("<tune>text</tune>", -EINVAL, "nothing inside");
	refuse("<tune><shares>5</shares></tune>", -EINVAL, "nothing inside");
	/* The good attribute before the bad one is not taken either. */
	refuse("<tune shares='5' mode='bad'/>", -EINVAL, "mode: ");
}

/* Documents that would have the parser open files, or grow without end. */
static void test_hostile(void **state)
{
	char *big = malloc(METADATA_MAX_BYTES + 2);
	struct vm_tune tune;
	struct conf_error error;

	(void)state;
	assert_non_null(big);
	memset(big, ' ', METADATA_MAX_BYTES + 1);
	big[METADATA_MAX_BYTES + 1] = '\0';
	refuse(big, -E2BIG, "longer than");
	memset(big, 'x', METADATA_MAX_BYTES);
	memcpy(big, "<tune class='", 13);
	memcpy(big + METADATA_MAX_BYTES - 3, "'/>", 4);
	refuse(big, -EINVAL, "class: ");
	for (size_t i = 0; i < 100000; i++)
		memcpy(big + 3 * i, "<a>", 3);
	big[300000] = '\0';
	refuse(big, -EINVAL, "not well-formed");
	free(big);
	refuse("<!DOCTYPE tune [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><tune>&e;</tune>", -EINVAL,
	       "nothing inside");
	refuse("<!DOCTYPE tune [<!ENTITY e '5'>]><tune shares='&e;'/>", -EINVAL, "shares: ");
	refuse("<!DOCTYPE tune [<!ENTITY a '5'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
	       "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>"
	       "<!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;'>]><tune shares='&e;'/>",
	       -EINVAL, "");
	/* A default from a document type is no attribute that anybody wrote, but not harmful. */
	if (!metadata_parse("<!DOCTYPE tune [<!ATTLIST tune shares CDATA '7'>]><tune/>", &tune,
			    &error))
		assert_false(tune.shares.known);
}

/* Every prefix of a good document, and each with one byte changed: no fall, no half result. */
static void test_damaged(void **state)
{
	static const char good[] = "<domain><metadata><a:tune xmlns:a='" METADATA_NAMESPACE
				   "' class='b' limit='7%' shares='&#53;'/></metadata></domain>";
	char text[sizeof(good)];
	struct vm_tune tune;
	struct conf_error error;

	(void)state;
	assert_eq(opt_or(parse(good).shares, 0), 5);
	for (size_t i = 0; i < sizeof(good) - 1; i++) {
		memcpy(text, good, sizeof(good));
		text[i] = '\0';
		assert_int_equal(metadata_parse(text, &tune, &error), -EINVAL);
		for (int byte = 1; byte < 256; byte += 7) {
			memcpy(text, good, sizeof(good));
			text[i] = (char)byte;
			metadata_parse(text, &tune, &error);
		}
	}
}

/* What `xml` becomes with these changes; NULL: it is refused. To be freed. */
static char *change(const char *xml, const struct tune_change *changes, size_t n,
		    struct conf_error *ret_error)
{
	char *after = NULL;

	return metadata_change(xml, changes, n, &after, ret_error) ? NULL : after;
}

static void test_changes_keep_the_rest(void **state)
{
	const struct tune_change changes[] = { { "limit", "2G" }, { "shares", "" } };
	struct conf_error error = { "" };
	struct vm_tune tune;
	char *after;

	(void)state;
	after = change("<tune " OURS " reservation='1.5G' shares='7' class='batch'/>", changes, 2,
		       &error);
	assert_non_null(after);
	tune = parse(after);
	assert_string_equal(tune.class_name, "batch");
	assert_eq(tune.reservation.value, 1536 * 1024);
	assert_eq(tune.limit.value, 2048 * 1024);
	assert_false(tune.shares.known);
	/* As its owner wrote it. */
	assert_contains(after, "1.5G");
	free(after);
}

static void test_changes_of_nothing(void **state)
{
	const struct tune_change one = { "mode", "off" }, none = { "mode", "" };
	struct conf_error error = { "" };
	char *after = change(NULL, &one, 1, &error), *again;

	(void)state;
	assert_non_null(after);
	assert_eq(opt_or(parse(after).mode, 0), VM_MODE_OFF);
	again = change(after, &none, 1, &error);
	assert_non_null(again);
	assert_nothing_set(again);
	free(after);
	free(again);
}

/* A value is a value, whatever is in it: it cannot become an attribute or an element. */
static void test_changes_that_are_refused(void **state)
{
	static const struct tune_change bad[] = {
		{ "limit", "lots" }, { "limit", "1G'/><evil a='" },
		{ "nosuch", "1" },   { "nosuch", "" },
		{ "class", "a b" },  { "onload", "x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct conf_error error = { "" };

		assert_null(change("<tune/>", &bad[i], 1, &error));
		assert_contains(error.text, bad[i].key);
	}
	/* What is wrong already is not carried on. */
	{
		const struct tune_change good = { "limit", "1G" };
		struct conf_error error = { "" };

		assert_null(change("<tune shares='none'/>", &good, 1, &error));
		assert_contains(error.text, "shares");
		assert_null(change("<other/>", &good, 1, &error));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_attributes),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_nothing_set),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_changes_keep_the_rest),
		cmocka_unit_test(test_changes_of_nothing),
		cmocka_unit_test(test_changes_that_are_refused),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
