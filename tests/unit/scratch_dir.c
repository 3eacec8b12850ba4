// SPDX-License-Identifier: GPL-2.0
/* A directory of a test's own (scratch_dir.h). */
#include "cmocka_test.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch_dir.h"

int scratch_setup(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	if (!scratch)
		return -1;
	strcpy(scratch->path, "/tmp/aerostat-test-XXXXXX");
	if (!mkdtemp(scratch->path)) {
		free(scratch);
		return -1;
	}
	*state = scratch;
	return 0;
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

int scratch_teardown(void **state)
{
	struct scratch *scratch = *state;
	int ret = nftw(scratch->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);

	free(scratch);
	return ret;
}

const char *scratch_write_bytes(const struct scratch *scratch, const char *name, const void *bytes,
				size_t length)
{
	static char path[512];
	char *slash;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", scratch->path, name);
	for (slash = path + strlen(scratch->path) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0700);
		*slash = '/';
	}
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
	return path;
}

const char *scratch_write(const struct scratch *scratch, const char *name, const char *text)
{
	return scratch_write_bytes(scratch, name, text, strlen(text));
}
