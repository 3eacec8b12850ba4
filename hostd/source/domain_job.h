/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_SOURCE_DOMAIN_JOB_H
#define AEROSTAT_SOURCE_DOMAIN_JOB_H

#include <libvirt/libvirt.h>
#include <stdbool.h>

/*
 * Whether a migration, save, dump or backup is at the domain. Drivers that have no jobs have
 * none. Calls libvirt: for a worker's thread.
 */
bool domain_has_job(virDomainPtr domain);

#endif
