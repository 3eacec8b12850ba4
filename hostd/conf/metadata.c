// SPDX-License-Identifier: GPL-2.0
/*
 * Per-VM settings from libvirt metadata (metadata.h). The document is read once into a tree;
 * its one element of ours is found by name and namespace, then each attribute goes through
 * tune_set(), as the configuration's keys do. libxml2's messages are taken from the parser and
 * never printed.
 */
#include "conf/metadata.h"

#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>

#define ELEMENT "tune"

/*
 * Entities are not substituted, no file or address is opened, and messages stay inside. Depth and
 * size limits are libxml2's own, which only XML_PARSE_HUGE would lift.
 */
#define PARSE_OPTIONS \
	(XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA)

static bool is_element(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && !strcmp((const char *)node->name, name);
}

static bool is_ours(const xmlNode *node)
{
	return is_element(node, ELEMENT) && node->ns &&
	       !strcmp((const char *)node->ns->href, METADATA_NAMESPACE);
}

/* domain/metadata/tune; NULL: the domain has none. */
static const xmlNode *find_in_domain(const xmlNode *domain)
{
	for (const xmlNode *child = domain->children; child; child = child->next) {
		if (!is_element(child, "metadata"))
			continue;
		for (const xmlNode *node = child->children; node; node = node->next)
			if (is_ours(node))
				return node;
	}
	return NULL;
}

static int set_class(struct vm_tune *tune, const char *value, const char **ret_expected)
{
	if (!tune_class_name_valid(value)) {
		*ret_expected = "the name of a class of the configuration";
		return -EINVAL;
	}
	memcpy(tune->class_name, value, strlen(value) + 1);
	return 0;
}

/*
 * The text of an attribute, in place: with entities unsubstituted a value is a single text node,
 * unless it refers to an entity, which no setting does. NULL: it does.
 */
static const char *attribute_text(const xmlAttr *attribute)
{
	const xmlNode *text = attribute->children;

	if (!text)
		return "";
	if (text->type != XML_TEXT_NODE || text->next || !text->content)
		return NULL;
	return (const char *)text->content;
}

static void describe_failure(const char *name, const char *value, int ret, const char *expected,
			     struct conf_error *ret_error)
{
	if (ret == -ENOENT)
		snprintf(ret_error->text, sizeof(ret_error->text),
			 "%s: unknown attribute; known are class, reservation, limit, shares, "
			 "buffer and mode",
			 name);
	else
		snprintf(ret_error->text, sizeof(ret_error->text), "%s: \"%s\" is %s; expected %s",
			 name, value, ret == -ERANGE ? "out of bounds" : "not understood",
			 expected);
}

static int read_attribute(const xmlAttr *attribute, struct vm_tune *tune,
			  struct conf_error *ret_error)
{
	const char *name = (const char *)attribute->name;
	const char *value = attribute_text(attribute);
	const char *expected = "plain text";
	int ret;

	if (attribute->ns) {
		ret = -ENOENT;
	} else if (!value) {
		ret = -EINVAL;
		value = "&...;";
	} else if (!strcmp(name, "class")) {
		ret = set_class(tune, value, &expected);
	} else {
		ret = tune_set(tune, name, value, &expected);
	}
	if (ret)
		describe_failure(name, value, ret, expected, ret_error);
	return ret ? -EINVAL : 0;
}

static int read_element(const xmlNode *node, struct vm_tune *tune, struct conf_error *ret_error)
{
	for (const xmlNode *child = node->children; child; child = child->next) {
		if (child->type == XML_COMMENT_NODE || xmlIsBlankNode(child))
			continue;
		snprintf(ret_error->text, sizeof(ret_error->text),
			 "the element %s has attributes only, nothing inside", ELEMENT);
		return -EINVAL;
	}
	for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
		int ret = read_attribute(attribute, tune, ret_error);

		if (ret)
			return ret;
	}
	return 0;
}

