/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A guest with a driver to be measured.
 */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include "results.h"

#include "harness/guest.h"

#include <stdbool.h>

/* The guest has FULL, and gives all above INFLATED: 1.5 GiB move. Counting is done with 1 GiB. */
#define FULL_MIB     2048u
#define INFLATED_MIB 512u
#define MOVED_MIB    (FULL_MIB - INFLATED_MIB)
/*
 * What is touched before: more than moves, or the driver that happens to take what is touched last
 * would look slower than one that happens not to.
 */
#define TOUCHED_MIB  1728u
#define COUNTED_MIB  1024u

/* Says "hung", not "slow". */
#define SUBJECT_TIMEOUT_MS 180000u

/* A guest on the host's huge pages, and what it gives. */
#define HUGETLB_FULL_MIB  512u
#define HUGETLB_MOVED_MIB 256u

/* What kind of guest a measurement takes. */
enum setup {
	SETUP_PLAIN,
	SETUP_ICOUNT, /* its clock counts instructions, one a nanosecond; one vCPU */
	SETUP_HUGETLB, /* of HUGETLB_FULL_MIB, all of it there from the start */
};

/* Where the images are: DIR/KERNEL.cpio.gz, and what runs them. */
struct bench {
	const char *accel;
	const char *kernels_dir;
	const char *images_dir;
	const char *logs_dir;
};

struct subject {
	const struct bench *bench;
	struct guest_source source;
	struct guest_config config;
	struct guest *guest; /* NULL: not booted */
	enum driver driver;
	char kernel[600], initrd[600], params[64], logs[700];
	char why[1024]; /* what went wrong last, for a message */
};

/*
 * Boots a guest of a kernel with this driver bound. On failure `why` says what happened; -EOPNOTSUPP: the module
 * under test has no such path.
 */
int subject_boot(struct subject *subject, const struct bench *bench, const char *kernel,
		 enum zeroing zeroing, enum driver driver, enum setup setup);
/* Ends the guest; the logs stay. */
void subject_end(struct subject *subject);

/* A process of the guest writes to so much memory and leaves it. */
int subject_touch(struct subject *subject, unsigned int mib);

/* A step of a measurement has failed: notes which, and hands the error on. */
int subject_failed(struct subject *subject, const char *step, int r);

/*
 * Takes all figures of a round, or those that are counted, or profiles an inflation, into values[MEASURES]; what could not
 * be had stays as it was. The guest is fresh before and spent afterwards.
 */
int sample_times(struct subject *subject, double *values);
int sample_counts(struct subject *subject, double *values);
int sample_instructions(struct subject *subject, double *values);
int sample_hugetlb(struct subject *subject, double *values);
/* Leaves a profile of QEMU, inflating, beside the logs. -ENOENT: there is no perf. */
int sample_profile(struct subject *subject, double *values);

/* Whether this host has the huge pages that SETUP_HUGETLB takes. */
bool hugetlb_available(void);

#endif
