/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_CTL_DIAGNOSE_H
#define AEROSTAT_CTL_DIAGNOSE_H

int ctl_diagnose(int argc, char **argv);

#endif
