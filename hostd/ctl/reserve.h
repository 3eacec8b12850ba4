/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_CTL_RESERVE_H
#define AEROSTAT_CTL_RESERVE_H

/* aerostatctl reserve; returns the exit code. */
int ctl_reserve(int argc, char **argv);

#endif
