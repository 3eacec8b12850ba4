/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_CTL_EXPLAIN_H
#define AEROSTAT_CTL_EXPLAIN_H

int ctl_explain(int argc, char **argv);

#endif
