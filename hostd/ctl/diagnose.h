/* SPDX-License-Identifier: GPL-2.0 */
#ifndef AEROSTAT_CTL_DIAGNOSE_H
#define AEROSTAT_CTL_DIAGNOSE_H

#include <jansson.h>

/*
 * What the daemon's status (client.h) shows to be wrong: arrays of sentences "symptoms", "neighbours"
 * and "remedies", and "victims", objects with a name and sentences. To be json_decref()ed.
 */
json_t *diagnose(const json_t *status);

int ctl_diagnose(int argc, char **argv);

#endif
