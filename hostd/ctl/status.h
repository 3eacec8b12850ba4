/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_CTL_STATUS_H
#define AEROSTAT_CTL_STATUS_H

/* `aerostatctl status [OPTION]... [VM]...`; argv[0] is "status". Returns the exit code. */
int ctl_status(int argc, char **argv);

#endif
