// SPDX-License-Identifier: GPL-2.0
/* Small files of a directory, which the kernel answers from memory. */
#include "source/cgroup.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/psi.h"
#include "util/text_file.h"

#define MOUNT	     "sys/fs/cgroup"
#define V2_PREFIX    "0::/"
#define SCOPE	     ".scope"
#define FILE_MAX_LEN 512

/* The line of cgroup v2; NULL: there is none. */
static const char *find_v2(const char *text)
{
	while (text && strncmp(text, V2_PREFIX, strlen(V2_PREFIX)) != 0) {
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return text ? text + strlen(V2_PREFIX) - 1 : NULL;
}

/* How much of `path` reaches to the end of the last component in ".scope"; 0: none does. */
static size_t scope_length(const char *path, size_t length)
{
	for (size_t end = length; end > strlen("/" SCOPE); end--)
		if ((end == length || path[end] == '/') &&
		    !strncmp(path + end - strlen(SCOPE), SCOPE, strlen(SCOPE)))
			return end;
	return 0;
}

int cgroup_scope(const char *text, char *ret_path)
{
	const char *path = find_v2(text);
	char copy[CGROUP_PATH_LEN];
	size_t length;

	if (!path)
		return -ENOENT;
	length = strcspn(path, "\n");
	length = scope_length(path, length);
	if (!length)
		return -ENOENT;
	if (length >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, path, length);
	copy[length] = '\0';
	/* Outside the namespace it was read in, ".." would be somebody else's. */
	if (strstr(copy, "/../"))
		return -EINVAL;
	memcpy(ret_path, copy, length + 1);
	return 0;
}

static int read_file(const char *root, const char *path, const char *name, char *text)
{
	char full[PATH_MAX];

	if (snprintf(full, sizeof(full), MOUNT "%s/%s", path, name) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	return text_file_read(root, full, text, FILE_MAX_LEN);
}

static struct opt_u64 read_kib(const char *root, const char *path, const char *name)
{
	unsigned long long bytes;
	char text[FILE_MAX_LEN];
	char *end;

	if (read_file(root, path, name, text) || !isdigit((unsigned char)*text))
		return opt_none();
	errno = 0;
	bytes = strtoull(text, &end, 10);
	if (errno || (*end && *end != '\n'))
		return opt_none();
	return opt_some(bytes / 1024);
}

struct cgroup_sample cgroup_read(const char *root, const char *path)
{
	struct cgroup_sample sample = {
		.memory_kib = read_kib(root, path, "memory.current"),
		.swap_kib = read_kib(root, path, "memory.swap.current"),
	};
	char text[FILE_MAX_LEN];

	if (!read_file(root, path, "memory.pressure", text)) {
		struct psi psi = psi_parse(text);

		sample.some_permille = psi.some_permille;
		sample.full_permille = psi.full_permille;
	}
	return sample;
}
