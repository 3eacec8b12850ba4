// SPDX-License-Identifier: GPL-2.0
/* Two sorted lists gone through side by side (handles.h). */
#include "source/handles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct handle {
	char uuid[VM_UUID_LEN];
	virDomainPtr domain;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct handle *)a)->uuid, ((const struct handle *)b)->uuid);
}

void handles_clear(struct handles *handles)
{
	for (size_t i = 0; i < handles->n; i++)
		virDomainFree(handles->sorted[i].domain);
	free(handles->sorted);
	*handles = (struct handles){ 0 };
}

/* Without what went before only when it could be asked. */
static int ask_anew(struct handles *handles, virConnectPtr conn)
{
	struct handles anew = { 0 };
	virDomainPtr *domains;
	int n;

	n = virConnectListAllDomains(conn, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
	if (n < 0)
		return -EIO;
	anew.sorted = calloc((size_t)n + 1, sizeof(*anew.sorted));
	for (int i = 0; i < n; i++) {
		if (anew.sorted && !virDomainGetUUIDString(domains[i], anew.sorted[anew.n].uuid))
			anew.sorted[anew.n++].domain = domains[i];
		else
			virDomainFree(domains[i]);
	}
	free(domains);
	if (!anew.sorted)
		return -ENOMEM;
	qsort(anew.sorted, anew.n, sizeof(*anew.sorted), compare);
	handles_clear(handles);
	*handles = anew;
	return 0;
}

static size_t pick(const struct handles *handles, const char (*uuids)[VM_UUID_LEN], size_t n_uuids,
		   virDomainPtr *ret_domains)
{
	size_t picked = 0;

	for (size_t i = 0, at = 0; i < n_uuids; i++) {
		while (at < handles->n && strcmp(handles->sorted[at].uuid, uuids[i]) < 0)
			at++;
		if (at < handles->n && !strcmp(handles->sorted[at].uuid, uuids[i]))
			ret_domains[picked++] = handles->sorted[at].domain;
	}
	ret_domains[picked] = NULL;
	return picked;
}

int handles_find(struct handles *handles, virConnectPtr conn, const char (*uuids)[VM_UUID_LEN],
		 size_t n_uuids, virDomainPtr *ret_domains)
{
	size_t n = pick(handles, uuids, n_uuids, ret_domains);
	int ret;

	if (n < n_uuids) {
		ret = ask_anew(handles, conn);
		if (ret)
			return ret;
		n = pick(handles, uuids, n_uuids, ret_domains);
	}
	return (int)n;
}
