/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One VM's own settings, kept by libvirt in the domain's metadata:
 *
 *   <tune xmlns='urn:aerostat:libvirt:1' class='batch' reservation='512M' limit='75%'
 *         shares='500' buffer='10%' mode='observe'/>
 *
 * All attributes are optional. Whoever may edit a domain writes this, so it is parsed with a
 * real XML parser, entities and network off, and refused above METADATA_MAX_BYTES; an unknown
 * attribute, or anything inside the element, is an error and not ignored.
 */
#ifndef AEROSTAT_CONF_METADATA_H
#define AEROSTAT_CONF_METADATA_H

#include "conf/tune.h"

#define METADATA_NAMESPACE "urn:aerostat:libvirt:1"
#define METADATA_MAX_BYTES (1024 * 1024) /* a whole domain description fits many times */

/* One attribute to be changed. */
struct tune_change {
	const char *key;
	const char *value; /* "": to be removed */
};

/*
 * Apply one change to *tune, as metadata_parse() would read it. Returns 0 or -EINVAL with
 * *ret_error set.
 */
int metadata_check(const struct tune_change *change, struct vm_tune *tune,
		   struct conf_error *ret_error);

/*
 * The element of `xml` (as below; NULL: there is none yet) with these changes; other attributes
 * stay as they were written. *ret_xml is to be freed. Returns 0, -EINVAL or -E2BIG with *ret_error
 * set (what is there, or a change, is wrong), or -ENOMEM.
 */
int metadata_change(const char *xml, const struct tune_change *changes, size_t n_changes,
		    char **ret_xml, struct conf_error *ret_error);

/*
 * `xml` is either the element, as virDomainGetMetadata(VIR_DOMAIN_METADATA_ELEMENT) returns it
 * (libvirt drops the namespace there, so none is accepted as well as ours), or a whole domain
 * description, as virDomainGetXMLDesc() returns it, which may have no such element.
 * NULL and a domain without the element: nothing set, 0.
 *
 * Returns 0; -EINVAL: not XML, not this element, an unknown attribute or a bad value;
 * -E2BIG: too long; -ENOMEM. On failure *ret_tune is untouched (keep what the VM had) and
 * ret_error->text names the attribute and what would be right, without the VM's name.
 */
int metadata_parse(const char *xml, struct vm_tune *ret_tune, struct conf_error *ret_error);

#endif
