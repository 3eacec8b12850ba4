// SPDX-License-Identifier: GPL-2.0
/*
 * The running domain and its definition may differ, so each is read, changed and written by itself:
 * what was set for this run only does not become permanent with the next change.
 *
 * The definition comes first: a transient domain has none, and then nothing at all is changed.
 */
#include "actuator/metadata.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/snapshot.h"

#define METADATA_KEY "aerostat"

struct metadata_job {
	struct job job; /* first */
	char uuid[VM_UUID_LEN];
	bool persistent;
	struct tune_change *changes; /* their texts are ours */
	size_t n_changes;
	metadata_done_fn done;
	void *userdata;
};

static int change(struct metadata_job *mj, virDomainPtr domain, unsigned int where)
{
	struct conf_error why = { "" };
	char *before, *after = NULL;
	int ret;

	before = virDomainGetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, METADATA_NAMESPACE,
				      where);
	if (!before && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN_METADATA)
		return job_fail_libvirt(&mj->job, "cannot read its metadata");
	ret = metadata_change(before, mj->changes, mj->n_changes, &after, &why);
	free(before);
	if (ret)
		return job_fail(&mj->job, ret, "%s", why.text[0] ? why.text : strerror(-ret));
	if (virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, after, METADATA_KEY,
				 METADATA_NAMESPACE, where))
		ret = job_fail_libvirt(&mj->job, "cannot write its metadata");
	free(after);
	return ret;
}

static int run_write(struct job *job, virConnectPtr conn)
{
	struct metadata_job *mj = (struct metadata_job *)job;
	virDomainPtr domain;
	int ret = 0;

	domain = virDomainLookupByUUIDString(conn, mj->uuid);
	if (!domain)
		return job_fail_libvirt(job, "cannot find it");
	if (mj->persistent && virDomainIsPersistent(domain) == 0)
		ret = job_fail(job, -EINVAL,
			       "the domain is transient: it has no definition to keep that in");
	if (!ret && mj->persistent)
		ret = change(mj, domain, VIR_DOMAIN_AFFECT_CONFIG);
	if (!ret)
		ret = change(mj, domain, VIR_DOMAIN_AFFECT_LIVE);
	virDomainFree(domain);
	return ret;
}

static void free_job(struct metadata_job *mj)
{
	for (size_t i = 0; i < mj->n_changes; i++) {
		free((char *)mj->changes[i].key);
		free((char *)mj->changes[i].value);
	}
	free(mj->changes);
	free(mj);
}

static void done_write(struct job *job)
{
	struct metadata_job *mj = (struct metadata_job *)job;

	mj->done(mj->userdata, job->error, job->error_text);
	free_job(mj);
}

static int copy_changes(struct metadata_job *mj, const struct tune_change *changes, size_t n)
{
	mj->changes = calloc(n + 1, sizeof(*mj->changes));
	if (!mj->changes)
		return -ENOMEM;
	mj->n_changes = n;
	for (size_t i = 0; i < n; i++) {
		mj->changes[i].key = strdup(changes[i].key);
		mj->changes[i].value = strdup(changes[i].value);
		if (!mj->changes[i].key || !mj->changes[i].value)
			return -ENOMEM;
	}
	return 0;
}

int metadata_write(struct workers *workers, const char *uuid, const struct tune_change *changes,
		   size_t n_changes, bool persistent, metadata_done_fn done, void *userdata)
{
	struct metadata_job *mj = calloc(1, sizeof(*mj));

	if (!mj)
		return -ENOMEM;
	if (copy_changes(mj, changes, n_changes)) {
		free_job(mj);
		return -ENOMEM;
	}
	mj->job.run = run_write;
	mj->job.done = done_write;
	snprintf(mj->uuid, sizeof(mj->uuid), "%s", uuid);
	mj->persistent = persistent;
	mj->done = done;
	mj->userdata = userdata;
	workers_submit(workers, &mj->job);
	return 0;
}
