/* SPDX-License-Identifier: GPL-2.0 */
/* gnuplot as a program of its own, fed through a pipe: no file name passes through a shell. */
#ifndef AEROSTAT_CTL_GNUPLOT_H
#define AEROSTAT_CTL_GNUPLOT_H

#include <stdio.h>
#include <sys/types.h>

struct gnuplot {
	pid_t pid;
	FILE *to; /* its commands; writing to one that has ended is an error, not a signal */
	void (*before)(int);
};

/* Returns 0, or a negative errno; -ENOENT: it is not installed. Until gnuplot_end() SIGPIPE is ignored. */
int gnuplot_start(struct gnuplot *gnuplot);

/* Text as gnuplot reads it, in quotes. */
void gnuplot_quote(struct gnuplot *gnuplot, const char *text);

/* Let it draw, and wait. Returns 0 or -EIO: it could not, and has said why. */
int gnuplot_end(struct gnuplot *gnuplot);

/* The message for `error`, of either of them, on standard error. Returns an exit code. */
int gnuplot_complain(const char *file, int error);

#endif
