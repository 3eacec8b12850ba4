/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_CTL_CHECK_CONFIG_H
#define AEROSTAT_CTL_CHECK_CONFIG_H

int ctl_check_config(int argc, char **argv);

#endif
