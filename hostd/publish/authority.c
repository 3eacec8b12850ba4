// SPDX-License-Identifier: GPL-2.0
/*
 * Two questions, one after the other: the bus is asked for the sender's user, and polkit, where
 * that alone does not decide. polkit judges by the sender's unique name, which nobody can forge.
 * Where polkit is not running, only root and our own user are left.
 *
 * A person may be asked for a password in between, if the caller allows that; so a question to
 * polkit may take long, and others are answered meanwhile.
 */
#include "publish/authority.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/log.h"

#define PENDING_MAX 64 /* calls that wait for an answer; more are refused */
#define PENDING_POLKIT \
	48 /* of them, those polkit is asked about: there is room for root's always */
#define BUS_TIMEOUT_US	  (5 * (uint64_t)1000000)
#define PERSON_TIMEOUT_US (180 * (uint64_t)1000000)

#define POLKIT_NAME	 "org.freedesktop.PolicyKit1"
#define POLKIT_PATH	 "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"
#define POLKIT_INTERACT	 1 /* flag AllowUserInteraction */

struct question {
	struct authority *authority;
	sd_bus_message *call; /* NULL: this place is free */
	const char *action;
	authority_fn granted;
	bool at_polkit;
	sd_bus_slot *slot; /* of the answer */
};

struct authority {
	sd_bus *bus;
	void *userdata;
	struct question questions[PENDING_MAX];
};

struct authority *authority_new(sd_bus *bus, void *userdata)
{
	struct authority *authority = calloc(1, sizeof(*authority));

	if (!authority)
		return NULL;
	authority->bus = bus;
	authority->userdata = userdata;
	for (size_t i = 0; i < PENDING_MAX; i++)
		authority->questions[i].authority = authority;
	return authority;
}

static void forget(struct question *question)
{
	question->slot = sd_bus_slot_unref(question->slot);
	question->call = sd_bus_message_unref(question->call);
	question->at_polkit = false;
}

void authority_free(struct authority *authority)
{
	if (!authority)
		return;
	for (size_t i = 0; i < PENDING_MAX; i++)
		forget(&authority->questions[i]);
	free(authority);
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
	question->at_polkit = true;
	if (ret >= 0)
		ret = sd_bus_call_async(authority->bus, &question->slot, m, on_polkit, question,
					interactive ? PERSON_TIMEOUT_US : BUS_TIMEOUT_US);
	sd_bus_message_unref(m);
	return ret;
}

/* A person thinks for minutes, and anybody may make polkit ask one. */
static bool polkit_is_busy(const struct authority *authority)
{
	unsigned int n = 0;

	for (size_t i = 0; i < PENDING_MAX; i++)
		n += authority->questions[i].at_polkit;
	return n >= PENDING_POLKIT;
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
	if (uid == 0 || uid == geteuid())
		grant(question);
	else if (polkit_is_busy(question->authority))
		refuse(question, SD_BUS_ERROR_LIMITS_EXCEEDED, "too many calls wait for polkit");
	else if (ask_polkit(question) < 0)
		refuse(question, SD_BUS_ERROR_FAILED, "polkit cannot be asked");
	return 0;
}

int authority_ask(struct authority *authority, sd_bus_message *call, const char *action,
		  authority_fn granted, sd_bus_error *error)
{
	struct question *question = NULL;
	int ret;

	for (size_t i = 0; i < PENDING_MAX && !question; i++)
		if (!authority->questions[i].call)
			question = &authority->questions[i];
	if (!question)
		return sd_bus_error_setf(error, SD_BUS_ERROR_LIMITS_EXCEEDED,
					 "%d calls wait for polkit already", PENDING_MAX);
	question->call = sd_bus_message_ref(call);
	question->action = action;
	question->granted = granted;
	ret = sd_bus_call_method_async(authority->bus, &question->slot, "org.freedesktop.DBus",
				       "/org/freedesktop/DBus", "org.freedesktop.DBus",
				       "GetConnectionUnixUser", on_user, question, "s",
				       sd_bus_message_get_sender(call));
	if (ret < 0) {
		forget(question);
		return ret;
	}
	return 1; /* the reply comes later */
}
