// SPDX-License-Identifier: GPL-2.0
/*
 * The text format. It wants all samples of a family together, so VMs are gone through once a
 * family: a thousand VMs make 27,000 lines.
 *
 * Guests' numbers pass through here as they came, and may be anything: sizes are bounded before
 * they are multiplied. Names of domains come from libvirt's XML, and so are valid UTF-8.
 */
#include "publish/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "publish/advice.h"
#include "publish/alarms.h"
#include "publish/metrics_internal.h"
#include "publish/telemetry.h"

#define PREFIX "aerostat_"

/* Families with labels of their own. */
static const struct family build_info = { "build_info", "gauge", UNIT_NONE,
					  "1, with the daemon's version." };
static const struct family host_state = { "host_state", "gauge", UNIT_NONE,
					  "1 for the state the host is in, 0 for the others." };
static const struct family decisions = { "decisions_total", "counter", UNIT_NONE,
					 "Decisions by reason, one a VM and round." };
static const struct family tick_seconds = {
	"tick_duration_seconds", "histogram", UNIT_NONE,
	"From asking for statistics until targets are on their way."
};
static const struct family decide_seconds = { "decide_duration_seconds", "histogram", UNIT_NONE,
					      "What the policy alone takes of that." };
static const struct family vm_info = { "vm_info", "gauge", UNIT_NONE,
				       "1, with its class, mode and the reason of its size." };

static const struct family alarm_raised = { "alarm", "gauge", UNIT_NONE,
					    "1 while this alarm is raised, 0 otherwise." };
static const struct family alarm_limit_ratio = { "alarm_threshold_ratio", "gauge", UNIT_PERMILLE,
						 "Above this it is an alarm, as configured." };
static const struct family alarm_limit_seconds = { "alarm_threshold_seconds", "gauge", UNIT_US,
						   "Likewise, where it is a time and no share." };

static const struct family *const labelled[] = {
	&build_info, &host_state,   &decisions,		&tick_seconds,	     &decide_seconds,
	&vm_info,    &alarm_raised, &alarm_limit_ratio, &alarm_limit_seconds
};

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

bool metrics_family(size_t index, const char **ret_name, const char **ret_type,
		    const char **ret_help)
{
	const struct family *family;

	if (index < HOST_METRICS_)
		family = &host_families[index];
	else if (index - HOST_METRICS_ < VM_METRICS_)
		family = &vm_families[index - HOST_METRICS_];
	else if (index - HOST_METRICS_ - VM_METRICS_ < ARRAY_SIZE(labelled))
		family = labelled[index - HOST_METRICS_ - VM_METRICS_];
	else
		return false;
	*ret_name = family->name;
	*ret_type = family->type;
	*ret_help = family->help;
	return true;
}

static void print_head(FILE *out, const struct family *family)
{
	fprintf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", family->name, family->help,
		family->name, family->type);
}

static void print_value(FILE *out, enum unit unit, uint64_t value)
{
	switch (unit) {
	case UNIT_NONE:
		fprintf(out, " %" PRIu64 "\n", value);
		break;
	case UNIT_KIB:
		fprintf(out, " %" PRIu64 "\n", saturating_mul(value, 1024));
		break;
	case UNIT_US:
		fprintf(out, " %" PRIu64 ".%06" PRIu64 "\n", value / 1000000, value % 1000000);
		break;
	case UNIT_MS:
	case UNIT_PERMILLE:
		fprintf(out, " %" PRIu64 ".%03" PRIu64 "\n", value / 1000, value % 1000);
		break;
	}
}

/* A label's value: backslash, quote and newline are what the format wants escaped. */
static void print_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\\' || *text == '"')
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

/* "{domain=..., uuid=..." without the closing brace. */
static void print_vm_labels(FILE *out, const struct vm *vm)
{
	fputs("{domain=\"", out);
	print_escaped(out, vm->name);
	fprintf(out, "\",uuid=\"%s\"", vm->sample.uuid);
}

static void print_label(FILE *out, const char *name, const char *value)
{
	fprintf(out, ",%s=\"", name);
	print_escaped(out, value ? value : "");
	fputc('"', out);
}

static void print_host(FILE *out, const struct status *status)
{
	for (int i = 0; i < HOST_METRICS_; i++) {
		const struct family *family = &host_families[i];
		uint64_t value;

		if (!opt_get(host_value(status, (enum host_metric)i), &value))
			continue;
		print_head(out, family);
		fprintf(out, PREFIX "%s", family->name);
		print_value(out, family->unit, value);
	}
}

static void print_vm_family(FILE *out, const struct scene *scene, enum vm_metric metric)
{
	const struct family *family = &vm_families[metric];
	bool any = false;

	for (size_t i = 0; i < scene->status->fleet->n_vms; i++) {
		const struct vm *vm = scene->status->fleet->vms[i];
		uint64_t value;

		if (!opt_get(vm_value(scene, vm, metric), &value))
			continue;
		if (!any)
			print_head(out, family);
		any = true;
		fprintf(out, PREFIX "%s", family->name);
		print_vm_labels(out, vm);
		fputc('}', out);
		print_value(out, family->unit, value);
	}
}

