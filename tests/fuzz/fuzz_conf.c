// SPDX-License-Identifier: GPL-2.0
/* Configuration files. Whatever is accepted must give every VM settings that make sense. */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "conf/conf.h"

/* A file in memory: conf_load() takes a path. */
static const char *file_of(const uint8_t *data, size_t size)
{
	static char path[32];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("aerostatd.conf", MFD_CLOEXEC);
		must(fd >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	must(!ftruncate(fd, 0));
	must(pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

static void check(const struct conf *conf)
{
	static const char *const names[] = { "vm", "db-1", "web.example", "" };
	struct conf_error error = { .text = "" };
	struct vm_settings settings;

	must(conf->daemon.interval_ms >= 200);
	must(conf->daemon.stats_period_s);
	must(conf->policy.float_permille <= 500);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int ret = conf_vm_settings(conf, names[i], NULL, &settings, &error);

		must_be_said(error.text, sizeof(error.text), ret);
		must(ret || settings.shares >= 1);
		must(ret || settings.limit_permille <= 1000);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_error error = { .text = "" };
	struct conf *conf;
	int ret;

	ret = conf_load(file_of(data, size), &conf, &error);
	must_be_said(error.text, sizeof(error.text), ret);
	if (ret)
		return 0;
	check(conf);
	conf_free(conf);
	return 0;
}
