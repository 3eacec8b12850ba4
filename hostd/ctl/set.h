/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_CTL_SET_H
#define AEROSTAT_CTL_SET_H

int ctl_set(int argc, char **argv);

#endif
