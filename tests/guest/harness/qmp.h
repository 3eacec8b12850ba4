/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_QMP_H
#define GUEST_QMP_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

struct qmp;

/* Takes the socket over, and shakes hands. Every line goes to the log too, if there is one. */
int qmp_new(int fd, FILE *log, uint64_t timeout_ms, struct qmp **ret_qmp);
void qmp_free(struct qmp *qmp);

/*
 * One command with arguments as of json_pack (NULL: none). ret_result may be NULL; else it gets a
 * new reference. -EREMOTEIO when QEMU refuses: qmp_error says why. -ETIMEDOUT, -EPIPE.
 */
int qmp_command(struct qmp *qmp, uint64_t timeout_ms, json_t **ret_result, const char *command,
		const char *arguments, ...);
const char *qmp_error(const struct qmp *qmp);

/*
 * The oldest event of this name that nobody has taken yet, waiting for it if needed. ret_data may
 * be NULL; else it gets a new reference. -ETIMEDOUT, -EPIPE.
 */
int qmp_wait_event(struct qmp *qmp, uint64_t timeout_ms, const char *event, json_t **ret_data);
/* Drops the events that nobody has taken. */
void qmp_forget_events(struct qmp *qmp);

#endif
