/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requirements that several groups make of their own kind of guest. Each fails the test it is
 * called from; a test that goes on after one looks at t->failed.
 */
#ifndef GUEST_CHECKS_H
#define GUEST_CHECKS_H

#include "harness/test.h"

#define KIB_PER_MIB 1024u
#define PAGE_KIB    4u /* the device's frame, and a page of most guests */

/* Bits of the balloon's features. */
enum balloon_feature {
	FEATURE_MUST_TELL_HOST,
	FEATURE_STATS_VQ,
	FEATURE_DEFLATE_ON_OOM,
	FEATURE_FREE_PAGE_HINT,
	FEATURE_PAGE_POISON,
	FEATURE_REPORTING,
};

/*
 * The driver under test is bound; of the balloon's features it took exactly those that the guest's
 * device is configured with, statistics among them, and that its kernel has a use for.
 */
void check_bound(struct test *t, bool modern);

/*
 * Inflates to half of the guest's memory and back. Free memory follows; MemTotal shrinks by exactly
 * what the balloon holds, or not at all when the device lets it deflate on OOM.
 */
void check_inflate_deflate(struct test *t, bool deflate_on_oom);

/*
 * Memory in use stays what it is while the balloon grows to `inflated_kib` and shrinks to
 * `deflated_kib` (the guest's sizes) around it; and pages that have been in the balloon are good memory.
 */
void check_content(struct test *t, unsigned int keeper_mib, uint64_t inflated_kib,
		   uint64_t deflated_kib, unsigned int fresh_mib);

/* The driver's state says so under this key, now or soon. */
void check_state(struct test *t, const char *key, const char *expected);

/*
 * Of what the balloon holds most is in blocks of 2 MiB; for a balloon that was just filled, in a guest
 * with much free memory.
 */
void check_large_blocks(struct test *t);

/* Whether the driver has taken the feature with this number. */
bool check_has_feature(struct test *t, unsigned int bit);

/* Unloaded with a balloon of this size (the guest's), or on the way there, it gives all back. */
void check_unload_inflated(struct test *t, uint64_t inflated_kib);

/* The driver as it is after boot, with these parameters, in place of the one at hand. */
void check_reload(struct test *t, const char *params);

/* The device gets statistics that agree with the guest's own, and gets them again and again. */
void check_stats(struct test *t);

/*
 * So would the tags from 10 on, which are newer than this QEMU: it drops them, so look where the module
 * says what it would tell.
 */
void check_newer_stats(struct test *t);

#endif