static int read_document(const xmlDoc *document, struct vm_tune *tune, struct conf_error *ret_error)
{
	const xmlNode *root = xmlDocGetRootElement(document);

	if (root && is_element(root, "domain")) {
		root = find_in_domain(root);
		return root ? read_element(root, tune, ret_error) : 0;
	}
	if (root && is_element(root, ELEMENT) && (!root->ns || is_ours(root)))
		return read_element(root, tune, ret_error);
	snprintf(ret_error->text, sizeof(ret_error->text),
		 "not the element %s of namespace %s, nor a domain", ELEMENT, METADATA_NAMESPACE);
	return -EINVAL;
}

int metadata_parse(const char *xml, struct vm_tune *ret_tune, struct conf_error *ret_error)
{
	struct vm_tune tune = { 0 };
	size_t length = xml ? strnlen(xml, METADATA_MAX_BYTES + 1) : 0;
	xmlParserCtxt *parser;
	xmlDoc *document;
	int ret;

	if (!xml) {
		*ret_tune = tune;
		return 0;
	}
	if (length > METADATA_MAX_BYTES) {
		snprintf(ret_error->text, sizeof(ret_error->text), "longer than %d bytes",
			 METADATA_MAX_BYTES);
		return -E2BIG;
	}
	parser = xmlNewParserCtxt();
	if (!parser) {
		snprintf(ret_error->text, sizeof(ret_error->text), "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	document = xmlCtxtReadMemory(parser, xml, (int)length, NULL, NULL, PARSE_OPTIONS);
	if (document) {
		ret = read_document(document, &tune, ret_error);
	} else {
		ret = parser->lastError.code == XML_ERR_NO_MEMORY ? -ENOMEM : -EINVAL;
		snprintf(ret_error->text, sizeof(ret_error->text), "not well-formed XML: line %d",
			 parser->lastError.line);
	}
	xmlFreeDoc(document);
	xmlFreeParserCtxt(parser);
	if (!ret)
		*ret_tune = tune;
	return ret;
}

int metadata_check(const struct tune_change *change, struct vm_tune *tune,
		   struct conf_error *ret_error)
{
	const char *expected = "";
	int ret;

	if (!strcmp(change->key, "class")) {
		ret = 0;
		if (change->value[0])
			ret = set_class(tune, change->value, &expected);
		else
			tune->class_name[0] = '\0';
	} else if (change->value[0]) {
		ret = tune_set(tune, change->key, change->value, &expected);
	} else {
		ret = tune_unset(tune, change->key);
	}
	if (ret)
		describe_failure(change->key, change->value, ret, expected, ret_error);
	return ret ? -EINVAL : 0;
}

static int set_attributes(xmlNode *node, const struct tune_change *changes, size_t n_changes)
{
	for (size_t i = 0; i < n_changes; i++) {
		const xmlChar *key = (const xmlChar *)changes[i].key;

		if (!changes[i].value[0])
			xmlUnsetProp(node, key);
		else if (!xmlSetProp(node, key, (const xmlChar *)changes[i].value))
			return -ENOMEM;
	}
	return 0;
}

static int print_node(xmlDoc *document, xmlNode *node, char **ret_xml)
{
	xmlBuffer *buffer = xmlBufferCreate();
	char *text = NULL;

	if (buffer && xmlNodeDump(buffer, document, node, 0, 0) > 0)
		text = strdup((const char *)xmlBufferContent(buffer));
	xmlBufferFree(buffer);
	if (!text)
		return -ENOMEM;
	*ret_xml = text;
	return 0;
}

int metadata_change(const char *xml, const struct tune_change *changes, size_t n_changes,
		    char **ret_xml, struct conf_error *ret_error)
{
	const char *before = xml ? xml : "<" ELEMENT "/>";
	struct vm_tune tune;
	xmlDoc *document;
	int ret;

	/* What is wrong already is for people to mend, not to be carried on. */
	ret = metadata_parse(before, &tune, ret_error);
	for (size_t i = 0; !ret && i < n_changes; i++)
		ret = metadata_check(&changes[i], &tune, ret_error);
	if (ret)
		return ret;
	document = xmlReadMemory(before, (int)strlen(before), NULL, NULL, PARSE_OPTIONS);
	if (!document)
		return -ENOMEM;
	ret = set_attributes(xmlDocGetRootElement(document), changes, n_changes);
	if (!ret)
		ret = print_node(document, xmlDocGetRootElement(document), ret_xml);
	xmlFreeDoc(document);
	return ret;
}
