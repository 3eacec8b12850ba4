// SPDX-License-Identifier: GPL-2.0
/*
 * Text of /proc and /sys: counters, pressure files, control groups, command lines and numbers of
 * processes, NUMA nodes, disks. Half of it may be missing, and other processes choose what some of it says.
 */
#include "fuzz.h"

#include "source/cgroup.h"
#include "source/counters.h"
#include "source/host_detail.h"
#include "source/process.h"
#include "source/psi.h"
#include "source/storage.h"

static void read_pressure(const char *text)
{
	struct psi psi = psi_parse(text);

	must(opt_or(psi.some_permille, 0) <= 1000);
	must(opt_or(psi.full_permille, 0) <= 1000);
}

static void read_counters(const char *text)
{
	static const char *const keys[] = { "MemTotal", "MemAvailable", "pswpin", "a" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		counters_find(text, keys[i]);
}

static void read_cgroup(const char *text)
{
	char path[CGROUP_PATH_LEN] = "untouched";

	if (cgroup_scope(text, path)) {
		must(!strcmp(path, "untouched"));
		return;
	}
	must(memchr(path, 0, sizeof(path)));
	must(path[0] == '/');
	must(!strstr(path, "/../"));
	must(!strchr(path, '\n'));
	must(strlen(path) > strlen("/.scope"));
	must(!strcmp(path + strlen(path) - strlen(".scope"), ".scope"));
}

/* With the bytes in a block of exactly their size, so that reading beyond them is noticed. */
static void read_command_line(const uint8_t *data, size_t size)
{
	char *exact = malloc(size ? size : 1);
	const char *uuid;

	must(exact);
	memcpy(exact, data, size);
	uuid = process_uuid(exact, size);
	must(!uuid || strlen(uuid) == VM_UUID_LEN - 1);
	free(exact);
}

static void read_node(const char *text)
{
	struct host_node node = { .number = 7 };

	host_node_parse(text, &node);
	must(node.number == 7);
}

static void read_storage(const char *text)
{
	struct storage_counters counters = { .ended = 7 };

	if (storage_parse(text, &counters)) {
		must(counters.ended == 7);
		return;
	}
	must(memchr(counters.name, 0, sizeof(counters.name)));
	must(counters.name[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);

	read_pressure(text);
	read_counters(text);
	read_cgroup(text);
	read_node(text);
	read_storage(text);
	process_start(text);
	read_command_line(data, size);
	free(text);
	return 0;
}
