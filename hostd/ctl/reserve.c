// SPDX-License-Identifier: GPL-2.0
/*
 * aerostatctl reserve: memory for a VM that is about to start; what a hook script calls. The script
 * gets a description that tenants may have written parts of, and hands it on: here it is read as XML.
 */
#include "ctl/reserve.h"

#include <errno.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/options.h"
#include "ctl/select.h"
#include "source/domain_xml.h"
#include "util/size.h"

#define TIMEOUT_DEFAULT "30s"

static const char help[] =
	"usage: aerostatctl reserve [OPTION]... SIZE\n"
	"       aerostatctl reserve [OPTION]... --domain-xml FILE\n"
	"Free so much memory on the host, and hold it for a VM that is about to start: wait until it\n"
	"is free, or say who keeps it. It is held until a VM starts, but no longer than the waiting\n"
	"may have taken. SIZE: 8G. While it is not known yet which VMs run, the exit status is 5.\n"
	"\n"
	"      --domain-xml FILE  as much as the VM takes whose description this is, as libvirt\n"
	"                     writes it; -: standard input. In huge pages it takes nothing\n"
	"      --for VM       held until this VM starts, whoever else does: its name or UUID\n"
	"      --timeout TIME wait no longer than this (default " TIMEOUT_DEFAULT
	", an hour at most)\n" CTL_HELP_COMMON;

/* To be freed; NULL: *ret_why says why. */
static char *read_text(FILE *file, const char **ret_why)
{
	char *text = malloc(DOMAIN_XML_MAX_BYTES + 1);
	size_t length;

	if (!text) {
		*ret_why = strerror(ENOMEM);
		return NULL;
	}
	length = fread(text, 1, DOMAIN_XML_MAX_BYTES + 1, file);
	if (ferror(file))
		*ret_why = strerror(errno);
	else if (length > DOMAIN_XML_MAX_BYTES)
		*ret_why = "it is longer than any";
	else if (memchr(text, 0, length))
		*ret_why = "it is no text";
	else
		*ret_why = NULL;
	if (*ret_why) {
		free(text);
		return NULL;
	}
	text[length] = '\0';
	return text;
}

static int read_description(const char *path, struct domain_description *ret_description,
			    const char **ret_why)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *file = is_stdin ? stdin : fopen(path, "re");
	char *text;
	int ret;

	if (!file) {
		*ret_why = strerror(errno);
		return -EINVAL;
	}
	text = read_text(file, ret_why);
	if (!is_stdin)
		fclose(file);
	if (!text)
		return -EINVAL;
	xmlInitParser();
	ret = domain_xml_parse(text, ret_description);
	free(text);
	if (ret)
		*ret_why = ret == -EINVAL ? "it is no description of a domain" : strerror(-ret);
	return ret;
}

/* What this VM takes of the host's ordinary memory; 0: nothing. Returns an exit code. */
static int size_of_domain(const char *path, uint64_t *ret_kib)
{
	struct domain_description description;
	const char *why;

	if (read_description(path, &description, &why)) {
		fprintf(stderr, "aerostatctl: reserve: %s: %s\n", path, why);
		return CTL_FAILED;
	}
	*ret_kib = 0;
	if (description.hugepages)
		return CTL_OK;
	if (!opt_get(description.memory_kib, ret_kib)) {
		fprintf(stderr, "aerostatctl: reserve: %s: it does not say its memory in KiB\n",
			path);
		return CTL_FAILED;
	}
	return CTL_OK;
}

static int size_of_argument(const char *text, uint64_t *ret_kib)
{
	if (!size_parse_kib(text, ret_kib) && *ret_kib)
		return CTL_OK;
	fprintf(stderr, "aerostatctl: reserve: '%s' is not a size such as 8G\n", text);
	return CTL_USAGE;
}

int ctl_reserve(int argc, char **argv)
{
	const char *timeout = TIMEOUT_DEFAULT, *vm = NULL, *domain = NULL;
	const struct ctl_option own[] = {
		{ .name = "domain-xml", .value = &domain },
		{ .name = "for", .value = &vm },
		{ .name = "timeout", .value = &timeout },
		{ 0 },
	};
	struct ctl_common common;
	uint64_t size_kib;
	uint32_t timeout_ms;
	int code;

	if (!ctl_parse(argc, argv, help, own, &common, &code))
		return code;
	if (argc - common.first != (domain ? 0 : 1)) {
		fprintf(stderr, "aerostatctl: reserve: one SIZE is needed, or --domain-xml (see "
				"--help)\n");
		return CTL_USAGE;
	}
	if (size_parse_ms(timeout, &timeout_ms) || !timeout_ms) {
		fprintf(stderr, "aerostatctl: reserve: '%s' is not a time such as 30s\n", timeout);
		return CTL_USAGE;
	}
	code = domain ? size_of_domain(domain, &size_kib)
		      : size_of_argument(argv[common.first], &size_kib);
	if (code == CTL_OK && size_kib)
		code = client_reserve(&common.client, vm, size_kib, timeout_ms);
	return print_done(common.json, code);
}
