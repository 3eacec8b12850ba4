// SPDX-License-Identifier: GPL-2.0
/*
 * One line a decision. In the journal every number is a field of its own as well, so that
 *
 *   journalctl -u aerostatd AEROSTAT_VM=db1 AEROSTAT_REASON=reclaim -o json
 *
 * gives an audit trail without parsing text. A number that is not known is "?" in the text and
 * no field.
 */
#include "publish/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/log.h"

struct number {
	const char *text_name;
	const char *field_name; /* in the journal; NULL: only in the text */
	struct opt_u64 value;
};

static bool announced_already(const struct vm *vm)
{
	const struct vm_decision *decision = &vm->decision;

	if (!vm->announced || vm->announced_reason != decision->reason)
		return false;
	return !decision->set || (vm->announced_target_kib.known &&
				  opt_or(vm->announced_target_kib, 0) == decision->target_kib);
}

static void remember(struct vm *vm)
{
	vm->announced = true;
	vm->announced_reason = vm->decision.reason;
	vm->announced_target_kib = vm->decision.set ? opt_some(vm->decision.target_kib)
						    : opt_none();
}

/* Append " name=value" as far as it fits; a cut line is better than none. */
static void append(char *text, size_t size, const struct number *number)
{
	size_t used = strlen(text);
	uint64_t value;

	if (opt_get(number->value, &value))
		snprintf(text + used, size - used, " %s=%" PRIu64, number->text_name, value);
	else
		snprintf(text + used, size - used, " %s=?", number->text_name);
}

static void set_text_field(struct log_field *field, const char *name, const char *value)
{
	snprintf(field->text, sizeof(field->text), "%s=%s", name, value);
}

void journal_decision(struct vm *vm, const struct host_decision *host, bool dry_run)
{
	const struct vm_decision *decision = &vm->decision;
	const struct vm_sample *sample = &vm->sample;
	const struct number numbers[] = {
		{ "actual_kib", "AEROSTAT_ACTUAL_KIB", sample->actual_kib },
		{ "target_kib", "AEROSTAT_TARGET_KIB", opt_some(decision->target_kib) },
		{ "demand_kib", "AEROSTAT_DEMAND_KIB", decision->demand_kib },
		{ "usual_kib", "AEROSTAT_USUAL_KIB", decision->usual_kib },
		{ "usable_kib", "AEROSTAT_USABLE_KIB", sample->usable_kib },
		{ "stats_age_ms", "AEROSTAT_STATS_AGE_MS", sample->stats_age_ms },
		{ "reservation_kib", "AEROSTAT_RESERVATION_KIB",
		  opt_some(decision->reservation_kib) },
		{ "limit_kib", "AEROSTAT_LIMIT_KIB", opt_some(decision->limit_kib) },
		{ "entitlement_kib", "AEROSTAT_ENTITLEMENT_KIB",
		  opt_some(decision->entitlement_kib) },
		{ "capacity_kib", "AEROSTAT_CAPACITY_KIB", host->capacity_kib },
		{ "free_kib", "AEROSTAT_FREE_KIB", host->free_kib },
		{ "margin_kib", "AEROSTAT_MARGIN_KIB", host->margin_kib },
	};
	const size_t n_numbers = sizeof(numbers) / sizeof(numbers[0]);
	const char *reason = reason_to_string(decision->reason);
	struct log_field fields[sizeof(numbers) / sizeof(numbers[0]) + 4];
	size_t n_fields = 0, used;
	char text[768];

	if (announced_already(vm))
		return;
	remember(vm);

	set_text_field(&fields[n_fields++], "AEROSTAT_VM", vm->name);
	set_text_field(&fields[n_fields++], "AEROSTAT_UUID", sample->uuid);
	set_text_field(&fields[n_fields++], "AEROSTAT_REASON", reason);
	set_text_field(&fields[n_fields++], "AEROSTAT_HOST_STATE",
		       host_state_to_string(host->state));
	snprintf(text, sizeof(text), "%.100s: %s%s:", vm->name, reason,
		 decision->set && dry_run ? " (dry run, not set)" : "");
	for (size_t i = 0; i < n_numbers; i++) {
		uint64_t value;

		append(text, sizeof(text), &numbers[i]);
		if (!opt_get(numbers[i].value, &value))
			continue;
		snprintf(fields[n_fields].text, sizeof(fields[n_fields].text), "%s=%" PRIu64,
			 numbers[i].field_name, value);
		n_fields++;
	}
	used = strlen(text);
	snprintf(text + used, sizeof(text) - used, " host=%s (%s)",
		 host_state_to_string(host->state), reason_to_sentence(decision->reason));
	/* Somebody has to know: this VM is deprived for nothing until its settings change. */
	log_fields(decision->reason == REASON_NO_EFFECT ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, text,
		   fields, n_fields);
}

void journal_host(const struct host_sample *sample, const struct host_decision *decision)
{
	const struct number numbers[] = {
		{ "total_kib", NULL, sample->total_kib },
		{ "available_kib", NULL, sample->available_kib },
		{ "psi_some_permille", NULL, sample->psi_some_permille },
		{ "margin_kib", NULL, decision->margin_kib },
		{ "swap_out_kib_s", NULL, decision->swap_out_kib_s },
		{ "capacity_kib", NULL, decision->capacity_kib },
		{ "charged_kib", NULL, opt_some(decision->charged_kib) },
		{ "free_kib", NULL, decision->free_kib },
	};
	struct log_field field = { 0 };
	char text[512];

	set_text_field(&field, "AEROSTAT_HOST_STATE", host_state_to_string(decision->state));
	snprintf(text, sizeof(text), "host: %s:", host_state_to_string(decision->state));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		append(text, sizeof(text), &numbers[i]);
	/* Low is the alarm: the host is about to swap, or does. */
	log_fields(decision->state == HOST_LOW ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, text, &field,
		   1);
}

void journal_alarm(const struct alarm *alarm, const char *text)
{
	struct log_field fields[7] = { 0 };
	size_t n = 0;

	set_text_field(&fields[n++], "MESSAGE_ID", alarm_message_id(alarm->kind));
	set_text_field(&fields[n++], "AEROSTAT_ALARM", alarm_to_string(alarm->kind));
	set_text_field(&fields[n++], "AEROSTAT_ALARM_STATE", alarm->raised ? "raised" : "cleared");
	if (alarm->vm) {
		set_text_field(&fields[n++], "AEROSTAT_VM", alarm->vm);
		set_text_field(&fields[n++], "AEROSTAT_UUID", alarm->uuid);
	}
	if (alarm->device)
		set_text_field(&fields[n++], "AEROSTAT_DEVICE", alarm->device);
	log_fields(alarm->raised ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, text, fields, n);
}
