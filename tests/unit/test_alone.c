// SPDX-License-Identifier: GPL-2.0
/* One daemon a libvirt, told by nothing but the kernel. */
#include "cmocka_test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alone.h"

/* As another process: 0, or the errno. */
static int claimed_elsewhere(const char *uri, uid_t uid)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		pid_t owner;

		if (uid && setuid(uid))
			_exit(255);
		_exit(-alone_claim(uri, &owner));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_second_claim(void **state)
{
	char uri[96], same[96], other[96];
	pid_t owner;

	(void)state;
	snprintf(uri, sizeof(uri), "qemu:///system?socket=/%d", getpid());
	snprintf(same, sizeof(same), "qemu+unix:///system?socket=/%d", getpid());
	snprintf(other, sizeof(other), "qemu:///system?socket=/%d-other", getpid());
	assert_int_equal(claimed_elsewhere(uri, 0), 0); /* gone with its process */
	assert_int_equal(alone_claim(uri, &owner), 0);
	assert_int_equal(claimed_elsewhere(uri, 0), EEXIST);
	assert_int_equal(claimed_elsewhere(same, 0), EEXIST);
	assert_int_equal(claimed_elsewhere(other, 0), 0);
	assert_int_equal(claimed_elsewhere("test:///default", 0), 0);
	assert_int_equal(alone_claim("test:///default", &owner), 0);
	assert_int_equal(claimed_elsewhere("test:///default", 0), 0);
	assert_int_equal(alone_claim(uri, &owner), -EEXIST);
	assert_int_equal(owner, getpid());
}

/* Whoever is nobody may not keep root's daemon from starting, but root's keeps theirs. */
static void test_ordinary_user(void **state)
{
	char uri[96], ready;
	int pipes[2], status;
	pid_t pid, owner;

	(void)state;
	if (geteuid())
		skip();
	snprintf(uri, sizeof(uri), "qemu:///system?socket=/%d-user", getpid());
	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (!pid) {
		if (setuid(4321) || alone_claim(uri, &owner) || write(pipes[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &ready, 1), 1);
	close(pipes[0]);
	assert_int_equal(claimed_elsewhere(uri, 4321), EEXIST);
	assert_int_equal(alone_claim(uri, &owner), 0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	assert_int_equal(alone_claim(uri, &owner), 0);
	assert_int_equal(claimed_elsewhere(uri, 4321), EEXIST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_second_claim),
		cmocka_unit_test(test_ordinary_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
