// SPDX-License-Identifier: GPL-2.0
/*
 * One read-only connection, to what the configuration names or else libvirt's own choice. Nothing
 * that libvirt would have to ask a QEMU for: one that hangs must not hang the tool.
 */
#include "ctl/libvirt_status.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>

#include "conf/conf.h"

static void quiet(void *userdata, virErrorPtr error)
{
	(void)userdata;
	(void)error;
}

static virConnectPtr connect(void)
{
	const char *chosen = getenv("LIBVIRT_DEFAULT_URI");
	virConnectPtr connection;
	struct conf_error error = { "" };
	struct conf *conf;

	if (chosen && chosen[0])
		return virConnectOpenReadOnly(chosen);
	if (conf_load(NULL, &conf, &error))
		conf = conf_new_default();
	connection = conf ? virConnectOpenReadOnly(conf->daemon.connect) : NULL;
	conf_free(conf);
	return connection;
}

static json_t *domain_status(virDomainPtr domain)
{
	char uuid[VIR_UUID_STRING_BUFLEN];
	virDomainInfo info;

	if (virDomainGetUUIDString(domain, uuid) || virDomainGetInfo(domain, &info))
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:I, s:I}", "name", virDomainGetName(domain), "uuid",
			 uuid, "state", info.state == VIR_DOMAIN_RUNNING ? "running" : "paused",
			 "actual_kib", (json_int_t)info.memory, "max_kib", (json_int_t)info.maxMem);
}

json_t *libvirt_status(void)
{
	virDomainPtr *domains = NULL;
	virConnectPtr connection;
	json_t *vms;
	int n;

	virSetErrorFunc(NULL, quiet);
	connection = connect();
	if (!connection)
		return NULL;
	vms = json_array();
	n = virConnectListAllDomains(connection, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
	for (int i = 0; i < n; i++) {
		json_t *vm = domain_status(domains[i]);

		if (vm)
			json_array_append_new(vms, vm);
		virDomainFree(domains[i]);
	}
	free(domains);
	virConnectClose(connection);
	return json_pack("{s:{s:s}, s:o}", "host", "source", "libvirt", "vms", vms);
}
