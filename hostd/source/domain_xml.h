/* SPDX-License-Identifier: GPL-2.0 */
/* What a domain's description says about its memory, and about ballooning it. A pure function on text. */
#ifndef AEROSTAT_SOURCE_DOMAIN_XML_H
#define AEROSTAT_SOURCE_DOMAIN_XML_H

#include <stdbool.h>

#include "util/opt.h"

struct domain_description {
	bool has_balloon; /* a virtio balloon device */
	const char *pinned; /* why its memory cannot be given back; NULL: it can. Static text */
	bool hugepages; /* all its memory is in huge pages, so none in the host's ordinary memory */
	struct opt_u64
		memory_kib; /* what it has at its start; unknown: none is said, or in no unit */
	uint32_t stats_period_s; /* how often the device asks the guest for statistics; 0: never */
};

#define DOMAIN_XML_MAX_BYTES ((size_t)8 << 20) /* libvirt's are some KiB */

/*
 * `xml`: as virDomainGetXMLDesc() returns it. Returns 0, -EINVAL (not a domain's description) or
 * -ENOMEM; on failure *ret_description is untouched. Needs xmlInitParser() to have been called
 * once, before threads.
 */
int domain_xml_parse(const char *xml, struct domain_description *ret_description);

#endif
