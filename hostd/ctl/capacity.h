/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_CTL_CAPACITY_H
#define AEROSTAT_CTL_CAPACITY_H

int ctl_capacity(int argc, char **argv);

#endif
