// SPDX-License-Identifier: GPL-2.0
/*
 * aerostatctl capacity: how far the host is overcommitted, how far it could be, and whose size does
 * not fit what it needs.
 *
 * What a VM needs is the 95th percentile of its demand, and where that is not known yet, its demand
 * now. The safe factor is the present mix of VMs, multiplied until what they need fills the host.
 */
#include "ctl/capacity.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "ctl/columns.h"
#include "ctl/options.h"
#include "ctl/select.h"
#include "ctl/sentences.h"

/* Of its maximum: with less it is oversized, with more undersized. */
#define OVERSIZED_PERMILLE  500
#define UNDERSIZED_PERMILLE 900

static const char help[] =
	"usage: aerostatctl capacity [OPTION]... [VM]...\n"
	"Show the host's overcommit factor now and the safe one, and for each VM what it needs 95 %\n"
	"of the time beside its maximum: who is oversized, who undersized.\n"
	"\n" CTL_HELP_COMMON;

struct totals {
	json_int_t maximum_kib; /* of the VMs whose need is known */
	json_int_t need_kib;
	size_t unknown;
	size_t early; /* needs that are the demand of now */
};

static const char *verdict(const json_t *vm, json_int_t need_kib, bool early)
{
	json_int_t permille = need_kib * 1000 / number(vm, "max_kib");

	if (permille > UNDERSIZED_PERMILLE || json_is_true(json_object_get(vm, "pressed")))
		return "undersized";
	/* A quiet hour proves nothing. */
	if (permille < OVERSIZED_PERMILLE && !early)
		return "oversized";
	return early ? "too early to tell" : "fits";
}

static void judge_vm(json_t *vm, struct totals *totals)
{
	bool early = !known(vm, "usual_kib");
	json_int_t need_kib = number(vm, early ? "demand_kib" : "usual_kib");

	if ((early && !known(vm, "demand_kib")) || number(vm, "max_kib") <= 0) {
		json_object_set_new(vm, "verdict", json_string("unknown"));
		totals->unknown++;
		return;
	}
	totals->maximum_kib += number(vm, "max_kib");
	totals->need_kib += need_kib;
	totals->early += early;
	json_object_set_new(vm, "need_kib", json_integer(need_kib));
	json_object_set_new(vm, "verdict", json_string(verdict(vm, need_kib, early)));
}

/* Adds to the host "overcommit", "safe_overcommit", as far as they can be told. */
static struct totals judge(json_t *status)
{
	json_t *host = json_object_get(status, "host"), *vms = json_object_get(status, "vms");
	json_int_t usable_kib = number(host, "total_kib") - number(host, "reserve_kib");
	json_int_t maximum_kib = 0;
	struct totals totals = { 0 };

	for (size_t i = 0; i < json_array_size(vms); i++) {
		maximum_kib += number(json_array_get(vms, i), "max_kib");
		judge_vm(json_array_get(vms, i), &totals);
	}
	if (known(host, "budget_kib") && number(host, "budget_kib") < usable_kib)
		usable_kib = number(host, "budget_kib");
	json_object_set_new(host, "maximum_kib", json_integer(maximum_kib));
	if (!known(host, "total_kib") || usable_kib <= 0)
		return totals;
	json_object_set_new(host, "usable_kib", json_integer(usable_kib));
	json_object_set_new(host, "overcommit",
			    json_real((double)maximum_kib / (double)usable_kib));
	if (totals.need_kib)
		json_object_set_new(
			host, "safe_overcommit",
			json_real((double)totals.maximum_kib / (double)totals.need_kib));
	return totals;
}

/* A line of text under a label, broken where the terminal ends. */
static void print_labelled(const char *label, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void print_labelled(const char *label, const char *format, ...)
{
	char text[400], indent[32];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	snprintf(indent, sizeof(indent), "%-17s", label);
	print_wrapped(indent, text);
}

static void print_host(const json_t *host, const struct totals *totals)
{
	const json_t *now = json_object_get(host, "overcommit");
	const json_t *safe = json_object_get(host, "safe_overcommit");

	if (now)
		print_labelled("overcommit now", "%.2f: VMs of %s on %s that they may have",
			       json_real_value(now), SIZE(host, "maximum_kib"),
			       SIZE(host, "usable_kib"));
	if (safe)
		print_labelled("safe overcommit", "%.2f: their need is %s%s", json_real_value(safe),
			       SIZE_KIB(totals->need_kib),
			       totals->early ? "; for some that is only their demand now" : "");
	if (totals->unknown)
		printf("%zu VM%s left out of the safe factor\n", totals->unknown,
		       totals->unknown == 1 ? " reports nothing and is"
					    : "s report nothing and are");
	print_labelled("customary",
		       "1.5 to 2.0 for web servers, 1.2 to 1.5 mixed, 1.0 to 1.2 memory-bound");
}

static void print_vms(const json_t *vms)
{
	printf("\n%-24s %11s %11s %6s  %s\n", "NAME", "MAXIMUM", "NEED P95", "SHARE", "VERDICT");
	for (size_t i = 0; i < json_array_size(vms); i++) {
		const json_t *vm = json_array_get(vms, i);
		char share[16] = "-";

		if (known(vm, "need_kib"))
			snprintf(share, sizeof(share), "%" JSON_INTEGER_FORMAT " %%",
				 number(vm, "need_kib") * 100 / number(vm, "max_kib"));
		printf("%s %11s %11s %6s  %s\n", FIT(text_of(vm, "name", "?"), 24),
		       SIZE(vm, "max_kib"), SIZE(vm, "need_kib"), share,
		       text_of(vm, "verdict", "?"));
	}
}

int ctl_capacity(int argc, char **argv)
{
	struct ctl_common common;
	struct totals totals;
	json_t *status;
	int code;

	if (!ctl_parse(argc, argv, help, NULL, &common, &code))
		return code;
	code = client_status(&common.client, &status);
	if (code != CTL_OK)
		return code;
	totals = judge(status); /* of all VMs, whichever are shown */
	code = select_vms(status, argv + common.first, (size_t)(argc - common.first));
	if (code == CTL_OK && common.json) {
		code = print_json(status);
	} else if (code == CTL_OK) {
		make_printable(status);
		print_host(json_object_get(status, "host"), &totals);
		print_vms(json_object_get(status, "vms"));
	}
	json_decref(status);
	return code;
}
