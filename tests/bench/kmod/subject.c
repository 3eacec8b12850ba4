// SPDX-License-Identifier: GPL-2.0
/*
 * A guest with a driver to be measured. Each is booted for one measurement: what a driver leaves
 * behind, in the guest's free lists or in the host's huge pages, is not passed on to the next.
 */
#include "subject.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_PARAMETER "/sys/module/aerostat/parameters/inflate_path"

/* Named threads tell a profile the device from the guest. */
#define COMMON_OPTIONS "-name", "bench,debug-threads=on"

static const char *const plain_options[] = { COMMON_OPTIONS, NULL };
static const char *const icount_options[] = { COMMON_OPTIONS, "-icount", "shift=0", NULL };
static const char *const hugetlb_options[] = {
	COMMON_OPTIONS,
	"-object",
	"memory-backend-memfd,id=ram,size=512M,hugetlb=on,hugetlbsize=2M,prealloc=on",
	"-machine",
	"memory-backend=ram",
	NULL
};
static_assert(HUGETLB_FULL_MIB == 512, "as in hugetlb_options");

/*
 * The kernel's cryptography tests itself after boot, in the background: on 6.12 for seconds here, at
 * seven times the instructions of an inflation.
 */
#define COMMON_PARAMETERS "cryptomgr.notests"

static const struct {
	const char *suffix; /* of the logs */
	const char *const *options;
	const char *params; /* of our module, beside the path */
	uint32_t memory_mib, vcpus;
} setups[] = {
	[SETUP_PLAIN] = { "", plain_options, "", FULL_MIB, 2 },
	[SETUP_ICOUNT] = { "-icount", icount_options, "", FULL_MIB, 1 },
	[SETUP_HUGETLB] = { "-hugetlb", hugetlb_options, ",pfns_per_buffer=512", HUGETLB_FULL_MIB,
			    2 },
};

int subject_failed(struct subject *subject, const char *step, int r)
{
	snprintf(subject->why, sizeof(subject->why), "%s: %s; logs: %s", step, strerror(-r),
		 subject->logs);
	return r;
}

/* The driver must be there, bound, and on the path that was asked for. */
static int verify_driver(struct subject *subject)
{
	struct guest *guest = subject->guest;

	if (guest->module_errno)
		return subject_failed(subject, "the driver does not load", -guest->module_errno);
	if (!guest_driver_bound(guest, subject->config.driver))
		return subject_failed(subject, "the driver is not bound", -ENODEV);
	/* The kernel loads a module in spite of parameters it does not have. */
	if (subject->driver == DRIVER_RANGE && guest_ask(guest, NULL, "read " PATH_PARAMETER) < 0)
		return subject_failed(subject, "this module has no range path", -EOPNOTSUPP);
	return 0;
}

int subject_boot(struct subject *subject, const struct bench *bench, const char *kernel,
		 enum zeroing zeroing, enum driver driver, enum setup setup)
{
	int r;

	memset(subject, 0, sizeof(*subject));
	subject->bench = bench;
	subject->driver = driver;
	snprintf(subject->kernel, sizeof(subject->kernel), "%s/%s/vmlinuz", bench->kernels_dir,
		 kernel);
	snprintf(subject->initrd, sizeof(subject->initrd), "%s/%s.cpio.gz", bench->images_dir,
		 kernel);
	snprintf(subject->logs, sizeof(subject->logs), "%s/%s-%s-%s%s", bench->logs_dir, kernel,
		 zeroing_name(zeroing), driver_name(driver), setups[setup].suffix);
	if (mkdir(subject->logs, 0755) < 0 && errno != EEXIST)
		return subject_failed(subject, "no directory for logs", -errno);
	subject->source = (struct guest_source){ .series = kernel,
						 .accel = bench->accel,
						 .kernel = subject->kernel,
						 .initrd = subject->initrd,
						 .driver = "aerostat" };
	if (driver != DRIVER_STOCK)
		snprintf(subject->params, sizeof(subject->params), "inflate_path=%s%s",
			 driver_name(driver), setups[setup].params);
	/*
	 * The range path needs the reporting queue. The others are measured without: the kernel's
	 * own reporting of free pages would discard what shall be there, touched, for them to take.
	 */
	subject->config = (struct guest_config){
		.device = driver == DRIVER_RANGE
				  ? "virtio-balloon-pci,id=balloon0,free-page-reporting=on"
				  : NULL,
		.driver = driver == DRIVER_STOCK ? "virtio_balloon" : "aerostat",
		.params = *subject->params ? subject->params : NULL,
		.append = zeroing == ZEROING_OFF ? COMMON_PARAMETERS " init_on_alloc=0"
						 : COMMON_PARAMETERS,
		.memory_mib = setups[setup].memory_mib,
		.vcpus = setups[setup].vcpus,
		.options = setups[setup].options,
	};
	r = guest_boot(&subject->source, &subject->config, subject->logs, &subject->guest,
		       subject->why, sizeof(subject->why));
	if (r == 0)
		r = verify_driver(subject);
	if (r < 0)
		subject_end(subject);
	return r;
}

void subject_end(struct subject *subject)
{
	guest_free(subject->guest);
	subject->guest = NULL;
}

int subject_touch(struct subject *subject, unsigned int mib)
{
	struct guest *guest = subject->guest;
	int r;

	r = guest_ask(guest, NULL, "hog touch %u", mib);
	if (r == 0)
		r = guest_ask_within(guest, SUBJECT_TIMEOUT_MS, NULL, "hog-wait touch");
	if (r == 0)
		r = guest_ask(guest, NULL, "hog-free touch");
	return r < 0 ? subject_failed(subject, "touch memory", r) : 0;
}
