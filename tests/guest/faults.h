/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Faults, and the requirement that none of them costs the guest a page. See fault/ for what makes
 * the kernel fail and the device lie.
 */
#ifndef GUEST_FAULTS_H
#define GUEST_FAULTS_H

#include "checks.h"

/* Of the guests these are for. */
#define FULL_KIB (256u * KIB_PER_MIB)
#define HALF_KIB (128u * KIB_PER_MIB)

/* Functions by their names in older and newer kernels; the first that exists is meant. */
#define FN_ALLOC_PAGES "alloc_pages,alloc_pages_noprof,__alloc_pages_noprof"
#define FN_FIND_QUEUES "vp_find_vqs,vp_modern_find_vqs"

/* Whether the image has fault.ko, and so lie.ko and hold.ko; else the test is skipped. */
bool have_injector(struct test *t);

/* Calls of a function from aerostat, after the first `skip`, so many, return retval instead. */
int inject(struct test *t, const char *symbol, long retval, unsigned int skip, unsigned int times);
/*
 * The device is notified of `skip` more buffers, and of none from there on, so that it acknowledges
 * none; which the driver is to find out soon. (A short time-out from the start would call a slow host
 * a dead one.)
 */
int silence(struct test *t, unsigned int skip);
/* The device looks at its queues only so often; end_slow() ends that, and nothing is left with it. */
int slow(struct test *t, unsigned int every_ms);
void end_slow(struct test *t);
uint64_t fault_hits(struct test *t);
/* Ends the fault. It must have struck: a test in which it did not shows nothing. */
void end_fault(struct test *t, const char *symbol);

/* The same for the lies of lie.ko; see there for its parameters. */
int lie(struct test *t, const char *params);
uint64_t lies_told(struct test *t);
void end_lie(struct test *t);

/* aerostat itself. */
int load(struct test *t, const char *params);
int unload(struct test *t);
/* A number in its state; the test fails when there is none. */
uint64_t state_number(struct test *t, const char *key);

/*
 * That no page is missing is seen twice: the kernel's own events say that as many pages left the
 * balloon as have entered it, and free memory is what it was, but for what a kernel moves about
 * anyway.
 */
struct balance {
	uint64_t free_kib;
	uint64_t held_pages; /* in the balloon, by the kernel's events */
};

int read_balance(struct test *t, struct balance *ret_balance);
/* Nothing is in the balloon, and free memory is not less than before. */
void check_balance(struct test *t, const struct balance *before);
/* As above for a guest whose balloon is loaded: it takes an unloading to be sure. */
void check_nothing_lost(struct test *t, const struct balance *before);
/* The same whatever the device can do by now; and a freshly loaded driver does its work. */
void check_recovers(struct test *t, const struct balance *before);
/* aerostat is loaded and bound, and does its work. */
void check_works(struct test *t);

/* aerostat anew; ret_before is from between the two. */
bool reload_with_fault_ready(struct test *t, struct balance *ret_before);
/*
 * As above, of a driver that the kernel refuses as its reporter of free pages: only the balloon uses
 * the reporting queue, so that nothing but what it sends there can meet the fault.
 */
bool reload_without_reports(struct test *t, struct balance *ret_before);

/*
 * After a failure, with aerostat's target not reached: said once with this message, nothing more is
 * tried, unloading ends and brings everything back. fault.ko and lie.ko are gone afterwards.
 */
void check_failed_and_recovers(struct test *t, const char *message, const struct balance *before);

#endif
