/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_CTL_BOOST_H
#define AEROSTAT_CTL_BOOST_H

int ctl_boost(int argc, char **argv);

#endif
