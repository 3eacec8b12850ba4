// SPDX-License-Identifier: GPL-2.0
/*
 * Statistics do not show a migration while the guest still runs, and no event announces a save.
 * libvirt's job information does.
 */
#include "source/domain_job.h"

#include <libvirt/virterror.h>

bool domain_has_job(virDomainPtr domain)
{
	virDomainJobInfo info;

	if (virDomainGetJobInfo(domain, &info)) {
		virResetLastError();
		return false;
	}
	return info.type == VIR_DOMAIN_JOB_BOUNDED || info.type == VIR_DOMAIN_JOB_UNBOUNDED;
}
