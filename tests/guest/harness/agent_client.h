/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GUEST_AGENT_CLIENT_H
#define GUEST_AGENT_CLIENT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct agent;

/*
 * Takes the socket over and waits until the agent in the guest is ready; one that is running already
 * does not say so again. Both directions are logged. ret_module_errno: why the balloon module asked
 * for could not be loaded, or 0.
 */
int agent_new(int fd, FILE *log, uint64_t timeout_ms, bool running, struct agent **ret_agent,
	      int *ret_module_errno);
void agent_free(struct agent *agent);
/* Waits for the agent of the next boot; ret_module_errno as above. -ETIMEDOUT, -EPIPE. */
int agent_wait_ready(struct agent *agent, uint64_t timeout_ms, int *ret_module_errno);

/*
 * One request (see README.md for the verbs). ret_text may be NULL; else it gets the reply's text,
 * to be freed. A refusal comes back as the guest's negative errno. -ETIMEDOUT, -EPIPE.
 */
int agent_vask(struct agent *agent, uint64_t timeout_ms, char **ret_text, const char *format,
	       va_list args) __attribute__((format(printf, 4, 0)));

/*
 * The two halves of it, for a request whose reply depends on what the host does meanwhile.
 * agent_vstart gives the request's number; agent_finish may be tried again after -ETIMEDOUT.
 */
int agent_vstart(struct agent *agent, uint64_t *ret_number, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));
int agent_finish(struct agent *agent, uint64_t timeout_ms, uint64_t number, char **ret_text);

#endif
