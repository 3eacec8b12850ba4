/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The keys of the configuration: which there are, their defaults, what a value must look like.
 * Internal to hostd/conf; others use conf.h.
 */
#ifndef AEROSTAT_CONF_KEYS_H
#define AEROSTAT_CONF_KEYS_H

#include <stddef.h>

#include "conf/conf.h"

/* Put every default into a zeroed *conf. */
void keys_set_defaults(struct conf *conf);

/*
 * Check the text between the brackets of a section's heading; a class that is not there yet is
 * added. Returns 0, -EINVAL with *ret_error set, or -ENOMEM.
 */
int keys_begin_section(struct conf *conf, const char *section, struct conf_error *ret_error);

/*
 * Set one key. Returns 0, or -EINVAL with *ret_error saying "section.key: what is wrong; what
 * would be right". keys_begin_section() has accepted `section`.
 */
int keys_set(struct conf *conf, const char *section, const char *key, const char *value,
	     struct conf_error *ret_error);

#endif
