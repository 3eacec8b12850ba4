// SPDX-License-Identifier: GPL-2.0
/*
 * An abstract socket whose name is made of the URI. It needs no directory that all daemons agree on, is
 * gone with its process however that ends, and the kernel tells who has it.
 *
 * Anybody may bind such a name. So an ordinary user who has it does not keep a daemon of the system
 * from its work: only root, users of the system, and the same user are believed.
 */
#include "alone.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/log.h"

#define FIRST_ORDINARY_UID 1000

/* The driver without its transport, and what comes after it; of a session also whose. */
static void name_libvirt(const char *uri, char *text, size_t size)
{
	const char *rest = strstr(uri, "://");
	size_t driver = strcspn(uri, "+:");

	if (!rest)
		rest = uri + driver;
	snprintf(text, size, "%.*s%s#%u", (int)driver, uri, rest,
		 strstr(rest, "/session") ? geteuid() : 0);
}

/* FNV-1a, as in store/bytes.c: an address has no room for every URI. */
static void make_address(const char *uri, struct sockaddr_un *address, socklen_t *ret_length)
{
	uint64_t hash = 0xcbf29ce484222325;
	char text[512];
	int n;

	name_libvirt(uri, text, sizeof(text));
	for (const char *at = text; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3;
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
		     "org.aerostat1/%016" PRIx64, hash);
	*ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

static bool is_believed(uid_t uid)
{
	return uid < FIRST_ORDINARY_UID || uid == geteuid();
}

/* Who has it: -EEXIST, or 0 where that is nobody to be believed, or nobody any more. */
static int look_at_owner(const struct sockaddr_un *address, socklen_t length, pid_t *ret_pid)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred owner = { 0 };
	socklen_t size = sizeof(owner);

	*ret_pid = 0;
	if (fd < 0)
		return -errno;
	/* It never accepts; a queue that is full says that there is one, all the same. */
	if (connect(fd, (const struct sockaddr *)address, length))
		return errno == EAGAIN ? -EEXIST : 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &owner, &size))
		return -errno;
	if (is_believed(owner.uid)) {
		*ret_pid = owner.pid;
		return -EEXIST;
	}
	log_warning(
		"user %u holds the name by which daemons know of each other; that is not believed",
		owner.uid);
	return 0;
}

int alone_claim(const char *uri, pid_t *ret_pid)
{
	struct sockaddr_un address;
	socklen_t length;
	int fd, ret = 0;

	*ret_pid = 0;
	/* Each process has hosts of its own there. */
	if (!strncmp(uri, "test:", strlen("test:")))
		return 0;
	make_address(uri, &address, &length);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, length) || listen(fd, SOMAXCONN))
		ret = errno == EADDRINUSE ? look_at_owner(&address, length, ret_pid) : -errno;
	else
		return 0; /* it stays open until the process ends */
	close(fd);
	return ret;
}
