// SPDX-License-Identifier: GPL-2.0
/* gnuplot (gnuplot.h): a gnuplot that ends early shows in its status, and must not end us. */
#include "ctl/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl/client.h"

int gnuplot_start(struct gnuplot *gnuplot)
{
	static const char *const arguments[] = { "gnuplot", NULL };
	posix_spawn_file_actions_t actions;
	int ends[2], error;
	FILE *to;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	to = fdopen(ends[1], "w");
	error = to ? posix_spawn_file_actions_init(&actions) : errno;
	if (!error) {
		posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO);
		error = posix_spawnp(&pid, "gnuplot", &actions, NULL, (char *const *)arguments,
				     environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	close(ends[0]);
	if (!error) {
		*gnuplot = (struct gnuplot){ .pid = pid, .to = to };
		gnuplot->before = signal(SIGPIPE, SIG_IGN);
		return 0;
	}
	if (to)
		fclose(to);
	else
		close(ends[1]);
	return -error;
}

/* In gnuplot's single quotes, a quote is written twice. */
void gnuplot_quote(struct gnuplot *gnuplot, const char *text)
{
	putc('\'', gnuplot->to);
	for (; *text; text++) {
		if (*text == '\'')
			putc('\'', gnuplot->to);
		putc(*text, gnuplot->to);
	}
	putc('\'', gnuplot->to);
}

int gnuplot_end(struct gnuplot *gnuplot)
{
	bool written = !ferror(gnuplot->to);
	int status = -1;

	written = !fclose(gnuplot->to) && written;
	signal(SIGPIPE, gnuplot->before);
	while (waitpid(gnuplot->pid, &status, 0) < 0 && errno == EINTR)
		;
	return written && WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

int gnuplot_complain(const char *file, int error)
{
	if (error == -ENOENT)
		fprintf(stderr, "aerostatctl: cannot draw %s: gnuplot is not installed\n", file);
	else if (error == -EIO)
		fprintf(stderr, "aerostatctl: gnuplot could not draw %s\n", file);
	else
		fprintf(stderr, "aerostatctl: cannot start gnuplot: %s\n", strerror(-error));
	return CTL_FAILED;
}
