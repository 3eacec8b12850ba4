// SPDX-License-Identifier: GPL-2.0
/*
 * Hogs: children that fill memory with known content, hold it, and verify it when asked.
 *
 * Each is a process of its own, so that it can be the out-of-memory killer's victim while the
 * agent lives on to tell. Parent and child share a socket pair: the child sends one result when
 * all is filled, then one for each check it is asked for, and ends when the parent's end closes.
 */
#include "agent.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOGS_MAX 32

struct hog {
	char name[32]; /* empty: slot is free */
	pid_t pid;
	int fd;
};

static struct hog hogs[HOGS_MAX];

static struct hog *hog_find(const char *name)
{
	for (int i = 0; i < HOGS_MAX; i++)
		if (strcmp(hogs[i].name, name) == 0)
			return &hogs[i];
	return NULL;
}

static struct hog_result check_all(const char *memory, uint64_t pages, uint64_t seed)
{
	struct hog_result result = { .pages = pages };
	uint64_t start_ms = now_ms();

	for (uint64_t i = 0; i < pages; i++)
		if (!pattern_intact(memory + i * AGENT_PAGE_BYTES, i, seed))
			result.bad_pages++;
	result.took_ms = now_ms() - start_ms;
	return result;
}

static void hog_main(int fd, uint64_t mib)
{
	uint64_t pages = mib * (AGENT_MIB_BYTES / AGENT_PAGE_BYTES), seed = (uint64_t)getpid();
	struct hog_result result = { .pages = pages };
	uint64_t start_ms = now_ms();
	char *memory, ask;

	/* The first to be killed, whatever else is large. */
	file_write("/proc/self/oom_score_adj", "1000");
	memory = mmap(NULL, pages * AGENT_PAGE_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		_exit(1);
	for (uint64_t i = 0; i < pages; i++)
		pattern_fill(memory + i * AGENT_PAGE_BYTES, i, seed);
	result.took_ms = now_ms() - start_ms;
	do {
		if (write(fd, &result, sizeof(result)) != sizeof(result))
			_exit(1);
		if (read(fd, &ask, 1) != 1)
			_exit(0);
		result = check_all(memory, pages, seed);
	} while (true);
}

int hog_start(const char *name, uint64_t mib)
{
	struct hog *hog = hog_find("");
	int fds[2];
	pid_t pid;

	if (!*name || strlen(name) >= sizeof(hog->name) || mib == 0)
		return -EINVAL;
	if (hog_find(name))
		return -EEXIST;
	if (!hog)
		return -ENOSPC;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return -errno;
	}
	if (pid == 0) {
		close(fds[0]);
		/* Siblings' sockets would keep them alive after the agent lets go of them. */
		for (int i = 0; i < HOGS_MAX; i++)
			if (*hogs[i].name)
				close(hogs[i].fd);
		hog_main(fds[1], mib);
	}
	close(fds[1]);
	strcpy(hog->name, name);
	hog->pid = pid;
	hog->fd = fds[0];
	return 0;
}

/* Collects the child and frees its slot. */
static void hog_reap(struct hog *hog)
{
	close(hog->fd);
	kill(hog->pid, SIGKILL);
	while (waitpid(hog->pid, NULL, 0) < 0 && errno == EINTR)
		;
	memset(hog, 0, sizeof(*hog));
}

static int hog_receive(struct hog *hog, struct hog_result *ret_result)
{
	struct hog_result result;

	if (read(hog->fd, &result, sizeof(result)) != sizeof(result)) {
		hog_reap(hog);
		return -ENOMEM;
	}
	*ret_result = result;
	return 0;
}

int hog_wait(const char *name, struct hog_result *ret_result)
{
	struct hog *hog = *name ? hog_find(name) : NULL;

	return hog ? hog_receive(hog, ret_result) : -ESRCH;
}

int hog_check(const char *name, struct hog_result *ret_result)
{
	struct hog *hog = *name ? hog_find(name) : NULL;

	if (!hog)
		return -ESRCH;
	if (write(hog->fd, "c", 1) != 1) {
		hog_reap(hog);
		return -ENOMEM;
	}
	return hog_receive(hog, ret_result);
}

int hog_free(const char *name)
{
	struct hog *hog = *name ? hog_find(name) : NULL;

	if (!hog)
		return -ESRCH;
	hog_reap(hog);
	return 0;
}

void hog_free_all(void)
{
	for (int i = 0; i < HOGS_MAX; i++)
		if (*hogs[i].name)
			hog_reap(&hogs[i]);
}
