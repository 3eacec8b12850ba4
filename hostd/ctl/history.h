/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_CTL_HISTORY_H
#define AEROSTAT_CTL_HISTORY_H

int ctl_history(int argc, char **argv);

#endif
