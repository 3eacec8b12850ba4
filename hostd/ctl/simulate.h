/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_CTL_SIMULATE_H
#define AEROSTAT_CTL_SIMULATE_H

/* `aerostatctl simulate [OPTION]...`; argv[0] is "simulate". Returns the exit code. */
int ctl_simulate(int argc, char **argv);

#endif
