// SPDX-License-Identifier: GPL-2.0
/*
 * A table of XPath expressions: each that finds something says why the memory is pinned. The text
 * comes from libvirt, but what is in it from whoever may edit domains: entities stay unexpanded
 * and the network is off.
 */
#include "source/domain_xml.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <limits.h>
#include <string.h>

static const struct {
	const char *path;
	const char *why;
} pins[] = {
	{ "/domain/memoryBacking/hugepages", "its memory is in huge pages" },
	{ "/domain/memoryBacking/locked", "its memory is locked" },
	{ "/domain/launchSecurity", "its memory is encrypted" },
	{ "/domain/devices/hostdev[@type='pci' or @type='mdev']", "it has an assigned device" },
	{ "/domain/devices/interface[@type='hostdev' or @type='vdpa']",
	  "it has an assigned network device" },
};

/* Where pages are given by node, those of the other nodes are ordinary ones. */
#define ALL_IN_HUGEPAGES "/domain/memoryBacking/hugepages[not(page/@nodeset)]"

/* libvirt writes sizes in KiB, whatever unit they were given in. */
#define MEMORY_KIB     "number(/domain/memory[not(@unit) or @unit='KiB'])"
#define MEMORY_MAX_KIB ((uint64_t)1 << 50) /* a double has all of its digits */

static bool matches(xmlXPathContextPtr context, const char *path)
{
	xmlXPathObjectPtr found = xmlXPathEvalExpression((const xmlChar *)path, context);
	bool any = found && found->nodesetval && found->nodesetval->nodeNr > 0;

	xmlXPathFreeObject(found);
	return any;
}

/* 0: none is found, or one beyond all bounds. */
static uint64_t number(xmlXPathContextPtr context, const char *path, uint64_t most)
{
	xmlXPathObjectPtr found = xmlXPathEvalExpression((const xmlChar *)path, context);
	uint64_t value = 0;

	/* NaN, where nothing is found, compares false. */
	if (found && found->type == XPATH_NUMBER && found->floatval >= 1 &&
	    found->floatval <= (double)most)
		value = (uint64_t)found->floatval;
	xmlXPathFreeObject(found);
	return value;
}

int domain_xml_parse(const char *xml, struct domain_description *ret_description)
{
	struct domain_description description = { 0 };
	uint64_t memory_kib;
	xmlXPathContextPtr context = NULL;
	size_t length = strlen(xml);
	xmlDocPtr doc;
	int ret = 0;

	if (length > DOMAIN_XML_MAX_BYTES)
		return -EINVAL;
	doc = xmlReadMemory(xml, (int)length, "domain.xml", NULL,
			    XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (!doc)
		return -EINVAL;
	/* libvirt writes none; in one, entities could be made to multiply when their text is asked for. */
	if (doc->intSubset) {
		ret = -EINVAL;
		goto out;
	}
	context = xmlXPathNewContext(doc);
	if (!context) {
		ret = -ENOMEM;
		goto out;
	}
	if (!matches(context, "/domain")) {
		ret = -EINVAL;
		goto out;
	}
	description.has_balloon =
		matches(context, "/domain/devices/memballoon[starts-with(@model, 'virtio')]");
	description.stats_period_s = (uint32_t)number(
		context, "number(/domain/devices/memballoon/stats/@period)", INT_MAX);
	memory_kib = number(context, MEMORY_KIB, MEMORY_MAX_KIB);
	if (memory_kib)
		description.memory_kib = opt_some(memory_kib);
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]) && !description.pinned; i++)
		if (matches(context, pins[i].path))
			description.pinned = pins[i].why;
	description.hugepages = matches(context, ALL_IN_HUGEPAGES);
	*ret_description = description;
out:
	xmlXPathFreeContext(context);
	xmlFreeDoc(doc);
	return ret;
}
