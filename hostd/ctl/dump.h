/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_CTL_DUMP_H
#define AEROSTAT_CTL_DUMP_H

int ctl_dump(int argc, char **argv);

#endif
