// SPDX-License-Identifier: GPL-2.0
/* One job a domain: description, metadata (a part of it), job; then, where needed, the period. */
#include "source/describe.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/metadata.h"
#include "source/domain_job.h"
#include "util/cleanup.h"

struct describe_job {
	struct job job; /* first */
	struct describe_request request;
	struct describe_result result;
};

bool stats_period_useless(uint32_t period_s, uint32_t period_max_s)
{
	return !period_s || period_s > period_max_s;
}

static void turn_statistics_on(struct describe_job *dj, virDomainPtr domain)
{
	struct describe_result *result = &dj->result;

	if (virDomainSetMemoryStatsPeriod(domain, (int)dj->request.stats_period_s,
					  VIR_DOMAIN_AFFECT_LIVE)) {
		result->period_error = -EIO;
		snprintf(result->period_error_text, sizeof(result->period_error_text), "%s",
			 virGetLastErrorMessage());
	} else {
		result->period_set = true;
		result->period_was_s = result->description.stats_period_s;
		result->description.stats_period_s = dj->request.stats_period_s;
	}
}

static int describe_domain(struct describe_job *dj, virDomainPtr domain)
{
	struct describe_result *result = &dj->result;
	cleanup_free char *xml = NULL;
	int ret;

	xml = virDomainGetXMLDesc(domain, 0);
	if (!xml)
		return job_fail_libvirt(&dj->job, "cannot read its description");
	ret = domain_xml_parse(xml, &result->description);
	if (ret)
		return job_fail(&dj->job, ret, "cannot parse its description");
	result->tune_error = metadata_parse(xml, &result->tune, &result->tune_error_text);
	result->has_job = domain_has_job(domain);
	if (result->description.has_balloon && dj->request.stats_period_s &&
	    stats_period_useless(result->description.stats_period_s,
				 dj->request.stats_period_max_s))
		turn_statistics_on(dj, domain);
	return 0;
}

static int run_describe(struct job *job, virConnectPtr conn)
{
	struct describe_job *dj = (struct describe_job *)job;
	virDomainPtr domain;
	int ret;

	domain = virDomainLookupByUUIDString(conn, dj->request.uuid);
	if (!domain)
		return job_fail_libvirt(job, "cannot find it");
	ret = describe_domain(dj, domain);
	virDomainFree(domain);
	return ret;
}

static void done_describe(struct job *job)
{
	struct describe_job *dj = (struct describe_job *)job;

	dj->request.done(dj->request.userdata, dj->request.uuid, job->error ? NULL : &dj->result,
			 job->error, job->error_text);
	free(dj);
}

int describe_submit(struct workers *workers, const struct describe_request *request)
{
	struct describe_job *dj = calloc(1, sizeof(*dj));

	if (!dj)
		return -ENOMEM;
	dj->job.run = run_describe;
	dj->job.done = done_describe;
	dj->request = *request;
	workers_submit(workers, &dj->job);
	return 0;
}