static void print_host_state(FILE *out, const struct status *status)
{
	static const enum host_state states[] = { HOST_UNKNOWN, HOST_RELAXED, HOST_SOFT, HOST_HARD,
						  HOST_LOW };

	if (!status->ticks)
		return;
	print_head(out, &host_state);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		fprintf(out, PREFIX "%s{state=\"%s\"} %d\n", host_state.name,
			host_state_to_string(states[i]), status->decision.state == states[i]);
}

static void print_decisions(FILE *out, const struct telemetry *telemetry)
{
	print_head(out, &decisions);
	for (int i = REASON_NONE + 1; i < REASON_COUNT_; i++)
		fprintf(out, PREFIX "%s{reason=\"%s\"} %" PRIu64 "\n", decisions.name,
			reason_to_string((enum reason)i), telemetry->decisions[i]);
}

static void print_histogram(FILE *out, const struct family *family,
			    const struct histogram *histogram)
{
	uint64_t below = 0;

	print_head(out, family);
	for (size_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
		below += histogram->counts[i];
		fprintf(out, PREFIX "%s_bucket{le=\"%g\"} %" PRIu64 "\n", family->name,
			(double)histogram_bounds_us[i] / 1e6, below);
	}
	fprintf(out, PREFIX "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", family->name,
		histogram_count(histogram));
	fprintf(out, PREFIX "%s_sum %.6f\n", family->name, (double)histogram->sum_us / 1e6);
	fprintf(out, PREFIX "%s_count %" PRIu64 "\n", family->name, histogram_count(histogram));
}

static void print_vm_info(FILE *out, const struct status *status)
{
	if (status->fleet->n_vms)
		print_head(out, &vm_info);
	for (size_t i = 0; i < status->fleet->n_vms; i++) {
		const struct vm *vm = status->fleet->vms[i];

		fprintf(out, PREFIX "%s", vm_info.name);
		print_vm_labels(out, vm);
		print_label(out, "class",
			    vm->described ? conf_vm_class(status->conf, vm->name, &vm->tune) : "");
		print_label(out, "mode", vm->described ? vm_mode_to_string(vm->settings.mode) : "");
		print_label(out, "reason", reason_to_string(vm->decision.reason));
		fputs("} 1\n", out);
	}
}

static void print_alarm(FILE *out, const struct alarms *alarms, enum alarm_kind kind,
			const struct vm *vm)
{
	fprintf(out, PREFIX "%s", alarm_raised.name);
	if (vm) {
		print_vm_labels(out, vm);
		print_label(out, "alarm", alarm_to_string(kind));
		fputc('}', out);
	} else {
		fprintf(out, "{alarm=\"%s\"}", alarm_to_string(kind));
	}
	print_value(out, UNIT_NONE, alarms_raised(alarms, kind, vm ? vm->sample.uuid : NULL));
}

static void print_limits(FILE *out, const struct family *family, enum alarm_unit unit,
			 const struct conf *conf)
{
	print_head(out, family);
	for (int i = 0; i < ALARM_KINDS_; i++) {
		enum alarm_kind kind = (enum alarm_kind)i;
		uint64_t limit;

		if (alarm_unit(kind) != unit || !opt_get(alarm_limit(kind, conf), &limit))
			continue;
		fprintf(out, PREFIX "%s{alarm=\"%s\"}", family->name, alarm_to_string(kind));
		print_value(out, family->unit, limit);
	}
}

static void print_alarms(FILE *out, const struct status *status)
{
	print_limits(out, &alarm_limit_ratio, ALARM_PERMILLE, status->conf);
	print_limits(out, &alarm_limit_seconds, ALARM_US, status->conf);
	if (!status->alarms)
		return;
	print_head(out, &alarm_raised);
	for (int i = 0; i < ALARM_FIRST_OF_VM; i++)
		print_alarm(out, status->alarms, (enum alarm_kind)i, NULL);
	for (size_t v = 0; v < status->fleet->n_vms; v++)
		for (int i = ALARM_FIRST_OF_VM; i < ALARM_KINDS_; i++)
			print_alarm(out, status->alarms, (enum alarm_kind)i, status->fleet->vms[v]);
}

static void print_all(FILE *out, const struct status *status)
{
	const struct scene scene = { .status = status, .advice = advice_migration(status) };

	print_head(out, &build_info);
	fprintf(out, PREFIX "%s{version=\"%s\"} 1\n", build_info.name, AEROSTAT_VERSION);
	print_host_state(out, status);
	print_host(out, status);
	print_decisions(out, status->telemetry);
	print_histogram(out, &tick_seconds, &status->telemetry->tick);
	print_histogram(out, &decide_seconds, &status->telemetry->decide);
	print_alarms(out, status);
	print_vm_info(out, status);
	for (int i = 0; i < VM_METRICS_; i++)
		print_vm_family(out, &scene, (enum vm_metric)i);
}

int metrics_render(const struct status *status, char **ret_text, size_t *ret_length)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	bool failed;

	if (!out)
		return -ENOMEM;
	print_all(out, status);
	failed = ferror(out) != 0;
	if (fclose(out) || failed) {
		free(text);
		return -ENOMEM;
	}
	*ret_text = text;
	*ret_length = length;
	return 0;
}
