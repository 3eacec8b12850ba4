/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which VM had best leave this host. Moving VMs is the business of whoever orchestrates them; the
 * daemon only knows which one would help most for the least that has to be copied.
 */
#ifndef AEROSTAT_PUBLISH_ADVICE_H
#define AEROSTAT_PUBLISH_ADVICE_H

#include "publish/status.h"

/*
 * While the host is hard or low, or VMs lack memory that nobody can give: of the VMs that can
 * migrate, the one with the least resident memory among those whose leaving ends the shortage; the
 * one that frees most where none alone does. NULL: none needs to, or none can.
 */
const struct vm *advice_migration(const struct status *status);

#endif
