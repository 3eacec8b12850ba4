/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_CTL_PAUSE_H
#define AEROSTAT_CTL_PAUSE_H

int ctl_pause(int argc, char **argv);
int ctl_resume(int argc, char **argv);

#endif
