// SPDX-License-Identifier: GPL-2.0
/*
 * One job a target. Between judging a domain and setting its target it may have been restarted or
 * a migration may have begun, so both are looked at once more, right before the call.
 */
#include "actuator/balloon.h"

#include <errno.h>
#include <stdlib.h>

#include "source/domain_job.h"

struct balloon_job {
	struct job job; /* first */
	const struct balloon_actuator *actuator;
	struct balloon_request request;
};

static int set_target(struct balloon_job *bj, virDomainPtr domain)
{
	const struct balloon_request *request = &bj->request;

	if ((int)virDomainGetID(domain) != request->id)
		return job_fail(&bj->job, -ESTALE, "it was started anew meanwhile");
	if (request->shrink && domain_has_job(domain))
		return job_fail(&bj->job, -EBUSY, "a job (migration, save, ...) has begun");
	if (virDomainSetMemoryFlags(domain, request->target_kib, VIR_DOMAIN_AFFECT_LIVE))
		return job_fail_libvirt(&bj->job, "libvirt refused");
	return 0;
}

static int run_set(struct job *job, virConnectPtr conn)
{
	struct balloon_job *bj = (struct balloon_job *)job;
	virDomainPtr domain;
	int ret;

	domain = virDomainLookupByUUIDString(conn, bj->request.uuid);
	if (!domain)
		return job_fail_libvirt(job, "cannot find it");
	ret = set_target(bj, domain);
	virDomainFree(domain);
	return ret;
}

static void done_set(struct job *job)
{
	struct balloon_job *bj = (struct balloon_job *)job;

	bj->actuator->done(bj->actuator->userdata, bj->request.uuid, bj->request.target_kib,
			   job->error, job->error_text);
	free(bj);
}

int balloon_set(const struct balloon_actuator *actuator, const struct balloon_request *request)
{
	struct balloon_job *bj;

	if (actuator->dry_run)
		return 0;
	bj = calloc(1, sizeof(*bj));
	if (!bj)
		return -ENOMEM;
	bj->job.run = run_set;
	bj->job.done = done_set;
	bj->actuator = actuator;
	bj->request = *request;
	workers_submit(actuator->workers, &bj->job);
	return 1;
}
