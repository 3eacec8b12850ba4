// SPDX-License-Identifier: GPL-2.0
/*
 * Two questions, one after the other: the bus is asked for the sender's user, and polkit, where
 * that alone does not decide. polkit judges by the sender's unique name, which nobody can forge.
 * Where polkit is not running, only root and our own user are left.
 *
 * A person may be asked for a password in between, if the caller allows that; so a question to
 * polkit may take long, and others are answered meanwhile. How many may wait is bounded for each
 * connection and for each user, so that nobody takes the place of anybody else; the bus bounds the
 * connections of a user.
 */
#include "publish/authority.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"

/* Calls that may wait for an answer; more are refused. */
#define PENDING_OF_SENDER 4
#define PENDING_OF_USER	  8 /* for that of polkit */

#define BUS_TIMEOUT_US	  (5 * (uint64_t)1000000)
#define PERSON_TIMEOUT_US (180 * (uint64_t)1000000)

#define POLKIT_NAME	 "org.freedesktop.PolicyKit1"
#define POLKIT_PATH	 "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"
#define POLKIT_INTERACT	 1 /* flag AllowUserInteraction */

struct question {
	struct question *next;
	struct authority *authority;
	sd_bus_message *call;
	const char *action;
	authority_fn granted;
	sd_bus_slot *slot; /* of the answer */
	bool at_polkit; /* and `uid`, who asks, is known */
	uint32_t uid;
};

struct authority {
	sd_bus *bus;
	void *userdata;
	struct question *questions;
};

struct authority *authority_new(sd_bus *bus, void *userdata)
{
	struct authority *authority = calloc(1, sizeof(*authority));

	if (!authority)
		return NULL;
	authority->bus = bus;
	authority->userdata = userdata;
	return authority;
}

static void forget(struct question *question)
{
	struct question **at = &question->authority->questions;

	while (*at != question)
		at = &(*at)->next;
	*at = question->next;
	sd_bus_slot_unref(question->slot);
	sd_bus_message_unref(question->call);
	free(question);
}

void authority_free(struct authority *authority)
{
	if (!authority)
		return;
	while (authority->questions)
		forget(authority->questions);
	free(authority);
}

static unsigned int count_of_sender(const struct authority *authority, const char *sender)
{
	unsigned int n = 0;

	for (const struct question *q = authority->questions; q; q = q->next)
		n += !strcmp(sd_bus_message_get_sender(q->call), sender);
	return n;
}

static unsigned int count_of_user(const struct authority *authority, uint32_t uid)
{
	unsigned int n = 0;

	for (const struct question *q = authority->questions; q; q = q->next)
		n += q->at_polkit && q->uid == uid;
	return n;
}

static void refuse(struct question *question, const char *name, const char *why)
{
	sd_bus_reply_method_errorf(question->call, name, "%s", why);
	forget(question);
}

static void grant(struct question *question)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int ret;

	ret = question->granted(question->authority->userdata, question->call, &error);
	if (sd_bus_error_is_set(&error))
		sd_bus_reply_method_error(question->call, &error);
	else if (ret < 0)
		sd_bus_reply_method_errno(question->call, ret, NULL);
	sd_bus_error_free(&error);
	forget(question);
}

static int on_polkit(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct question *question = userdata;
	int authorized = 0, challenge = 0;

	(void)error;
	if (sd_bus_message_is_method_error(reply, NULL)) {
		log_debug("polkit: %s", sd_bus_message_get_error(reply)->name);
		refuse(question, SD_BUS_ERROR_ACCESS_DENIED,
		       "only root may do that, because polkit does not answer");
		return 0;
	}
	if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
	    sd_bus_message_read(reply, "bb", &authorized, &challenge) < 0)
		authorized = challenge = 0;
	if (authorized)
		grant(question);
	else if (challenge)
		refuse(question, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
		       "polkit wants a password for that, and nobody can be asked for it");
	else
		refuse(question, SD_BUS_ERROR_ACCESS_DENIED, "polkit does not allow you that");
	return 0;
}

static int ask_polkit(struct question *question)
{
	bool interactive = sd_bus_message_get_allow_interactive_authorization(question->call) > 0;
	struct authority *authority = question->authority;
	sd_bus_message *m = NULL;
	int ret;

	ret = sd_bus_message_new_method_call(authority->bus, &m, POLKIT_NAME, POLKIT_PATH,
					     POLKIT_INTERFACE, "CheckAuthorization");
	if (ret >= 0)
		ret = sd_bus_message_append(m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name",
					    "s", sd_bus_message_get_sender(question->call),
					    question->action, 0, interactive ? POLKIT_INTERACT : 0,
					    "");
	question->slot = sd_bus_slot_unref(question->slot);
	if (ret >= 0)
		ret = sd_bus_call_async(authority->bus, &question->slot, m, on_polkit, question,
					interactive ? PERSON_TIMEOUT_US : BUS_TIMEOUT_US);
	sd_bus_message_unref(m);
	return ret;
}

static int on_user(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct question *question = userdata;
	uint32_t uid;

	(void)error;
	if (sd_bus_message_is_method_error(reply, NULL) ||
	    sd_bus_message_read(reply, "u", &uid) < 0) {
		refuse(question, SD_BUS_ERROR_ACCESS_DENIED, "the bus does not say who you are");
		return 0;
	}
	if (uid == 0 || uid == geteuid()) {
		grant(question);
		return 0;
	}
	if (count_of_user(question->authority, uid) >= PENDING_OF_USER) {
		refuse(question, SD_BUS_ERROR_LIMITS_EXCEEDED,
		       "too many orders of this user wait for polkit already");
		return 0;
	}
	question->uid = uid;
	question->at_polkit = true;
	if (ask_polkit(question) < 0)
		refuse(question, SD_BUS_ERROR_FAILED, "polkit cannot be asked");
	return 0;
}

int authority_ask(struct authority *authority, sd_bus_message *call, const char *action,
		  authority_fn granted, sd_bus_error *error)
{
	const char *sender = sd_bus_message_get_sender(call);
	struct question *question;
	int ret;

	if (!sender)
		return -EINVAL; /* the bus names all who are on it */
	if (count_of_sender(authority, sender) >= PENDING_OF_SENDER)
		return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					"too many orders on this connection wait already");
	question = calloc(1, sizeof(*question));
	if (!question)
		return -ENOMEM;
	question->authority = authority;
	question->next = authority->questions;
	authority->questions = question;
	question->call = sd_bus_message_ref(call);
	question->action = action;
	question->granted = granted;
	ret = sd_bus_call_method_async(authority->bus, &question->slot, "org.freedesktop.DBus",
				       "/org/freedesktop/DBus", "org.freedesktop.DBus",
				       "GetConnectionUnixUser", on_user, question, "s", sender);
	if (ret < 0) {
		forget(question);
		return ret;
	}
	return 1; /* the reply comes later */
}
