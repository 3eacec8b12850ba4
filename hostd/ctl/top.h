/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_CTL_TOP_H
#define AEROSTAT_CTL_TOP_H

int ctl_top(int argc, char **argv);

#endif
