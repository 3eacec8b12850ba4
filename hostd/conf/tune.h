/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Per-VM settings as they are written: each field may be missing. The same fields appear in
 * three places, each overriding the one before:
 *
 *   [vm]            of the configuration: for every VM
 *   [class NAME]    for the VMs of a class
 *   metadata        of one VM: <tune xmlns='urn:aerostat:libvirt:1' .../>
 *
 * tune_set() is the only parser of these fields, tune_to_settings() the only place that turns
 * them into what the policy takes.
 */
#ifndef AEROSTAT_CONF_TUNE_H
#define AEROSTAT_CONF_TUNE_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/settings.h"
#include "util/opt.h"
#include "util/size.h"

#define CONF_CLASS_NAME_LEN 40 /* with the terminating NUL */
#define CONF_ERROR_LEN	    512

/* One sentence for people: where, what is wrong, what would be right. Without a newline. */
struct conf_error {
	char text[CONF_ERROR_LEN];
};

/* A zeroed one has nothing set. */
struct vm_tune {
	char class_name[CONF_CLASS_NAME_LEN]; /* "": not given; in metadata only */
	struct amount reservation; /* a percentage is of the VM's maximum */
	struct amount limit;
	struct opt_u64 shares;
	struct opt_u64 buffer_permille;
	struct opt_u64 mode; /* an enum vm_mode */
};

/*
 * Set the field called `key` from its text. Returns 0; -ENOENT: no such field; -EINVAL: not of
 * the form this field has; -ERANGE: of the form, but outside the bounds. On -EINVAL and -ERANGE
 * *ret_expected (a static string) says what would be right: "a size such as 512M, ...".
 */
int tune_set(struct vm_tune *tune, const char *key, const char *value, const char **ret_expected);

/* Unset it again. Returns 0 or -ENOENT. */
int tune_unset(struct vm_tune *tune, const char *key);

/* The keys tune_set() knows, by index; NULL after the last. "class" is not among them. */
const char *tune_key(size_t index);

/* True for a name that may be a class's: letters, digits, '.', '_', '-', short enough. */
bool tune_class_name_valid(const char *name);

/* What is set in `over` replaces what is in `base`. */
void tune_override(struct vm_tune *base, const struct vm_tune *over);

/*
 * Returns 0, or -ERANGE when reservation and limit contradict each other. That is only visible
 * here when both are sizes or both percentages; the policy settles the rest by the VM's maximum,
 * where the reservation wins.
 */
int tune_to_settings(const struct vm_tune *tune, struct vm_settings *ret_settings);

const char *vm_mode_to_string(enum vm_mode mode); /* "auto", "observe", "off" */

#endif
