// SPDX-License-Identifier: GPL-2.0
/*
 * What whoever may edit a domain controls: its metadata, and the description around it. Neither may
 * open a file, resolve an entity, or take longer for being hostile.
 */
#include "fuzz.h"

#include <errno.h>
#include <libxml/parser.h>

#include "conf/metadata.h"
#include "source/domain_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct domain_description description = { .stats_period_s = 1 };
	struct conf_error error = { .text = "" };
	char *text = fuzz_text(data, size);
	struct vm_tune tune = { 0 };
	int ret;

	xmlInitParser();
	ret = metadata_parse(text, &tune, &error);
	must(!ret || ret == -EINVAL || ret == -E2BIG || ret == -ENOMEM);
	must_be_said(error.text, sizeof(error.text), ret);
	must(memchr(tune.class_name, 0, sizeof(tune.class_name)));
	must(!tune.mode.known || opt_or(tune.mode, 0) <= VM_MODE_OFF);

	ret = domain_xml_parse(text, &description);
	must(!ret || description.stats_period_s == 1); /* untouched on failure */
	free(text);
	return 0;
}
