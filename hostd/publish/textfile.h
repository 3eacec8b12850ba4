/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The metrics as a file for the textfile collector of Prometheus' node_exporter: for hosts that
 * have one anyway, and with it TLS, passwords and a firewall's hole.
 */
#ifndef AEROSTAT_PUBLISH_TEXTFILE_H
#define AEROSTAT_PUBLISH_TEXTFILE_H

#include <stddef.h>

struct textfile;

/*
 * Begin to keep the file `path` (copied), which is replaced as a whole each time, readable by all.
 * Returns 0 or a negative errno.
 */
int textfile_new(const char *path, struct textfile **ret_textfile);

/* Write `text`, which is taken over, from another thread; one that is not yet written is skipped. */
void textfile_put(struct textfile *textfile, char *text, size_t length);

/* The file goes, because nobody will renew it. Waits half a second at most where a write hangs. */
void textfile_free(struct textfile *textfile); /* takes NULL */

#endif
